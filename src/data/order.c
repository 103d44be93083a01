#include "data/order.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/philox.h"

struct order {
    uint64_t seed;
    enum philox_stream stream;
    int64_t n_train, n_val;
    /* one allocation: train, val, then permutation */
    int64_t *train, *val; /* rows, ascending */
    int64_t *permutation; /* (n_train), for pass `pass` */
    uint64_t pass;
    bool permuted;
};

/* A picture in the seeded ranking from which the split is cut. */
struct ranked {
    uint64_t key;
    int64_t row;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t held_out_count(int64_t n, double val_fraction)
{
    if (val_fraction <= 0 || n < 2)
        return 0;
    int64_t count = (int64_t)llround(val_fraction * (double)n);
    return MIN(MAX(count, 1), n - 1);
}

static enum status split(struct order *o, const uint64_t *keys, int64_t n, struct errmsg *em)
{
    struct ranked *ranking = malloc((size_t)n * sizeof *ranking);
    if (!ranking)
        return FAIL(em, ST_MEMORY, "out of memory for the order of %lld pictures", (long long)n);
    for (int64_t i = 0; i < n; i++)
        ranking[i] = (struct ranked){hash64(&keys[i], sizeof keys[i], o->seed), i};
    qsort(ranking, (size_t)n, sizeof *ranking, compare_ranked);
    for (int64_t i = 0; i < n; i++) { /* the first n_val are held out */
        if (i < o->n_val)
            o->val[i] = ranking[i].row;
        else
            o->train[i - o->n_val] = ranking[i].row;
    }
    free(ranking);
    qsort(o->val, (size_t)o->n_val, sizeof *o->val, compare_rows);
    qsort(o->train, (size_t)o->n_train, sizeof *o->train, compare_rows);
    return ST_OK;
}

enum status order_new(const uint64_t *keys, int64_t n, double val_fraction, uint64_t seed,
                      enum order_person person, struct order **out, struct errmsg *em)
{
    if (n < 1)
        return FAIL(em, ST_CONFIG, "no picture is left to train on");
    struct order *o = calloc(1, sizeof *o);
    int64_t *rows = malloc(2 * (size_t)n * sizeof *rows);
    if (!o || !rows) {
        free(o);
        free(rows);
        return FAIL(em, ST_MEMORY, "out of memory for the order of %lld pictures", (long long)n);
    }
    o->seed = seed;
    o->stream = person == ORDER_PERSON_A ? PHILOX_ORDER_A : PHILOX_ORDER_B;
    o->n_val = held_out_count(n, val_fraction);
    o->n_train = n - o->n_val;
    o->train = rows;
    o->val = rows + o->n_train;
    o->permutation = rows + n;
    enum status st = split(o, keys, n, em);
    if (st != ST_OK) {
        order_free(o);
        return st;
    }
    *out = o;
    return ST_OK;
}

enum status order_of_set(struct set *s, double val_fraction, uint64_t seed,
                         enum order_person person, struct order **out, struct errmsg *em)
{
    int64_t n = set_get_info(s)->n;
    uint64_t *keys = NULL;
    enum status st = ST_OK;
    if (val_fraction > 0) {
        keys = malloc((size_t)n * sizeof *keys);
        st = keys ? set_split_keys(s, keys, em)
                  : FAIL(em, ST_MEMORY, "out of memory for the order of %lld pictures",
                         (long long)n);
    }
    if (st == ST_OK)
        st = order_new(keys ? keys : set_hashes(s), n, val_fraction, seed, person, out, em);
    free(keys);
    return st;
}

void order_free(struct order *o)
{
    if (o)
        free(o->train); /* val and permutation, too */
    free(o);
}

int64_t order_train_count(const struct order *o)
{
    return o->n_train;
}

int64_t order_val_count(const struct order *o)
{
    return o->n_val;
}

uint64_t order_held_out_hash(const struct order *o)
{
    return o->n_val > 0 ? hash64(o->val, (size_t)o->n_val * sizeof *o->val, 0) : 0;
}

int64_t order_val_row(const struct order *o, int64_t i)
{
    BUG_ON(i < 0 || i >= o->n_val);
    return o->val[i];
}

int64_t order_train_row(const struct order *o, int64_t i)
{
    BUG_ON(i < 0 || i >= o->n_train);
    return o->train[i];
}

/* Fisher-Yates from the last place down: place i is swapped with one of 0 … i. */
static void permute(struct order *o, uint64_t pass)
{
    struct philox p = philox_at(o->seed, o->stream, pass);
    for (int64_t i = 0; i < o->n_train; i++)
        o->permutation[i] = i;
    for (int64_t i = o->n_train - 1; i > 0; i--) {
        int64_t j = (int64_t)philox_below(&p, (uint64_t)i + 1);
        int64_t kept = o->permutation[i];
        o->permutation[i] = o->permutation[j];
        o->permutation[j] = kept;
    }
    o->pass = pass;
    o->permuted = true;
}

int64_t order_row_at(struct order *o, uint64_t position)
{
    uint64_t n = (uint64_t)o->n_train, pass = position / n;
    if (!o->permuted || o->pass != pass)
        permute(o, pass);
    return o->train[o->permutation[position % n]];
}

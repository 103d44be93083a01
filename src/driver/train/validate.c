#include "validate.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"
#include "truth.h"
#include "vote.h"

#include "base/poison.h"

enum { OWN_NUMBERS = VAL_ANSWERS * MODEL_PEOPLE * 4 };
_Static_assert(sizeof(struct quality_sum) == 4 * sizeof(double), "summed over ranks as doubles");

/* Of one pass: memory for a batch, its pictures and their truth. */
struct validation {
    struct session *s;
    struct vote *vote;
    struct loader_batch batch;
    struct quality_meter *meter;
    uint8_t *memory, *recon[MODEL_PEOPLE], *swap[MODEL_PEOPLE], *truth;
    int64_t pairs;
};

static bool has_truth(const struct session *s, int person)
{
    return set_get_info(s->sets[person])->has_truth;
}

static enum status validation_init(struct validation *v, struct errmsg *em)
{
    const struct session *s = v->s;
    const struct feed_options *trained = feed_get_options(s->feed);
    int size = trained->size;
    size_t picture = (size_t)size * (size_t)size * 3, part = trained->capacity * picture;
    bool masks = set_get_info(s->sets[0])->has_masks && set_get_info(s->sets[1])->has_masks;
    v->memory = malloc(2 * MODEL_PEOPLE * part + picture);
    if (!v->memory)
        return FAIL(em, ST_MEMORY, "out of memory for a validation");
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        v->recon[p] = v->memory + (size_t)(2 * p) * part;
        v->swap[p] = v->memory + (size_t)(2 * p + 1) * part;
    }
    v->truth = v->memory + 2 * MODEL_PEOPLE * part;
    enum status st = loader_batch_init(&v->batch, trained->capacity, size, masks, em);
    if (st == ST_OK && trained->priority)
        st = loader_batch_add_priority(&v->batch, em);
    return st == ST_OK ? quality_meter_new(size, &v->meter, em) : st;
}

static void validation_release(struct validation *v)
{
    quality_meter_free(v->meter);
    loader_batch_release(&v->batch);
    free(v->memory);
}

/* Adds the i-th sample of the batch to the sums of a unit of the vote. */
static enum status measure(struct validation *v, int person, size_t i, size_t unit,
                           struct errmsg *em)
{
    size_t pixels = (size_t)v->batch.size * (size_t)v->batch.size, at = i * pixels * 3;
    const uint8_t *mask = v->batch.masks[person] ? v->batch.masks[person] + i * pixels : NULL;
    struct quality_sum *sums = (struct quality_sum *)vote_own(v->vote, unit);
    quality_add(&sums[VAL_RECON * MODEL_PEOPLE + person],
                quality_measure(v->meter, v->recon[person] + at, v->batch.images[person] + at,
                                mask));
    if (!has_truth(v->s, person))
        return ST_OK;
    enum status st =
        truth_read(v->s->sets[person], v->batch.rows[person][i], v->batch.size, v->truth, em);
    if (st == ST_OK)
        quality_add(&sums[VAL_SWAP * MODEL_PEOPLE + person],
                    quality_measure(v->meter, v->swap[person] + at, v->truth, mask));
    return st;
}

/* The pairs [first, first + n), no more than a batch has room for. */
static enum status validate_batch(struct validation *v, int64_t first, int64_t n, size_t unit,
                                  struct errmsg *em)
{
    enum { ROWS_MAX = 256 };
    struct session *s = v->s;
    int64_t rows[2][ROWS_MAX];
    BUG_ON(n > ROWS_MAX);
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < n; i++)
            rows[p][i] = order_val_row(s->orders[p], (first + i) % order_val_count(s->orders[p]));
    enum status st = loader_fill_rows(s->loader, rows[0], rows[1], (size_t)n, &v->batch, em);
    struct model_batch view = {.n = (size_t)n};
    struct model_pictures pictures = {0};
    struct model_losses losses;
    for (int p = 0; p < 2; p++) {
        view.images[p] = v->batch.images[p];
        if (feed_get_options(s->feed)->masks) /* the run counts by them */
            view.masks[p] = v->batch.masks[p];
        view.draws[p] = v->batch.draws[p];
        view.priority[p] = v->batch.priority[p];
        pictures.recon[p] = v->recon[p];
        pictures.swap[p] = has_truth(s, p) ? v->swap[p] : NULL;
    }
    if (st == ST_OK)
        st = model_evaluate(s->model, &view, (double)v->pairs, &losses, &pictures, em);
    if (st == ST_OK)
        vote_add_losses(v->vote, unit, &losses);
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < n && st == ST_OK; i++)
            if (first + i < order_val_count(s->orders[p])) /* not again */
                st = measure(v, p, (size_t)i, unit, em);
    return st;
}

static enum status validate_range(struct validation *v, int64_t first, int64_t n, size_t unit,
                                  struct errmsg *em)
{
    int64_t part = MIN((int64_t)v->batch.capacity, 256);
    enum status st = ST_OK;
    for (int64_t done = 0; done < n && st == ST_OK; done += part)
        st = validate_batch(v, first + done, MIN(part, n - done), unit, em);
    return st;
}

/* This rank's share: of slots, each a unit of the vote, where the run is reproducible. */
static enum status validate_share(struct validation *v, struct errmsg *em)
{
    const struct session *s = v->s;
    int64_t size = s->slot_sum ? s->config.train.slot_size : 1;
    size_t first, count;
    comm_shard((size_t)((v->pairs + size - 1) / size), comm_world_size(s->comm), comm_rank(s->comm),
               &first, &count);
    if (!s->slot_sum)
        return validate_range(v, (int64_t)first, (int64_t)count, 0, em);
    enum status st = ST_OK;
    for (size_t slot = first; slot < first + count && st == ST_OK; slot++) {
        int64_t begin = (int64_t)slot * size;
        st = validate_range(v, begin, MIN(size, v->pairs - begin), slot, em);
    }
    return st;
}

static void note_best(struct session *s)
{
    struct train_state *t = &s->state;
    bool better = validate_is_better(s, t->best_seen);
    if (better)
        t->best_seen = validate_value(s);
    t->stale = better ? 0 : t->stale + 1;
}

enum status validate_run(struct session *s, struct model_losses *out, struct errmsg *em)
{
    struct vote vote;
    struct validation v = {.s = s, .vote = &vote, .pairs = validate_pairs(s)};
    struct quality_sum sums[VAL_ANSWERS][MODEL_PEOPLE];
    vote_init(&vote, s->slot_sum ? (size_t)MAX(v.pairs, 1) : 1, OWN_NUMBERS);
    feed_pause(s->feed); /* the sets are read here */
    enum status st = validation_init(&v, em);
    if (st == ST_OK)
        st = validate_share(&v, em);
    validation_release(&v);
    st = vote_take(s->comm, st, &vote, em);
    struct model_losses losses = vote_losses(&vote);
    vote_own_sums(&vote, &sums[0][0].l1);
    vote_release(&vote);
    if (st != ST_OK)
        return st;
    *out = losses;
    s->state.val_loss = v.pairs > 0 ? out->total : NAN;
    val_metrics_from(sums, &s->state.val_metrics);
    note_best(s);
    return ST_OK;
}

/* ---- Which one is the best ------------------------------------------------------------------- */

int64_t validate_pairs(const struct session *s)
{
    int64_t n[2] = {order_val_count(s->orders[0]), order_val_count(s->orders[1])};
    return MIN(n[0], n[1]) > 0 ? MAX(n[0], n[1]) : 0;
}

bool validate_is_stale(const struct session *s)
{
    return s->config.train.early_stop > 0 && s->state.stale >= s->config.train.early_stop;
}

void validate_tell_stale(const struct session *s)
{
    int64_t which = s->config.checkpoint.best - BEST_METRICS;
    log_info("stopped early after step %lld of %lld: %s has not become better than %.4g for %lld "
             "validations (train.early_stop); best.pt is of step %lld",
             (long long)s->state.step, (long long)s->steps_total,
             which < 0 ? "the validation loss" : val_metrics_key((int)which * VAL_OF),
             s->state.best_seen, (long long)s->state.stale, (long long)s->state.best_step);
}

enum status validate_check(const struct session *s, struct errmsg *em)
{
    if (s->config.train.early_stop > 0 && validate_pairs(s) == 0)
        return FAIL(em, ST_CONFIG,
                    "train.early_stop = %lld needs held-out pictures of both people: raise "
                    "data.val_fraction = %g, or set train.early_stop = 0",
                    (long long)s->config.train.early_stop, s->config.data.val_fraction);
    int64_t which = s->config.checkpoint.best - BEST_METRICS;
    if (which < VAL_SWAP * VAL_MEASURES || has_truth(s, 0) || has_truth(s, 1))
        return ST_OK;
    return FAIL(em, ST_CONFIG,
                "checkpoint.best = \"%s\" needs the true swaps, and neither %s nor %s holds any: "
                "set it to \"loss\" or \"recon_l1\"",
                val_metrics_key((int)which * VAL_OF), set_path(s->sets[0]), set_path(s->sets[1]));
}

double validate_value(const struct session *s)
{
    int64_t which = s->config.checkpoint.best - BEST_METRICS;
    return which < 0 ? s->state.val_loss : s->state.val_metrics.number[which * VAL_OF];
}

bool validate_is_better(const struct session *s, double other)
{
    int64_t which = s->config.checkpoint.best - BEST_METRICS;
    bool lower = which < 0 || which % VAL_MEASURES == VAL_L1;
    double value = validate_value(s);
    if (validate_pairs(s) == 0)
        return true;
    if (isnan(value) || isnan(other))
        return !isnan(value);
    return lower ? value < other : value > other;
}

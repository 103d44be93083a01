#include "follow.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "data/picture.h"
#include "model/regressor.h"
#include "truth.h"

#include "base/poison.h"

enum { BATCH = 8 };

struct follow_reader {
    struct regressor *regressor;
    double own[POSE_QUANTITIES], n_own[POSE_QUANTITIES]; /* r on so many held-out pictures */
};

/* --- Correlation ------------------------------------------------------------------------------ */

/* r of what was read (x) and what is wanted (y), over the rows in which both are known; *n_out is
 * their number. NaN: fewer than FOLLOW_HELD_OUT_MIN, or y does not vary. 0: x does not vary. */
static double correlate(const double (*x)[POSE_QUANTITIES], const double (*y)[POSE_QUANTITIES],
                        size_t rows, int q, double *n_out)
{
    double n = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < rows; i++) {
        if (!isfinite(x[i][q]) || !isfinite(y[i][q]))
            continue;
        n++;
        double from_x = x[i][q] - mean_x, from_y = y[i][q] - mean_y;
        mean_x += from_x / n;
        mean_y += from_y / n;
        xx += from_x * (x[i][q] - mean_x);
        yy += from_y * (y[i][q] - mean_y);
        xy += from_x * (y[i][q] - mean_y);
    }
    *n_out = n;
    if (n < FOLLOW_HELD_OUT_MIN || !(yy > 0))
        return NAN;
    return xx > 0 ? xy / sqrt(xx * yy) : 0;
}

/* --- Pictures --------------------------------------------------------------------------------- */

/* Evenly spaced rows of a person: of n, at most `most`. */
struct rows {
    const struct order *order;
    bool held_out, all;
    int64_t n, of;
};

static struct rows train_rows(const struct follow_source *s, int person)
{
    int64_t of = order_train_count(s->orders[person]);
    return (struct rows){s->orders[person], false, false, MIN(of, FOLLOW_TRAIN_MAX), of};
}

static struct rows held_out_rows(const struct follow_source *s, int person)
{
    int64_t of = order_val_count(s->orders[person]);
    return (struct rows){s->orders[person], true, false, MIN(of, FOLLOW_HELD_OUT_MAX), of};
}

/* The pictures that are swapped. */
static struct rows source_rows(const struct follow_source *s, int person)
{
    struct rows r = held_out_rows(s, person);
    if (!s->all[person])
        return r;
    int64_t of = set_get_info(s->sets[person])->n;
    return (struct rows){s->orders[person], true, true, MIN(of, FOLLOW_HELD_OUT_MAX), of};
}

static int64_t row_at(const struct rows *r, int64_t i)
{
    i = i * r->of / r->n;
    return r->all ? i : r->held_out ? order_val_row(r->order, i) : order_train_row(r->order, i);
}

/* What was read from n pictures. */
struct readings {
    size_t n;
    double (*wanted)[POSE_QUANTITIES]; /* measured from the points */
    uint8_t *pictures, *true_swaps;    /* (n, REGRESSOR_BYTES) */
    double (*read)[POSE_QUANTITIES];
};

static enum status readings_init(struct readings *r, int64_t n, struct errmsg *em)
{
    r->n = (size_t)n;
    r->wanted = calloc(r->n, sizeof *r->wanted);
    r->read = calloc(r->n, sizeof *r->read);
    r->pictures = calloc(r->n, REGRESSOR_BYTES);
    r->true_swaps = calloc(r->n, REGRESSOR_BYTES);
    bool ok = r->wanted && r->read && r->pictures && r->true_swaps;
    return ok ? ST_OK : FAIL(em, ST_MEMORY, "out of memory for %zu pictures", r->n);
}

static void readings_release(struct readings *r)
{
    free(r->wanted);
    free(r->read);
    free(r->pictures);
    free(r->true_swaps);
}

static enum status shrink(const uint8_t *picture, int size, uint8_t *out, struct errmsg *em)
{
    return picture_resize_bytes(picture, size, size, 3, out, REGRESSOR_SIDE, REGRESSOR_SIDE, em);
}

static enum status read_wanted(struct set *set, int64_t row, double out[POSE_QUANTITIES],
                               struct errmsg *em)
{
    float points[FACE_POINTS][2];
    enum status st = set_read_points(set, row, points, em);
    if (st == ST_OK)
        pose_quantities_of((const float(*)[2])points, out);
    return st;
}

/* Memory for a batch at the model's size. */
struct workspace {
    struct batch batch;
    uint8_t *swaps, *truth;
};

static enum status workspace_init(struct workspace *w, const struct follow_source *s,
                                  struct errmsg *em)
{
    size_t bytes = (size_t)s->size * (size_t)s->size * 3;
    w->swaps = malloc(BATCH * bytes);
    w->truth = malloc(bytes);
    if (!w->swaps || !w->truth)
        return FAIL(em, ST_MEMORY, "out of memory");
    return batch_init(&w->batch, BATCH, s->size, BATCH_POSE | BATCH_POSE_KNOWN, em);
}

static void workspace_release(struct workspace *w)
{
    batch_release(&w->batch);
    free(w->swaps);
    free(w->truth);
}

/* Loads n <= BATCH rows of a person, from number `first`, into the batch. */
static enum status load_batch(const struct follow_source *s, int person, const struct rows *rows,
                              size_t first, size_t n, struct workspace *w, struct errmsg *em)
{
    int64_t which[BATCH];
    for (size_t i = 0; i < n; i++)
        which[i] = row_at(rows, (int64_t)(first + i));
    return loader_fill_rows(s->loader, person == 0 ? which : NULL, person == 1 ? which : NULL, n,
                            &w->batch, em);
}

static enum status swap(const struct follow_source *s, int person, struct workspace *w,
                        struct errmsg *em)
{
    struct batch b = {.n = w->batch.n, .size = w->batch.size};
    b.images[person] = w->batch.images[person];
    b.pose[person] = w->batch.pose[person];
    b.pose_known[person] = w->batch.pose_known[person];
    return s->swap(s->context, person, &b, w->swaps, em);
}

/* Fills wanted and pictures: a person's own pictures or, with `swapped`, their swaps and true
 * swaps. */
static enum status fill_readings(const struct follow_source *s, int person, const struct rows *rows,
                                 bool swapped, struct readings *out, struct errmsg *em)
{
    struct workspace w = {0};
    enum status st = workspace_init(&w, s, em);
    bool truth = swapped && set_get_info(s->sets[person])->has_truth;
    size_t bytes = (size_t)w.batch.size * (size_t)w.batch.size * 3;
    for (size_t done = 0; done < out->n && st == ST_OK; done += BATCH) {
        size_t n = MIN(out->n - done, (size_t)BATCH);
        st = load_batch(s, person, rows, done, n, &w, em);
        if (st == ST_OK && swapped)
            st = swap(s, person, &w, em);
        const uint8_t *shown = swapped ? w.swaps : w.batch.images[person];
        for (size_t i = 0; i < n && st == ST_OK; i++) {
            size_t at = (done + i) * REGRESSOR_BYTES;
            int64_t row = row_at(rows, (int64_t)(done + i));
            st = read_wanted(s->sets[person], row, out->wanted[done + i], em);
            if (st == ST_OK)
                st = shrink(shown + i * bytes, w.batch.size, out->pictures + at, em);
            if (st == ST_OK && truth)
                st = truth_read(s->sets[person], row, w.batch.size, w.truth, em);
            if (st == ST_OK && truth)
                st = shrink(w.truth, w.batch.size, out->true_swaps + at, em);
        }
    }
    workspace_release(&w);
    return st;
}

/* --- Readers ---------------------------------------------------------------------------------- */

bool follow_is_possible(const struct follow_source *s, int person)
{
    int shown = 1 - person;
    return set_get_info(s->sets[person])->has_points && set_get_info(s->sets[shown])->has_points &&
           train_rows(s, shown).n >= FOLLOW_TRAIN_MIN &&
           held_out_rows(s, shown).n >= FOLLOW_HELD_OUT_MIN &&
           source_rows(s, person).n >= FOLLOW_HELD_OUT_MIN;
}

static enum status train_reader(const struct follow_source *s, int shown,
                                struct follow_reader *reader, struct errmsg *em)
{
    struct readings r = {0};
    const struct rows rows = train_rows(s, shown);
    bool sideways[POSE_QUANTITIES];
    for (int q = 0; q < POSE_QUANTITIES; q++)
        sideways[q] = pose_quantity_is_sideways((enum pose_quantity)q);
    enum status st = readings_init(&r, rows.n, em);
    if (st == ST_OK)
        st = fill_readings(s, shown, &rows, false, &r, em);
    const struct regressor_lesson lesson = {
        .n = r.n,
        .pictures = r.pictures,
        .n_numbers = POSE_QUANTITIES,
        .numbers = r.wanted ? r.wanted[0] : NULL,
        .sideways = sideways,
        .seed = s->seed,
        .index = (uint64_t)shown,
    };
    if (st == ST_OK)
        st = regressor_train(&lesson, &reader->regressor, em);
    readings_release(&r);
    return st;
}

static enum status test_reader(const struct follow_source *s, int shown,
                               struct follow_reader *reader, struct errmsg *em)
{
    struct readings r = {0};
    const struct rows rows = held_out_rows(s, shown);
    enum status st = readings_init(&r, rows.n, em);
    if (st == ST_OK)
        st = fill_readings(s, shown, &rows, false, &r, em);
    if (st == ST_OK)
        st = regressor_run(reader->regressor, r.n, r.pictures, r.read[0], em);
    for (int q = 0; q < POSE_QUANTITIES && st == ST_OK; q++)
        reader->own[q] =
            correlate((const double(*)[POSE_QUANTITIES])r.read,
                      (const double(*)[POSE_QUANTITIES])r.wanted, r.n, q, &reader->n_own[q]);
    readings_release(&r);
    return st;
}

enum status follow_reader_train(const struct follow_source *s, int person,
                                struct follow_reader **out, struct errmsg *em)
{
    struct follow_reader *reader = calloc(1, sizeof *reader);
    enum status st = reader ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = train_reader(s, 1 - person, reader, em);
    if (st == ST_OK)
        st = test_reader(s, 1 - person, reader, em);
    if (st == ST_OK)
        *out = reader;
    else
        follow_reader_free(reader);
    return st;
}

void follow_reader_free(struct follow_reader *r)
{
    if (r)
        regressor_free(r->regressor);
    free(r);
}

/* --- Swaps ------------------------------------------------------------------------------------ */

void follow_clear(struct follow *f)
{
    for (int q = 0; q < POSE_QUANTITIES; q++)
        f->of[q] = (struct follow_quantity){NAN, NAN, NAN, 0, 0};
}

enum status follow_measure(const struct follow_source *s, int person, struct follow_reader *reader,
                           struct follow *out, struct errmsg *em)
{
    struct readings r = {0};
    const struct rows rows = source_rows(s, person);
    follow_clear(out);
    enum status st = readings_init(&r, rows.n, em);
    if (st == ST_OK)
        st = fill_readings(s, person, &rows, true, &r, em);
    for (int truth = 0; truth < 2 && st == ST_OK; truth++) {
        if (truth && !set_get_info(s->sets[person])->has_truth)
            break;
        st =
            regressor_run(reader->regressor, r.n, truth ? r.true_swaps : r.pictures, r.read[0], em);
        for (int q = 0; q < POSE_QUANTITIES && st == ST_OK; q++) {
            struct follow_quantity *of = &out->of[q];
            of->reader = reader->own[q];
            of->n_reader = reader->n_own[q];
            *(truth ? &of->true_swap : &of->swap) =
                correlate((const double(*)[POSE_QUANTITIES])r.read,
                          (const double(*)[POSE_QUANTITIES])r.wanted, r.n, q, &of->n);
        }
    }
    readings_release(&r);
    return st;
}

#include "validate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "feed.h"
#include "outputs.h"
#include "truth.h"
#include "validate_follow.h"
#include "vote.h"

#include "base/poison.h"

/* Pairs that are checked for a collapse only. */
enum { COLLAPSE_PAIRS = 16, OWN_NUMBERS = VAL_ANSWERS * MODEL_PEOPLE * 4 };
_Static_assert(sizeof(struct quality_sum) == 4 * sizeof(double), "summed over ranks as doubles");
_Static_assert(sizeof(struct outputs_sum) == (5 + 2 * (3 + OUTPUTS_GRID)) * sizeof(double),
               "likewise");

/* One pass: memory for a batch, its pictures and their true swaps. */
struct validation {
    struct session *s;
    struct vote *vote;
    struct outputs_sum outputs[MODEL_PEOPLE];
    bool measures; /* also measures val_metrics */
    struct batch batch;
    struct quality_meter *meter;
    uint8_t *memory, *recon[MODEL_PEOPLE], *swap[MODEL_PEOPLE], *truth;
    int64_t pairs;
};

/* The name of the value of checkpoint.best. */
static const char *best_name(const struct run *run)
{
    int64_t which = run->config.checkpoint.best - BEST_METRICS;
    return which < 0 ? "the loss between reconstructions and pictures"
                     : val_metrics_key((int)which * VAL_OF);
}

static bool has_truth(const struct run *run, int person)
{
    return set_get_info(run->sets[person])->has_truth;
}

static enum status validation_init(struct validation *v, struct errmsg *em)
{
    const struct session *s = v->s;
    const struct feed_options *trained = feed_get_options(s->stage.feed);
    int size = trained->size;
    size_t picture = (size_t)size * (size_t)size * 3, part = trained->capacity * picture;
    bool masks = set_get_info(s->run.sets[0])->has_masks && set_get_info(s->run.sets[1])->has_masks;
    v->memory = malloc((size_t)2 * MODEL_PEOPLE * part + picture);
    if (!v->memory)
        return FAIL(em, ST_MEMORY, "out of memory for a validation");
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        v->recon[p] = v->memory + (size_t)(2 * p) * part;
        v->swap[p] = v->memory + (size_t)(2 * p + 1) * part;
    }
    v->truth = v->memory + (size_t)2 * MODEL_PEOPLE * part;
    unsigned arrays = (trained->arrays & (BATCH_PRIORITY | BATCH_POSE | BATCH_POSE_KNOWN)) |
                      (masks ? BATCH_MASKS : 0);
    enum status st = batch_init(&v->batch, trained->capacity, size, arrays, em);
    return st == ST_OK ? quality_meter_new(size, &v->meter, em) : st;
}

static void validation_release(struct validation *v)
{
    quality_meter_free(v->meter);
    batch_release(&v->batch);
    free(v->memory);
}

/* True: uses held-out pictures. False: there are none, it uses training pictures. */
static bool is_held_out(const struct run *run)
{
    return validate_pairs(run) > 0;
}

static int64_t count_of(const struct run *run, int person)
{
    return is_held_out(run) ? order_val_count(run->orders[person])
                            : order_train_count(run->orders[person]);
}

static int64_t row_of(const struct run *run, int person, int64_t i)
{
    i %= count_of(run, person);
    return is_held_out(run) ? order_val_row(run->orders[person], i)
                            : order_train_row(run->orders[person], i);
}

/* Adds the i-th sample of the batch to the sums of a unit of the vote. */
static enum status measure(struct validation *v, int person, size_t i, size_t unit,
                           struct errmsg *em)
{
    size_t pixels = (size_t)v->batch.size * (size_t)v->batch.size, at = i * pixels * 3;
    const uint8_t *mask = v->batch.masks[person] ? v->batch.masks[person] + i * pixels : NULL;
    struct quality_sum *sums = (struct quality_sum *)vote_own(v->vote, unit);
    outputs_add(&v->outputs[person], v->recon[person] + at, v->batch.images[person] + at,
                v->s->run.config.loss.mask > 0 ? mask : NULL, v->batch.size);
    if (!v->measures)
        return ST_OK;
    quality_add(&sums[VAL_RECON * MODEL_PEOPLE + person],
                quality_measure(v->meter, v->recon[person] + at, v->batch.images[person] + at,
                                mask));
    if (!has_truth(&v->s->run, person))
        return ST_OK;
    enum status st =
        truth_read(v->s->run.sets[person], v->batch.rows[person][i], v->batch.size, v->truth, em);
    if (st == ST_OK)
        quality_add(&sums[VAL_SWAP * MODEL_PEOPLE + person],
                    quality_measure(v->meter, v->swap[person] + at, v->truth, mask));
    return st;
}

/* The pairs [first, first + n); n is at most the size of a batch. */
static enum status validate_batch(struct validation *v, int64_t first, int64_t n, size_t unit,
                                  struct errmsg *em)
{
    enum { ROWS_MAX = 256 };
    struct session *s = v->s;
    int64_t rows[2][ROWS_MAX];
    BUG_ON(n > ROWS_MAX);
    watchdog_enter(s->run.watchdog, WATCH_VALIDATE, s->state.step); /* its deadline is a batch's */
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < n; i++)
            rows[p][i] = row_of(&s->run, p, first + i);
    enum status st = loader_fill_rows(s->stage.loader, rows[0], rows[1], (size_t)n, &v->batch, em);
    struct batch shown = v->batch; /* the model's input: masks only if the run uses them */
    struct model_pictures pictures = {0};
    struct model_losses losses;
    for (int p = 0; p < 2; p++) {
        if (!(feed_get_options(s->stage.feed)->arrays & BATCH_MASKS))
            shown.masks[p] = NULL;
        pictures.recon[p] = v->recon[p];
        pictures.swap[p] = v->measures && has_truth(&s->run, p) ? v->swap[p] : NULL;
    }
    if (st == ST_OK)
        st = model_evaluate(s->stage.model, &shown, (double)v->pairs, &losses, &pictures, em);
    if (st == ST_OK)
        vote_add_losses(v->vote, unit, &losses);
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < n && st == ST_OK; i++)
            if (first + i < count_of(&s->run, p)) /* do not measure a repeated picture */
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

/* This rank's share. With train.reproducible its slots, each a unit of the vote. */
static enum status validate_share(struct validation *v, struct errmsg *em)
{
    const struct session *s = v->s;
    int64_t size = s->stage.slot_sum ? s->run.config.train.slot_size : 1;
    size_t first, count;
    comm_shard((size_t)((v->pairs + size - 1) / size), comm_world_size(s->run.comm),
               comm_rank(s->run.comm), &first, &count);
    if (!s->stage.slot_sum)
        return validate_range(v, (int64_t)first, (int64_t)count, 0, em);
    enum status st = ST_OK;
    for (size_t slot = first; slot < first + count && st == ST_OK; slot++) {
        int64_t begin = (int64_t)slot * size;
        st = validate_range(v, begin, MIN(size, v->pairs - begin), slot, em);
    }
    return st;
}

static void record_best(struct session *s)
{
    struct train_state *t = &s->state;
    if (validate_pairs(&s->run) > 0 && !isfinite(validate_value(s))) {
        if (comm_rank(s->run.comm) == 0)
            log_warn("%s could not be measured at this validation: it counts neither for best.pt "
                     "nor for train.early_stop",
                     best_name(&s->run));
        return;
    }
    bool better = validate_is_better(s, t->best_seen);
    if (better)
        t->best_seen = validate_value(s);
    t->stale = better ? 0 : t->stale + 1;
}

/* Sums the statistics of outputs over ranks. The sums are of whole numbers, so their order does not
 * matter. */
static enum status share_outputs(struct validation *v, struct errmsg *em)
{
    enum { NUMBERS = MODEL_PEOPLE * (sizeof(struct outputs_sum) / sizeof(double)) };
    struct vote vote;
    vote_init(&vote, 1, NUMBERS);
    memcpy(vote_own(&vote, 0), v->outputs, sizeof v->outputs);
    enum status st = vote_take(v->s->run.comm, ST_OK, &vote, em);
    vote_own_sums(&vote, &v->outputs[0].pictures);
    vote_release(&vote);
    return st;
}

/* COLLECTIVE: all ranks together validate the pairs of v. */
static enum status run_pass(struct validation *v, struct model_losses *losses,
                            struct quality_sum sums[VAL_ANSWERS][MODEL_PEOPLE],
                            struct collapse_view seen[MODEL_PEOPLE], struct errmsg *em)
{
    struct session *s = v->s;
    struct vote vote;
    vote_init(&vote, s->stage.slot_sum ? (size_t)MAX(v->pairs, 1) : 1, OWN_NUMBERS);
    v->vote = &vote;
    feed_pause(s->stage.feed); /* this thread reads the sets */
    enum status st = validation_init(v, em);
    if (st == ST_OK)
        st = validate_share(v, em);
    validation_release(v);
    st = vote_take(s->run.comm, st, &vote, em);
    *losses = vote_losses(&vote);
    vote_own_sums(&vote, &sums[0][0].l1);
    vote_release(&vote);
    if (st == ST_OK)
        st = share_outputs(v, em);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        seen[who] = (struct collapse_view){
            .loss = collapse_loss(&s->run.config, losses, who),
            .seen = outputs_from(&v->outputs[who]),
        };
    return st;
}

/* Validates a few pairs, to check for a collapse only. */
static enum status validate_few(struct session *s, struct collapse_view seen[MODEL_PEOPLE],
                                struct errmsg *em)
{
    struct validation v = {.s = s,
                           .pairs = MIN(MAX(count_of(&s->run, MODEL_A), count_of(&s->run, MODEL_B)),
                                        COLLAPSE_PAIRS)};
    struct quality_sum unused[VAL_ANSWERS][MODEL_PEOPLE];
    struct model_losses losses;
    return run_pass(&v, &losses, unused, seen, em);
}

static bool guard_is_on(const struct run *run)
{
    return run->config.guard.spike > 0;
}

enum status validate_check_collapse(struct session *s,
                                    struct collapse_view seen[static MODEL_PEOPLE],
                                    bool *collapsed_out, struct errmsg *em)
{
    for (int who = 0; who < MODEL_PEOPLE; who++)
        seen[who] = (struct collapse_view){0};
    *collapsed_out = false;
    if (!guard_is_on(&s->run))
        return ST_OK;
    watchdog_enter(s->run.watchdog, WATCH_VALIDATE, s->state.step);
    enum status st = validate_few(s, seen, em);
    if (st == ST_OK)
        *collapsed_out = collapse_judge(&s->state.collapse, seen);
    return st;
}

static void record_collapse(struct session *s,
                            const struct collapse_view of_parameters[MODEL_PEOPLE],
                            struct collapse_view seen[MODEL_PEOPLE])
{
    (void)collapse_judge(&s->state.collapse, seen);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (seen[who].kind == COLLAPSE_NONE && of_parameters[who].kind != COLLAPSE_NONE)
            seen[who] = of_parameters[who];
    collapse_record_validation(&s->state.collapse, seen);
}

enum status validate_run(struct session *s,
                         const struct collapse_view of_parameters[static MODEL_PEOPLE],
                         struct model_losses *out, struct collapse_view seen[static MODEL_PEOPLE],
                         struct errmsg *em)
{
    struct validation v = {.s = s, .pairs = validate_pairs(&s->run), .measures = true};
    struct quality_sum sums[VAL_ANSWERS][MODEL_PEOPLE] = {0};
    struct model_losses losses = {0};
    enum status st = ST_OK;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        seen[who] = (struct collapse_view){0};
    if (v.pairs > 0)
        st = run_pass(&v, &losses, sums, seen, em);
    else if (guard_is_on(&s->run))
        st = validate_few(s, seen, em);
    if (st != ST_OK)
        return st;
    *out = losses;
    s->state.val_loss = v.pairs > 0 ? out->total : NAN;
    s->val_compared = v.pairs > 0 ? collapse_loss(&s->run.config, out, MODEL_A) +
                                        collapse_loss(&s->run.config, out, MODEL_B)
                                  : NAN;
    val_metrics_from(sums, &s->state.val_metrics);
    bool decides = validate_by_follow(&s->run.config);
    if (decides)
        st = validate_follow(s, em);
    if (st == ST_OK)
        record_best(s);
    if (st == ST_OK && !decides && session_run_is_over(s))
        st = validate_follow(s, em);
    if (st == ST_OK && guard_is_on(&s->run))
        record_collapse(s, of_parameters, seen);
    return st;
}

/* ---- The best state -------------------------------------------------------------------------- */

int64_t validate_pairs(const struct run *run)
{
    int64_t n[2] = {order_val_count(run->orders[0]), order_val_count(run->orders[1])};
    return MIN(n[0], n[1]) > 0 ? MAX(n[0], n[1]) : 0;
}

void validate_log_stale(const struct session *s)
{
    log_info("stopped early after step %lld of %lld: %s has not become better than %.4g for %lld "
             "validations (train.early_stop); best.pt is of step %lld",
             (long long)s->state.step, (long long)s->stage.steps_total, best_name(&s->run),
             s->state.best_seen, (long long)s->state.stale, (long long)s->state.best_step);
}

/* *out: this person has a held-out picture that can be measured: its mask is not empty. */
static enum status has_measurable(const struct run *run, int person, bool *out, struct errmsg *em)
{
    struct set *set = run->sets[person];
    size_t side = (size_t)set_get_info(set)->size, pixels = side * side;
    int64_t n = order_val_count(run->orders[person]);
    enum status st = ST_OK;
    bool masks = set_get_info(run->sets[0])->has_masks && set_get_info(run->sets[1])->has_masks;
    *out = !masks && n > 0;
    uint8_t *mask = masks ? malloc(pixels) : NULL;
    if (masks && !mask)
        return FAIL(em, ST_MEMORY, "out of memory for a mask");
    for (int64_t i = 0; masks && i < n && st == ST_OK && !*out; i++) {
        st = set_read_mask(set, order_val_row(run->orders[person], i), mask, em);
        for (size_t k = 0; k < pixels && st == ST_OK && !*out; k++)
            *out = mask[k] > 0;
    }
    free(mask);
    return st;
}

static bool is_of_swaps(const struct run *run)
{
    return !validate_by_follow(&run->config) &&
           run->config.checkpoint.best - BEST_METRICS >= (int64_t)VAL_SWAP * VAL_MEASURES;
}

/* Checks that checkpoint.best = "follow" can be measured. */
static enum status check_follow(const struct run *run, struct errmsg *em)
{
    if (validate_can_follow(run, MODEL_A) || validate_can_follow(run, MODEL_B))
        return ST_OK;
    return FAIL(em, ST_CONFIG,
                "checkpoint.best = \"follow\" needs points in both sets, at least %d training "
                "pictures and %d held-out pictures of each person; %s has %s points and %" PRId64
                " + %" PRId64 " pictures, %s has %s points and %" PRId64 " + %" PRId64
                ": set it to \"loss\" or \"recon_l1\", or pack the sets with points.csv",
                FOLLOW_TRAIN_MIN, FOLLOW_HELD_OUT_MIN, set_path(run->sets[0]),
                set_get_info(run->sets[0])->has_points ? "its" : "no",
                order_train_count(run->orders[0]), order_val_count(run->orders[0]),
                set_path(run->sets[1]), set_get_info(run->sets[1])->has_points ? "its" : "no",
                order_train_count(run->orders[1]), order_val_count(run->orders[1]));
}

/* Checks that the metric of checkpoint.best can be measured. */
static enum status check_metric(const struct run *run, const char *name, struct errmsg *em)
{
    bool swap = is_of_swaps(run), counts[MODEL_PEOPLE], measurable[MODEL_PEOPLE];
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        enum status st = has_measurable(run, p, &measurable[p], em);
        if (st != ST_OK)
            return st;
        counts[p] = !swap || has_truth(run, p);
    }
    if (!(counts[MODEL_A] && measurable[MODEL_A]) && !(counts[MODEL_B] && measurable[MODEL_B]))
        return FAIL(em, ST_CONFIG,
                    "checkpoint.best = \"%s\" is measured inside the face masks, and the masks of "
                    "all held-out pictures%s in %s and %s are empty: set it to \"loss\", or pack "
                    "the sets with masks that mark the faces, or with none",
                    name, swap ? " that have a true swap" : "", set_path(run->sets[0]),
                    set_path(run->sets[1]));
    for (int p = 0; p < MODEL_PEOPLE; p++)
        if (counts[p] && !measurable[p] && comm_rank(run->comm) == 0)
            log_warn("the masks of all held-out pictures in %s are empty: checkpoint.best = "
                     "\"%s\" measures person %c alone",
                     set_path(run->sets[p]), name, "BA"[p]);
    return ST_OK;
}

enum status validate_check(const struct run *run, struct errmsg *em)
{
    bool metric = run->config.checkpoint.best >= BEST_METRICS;
    if (is_of_swaps(run) && !has_truth(run, MODEL_A) && !has_truth(run, MODEL_B))
        return FAIL(em, ST_CONFIG,
                    "checkpoint.best = \"%s\" needs the true swaps, and neither %s nor %s holds "
                    "any: set it to \"loss\" or \"recon_l1\"",
                    best_name(run), set_path(run->sets[0]), set_path(run->sets[1]));
    if (validate_pairs(run) > 0 && validate_by_follow(&run->config))
        return check_follow(run, em);
    if (validate_pairs(run) > 0)
        return metric ? check_metric(run, best_name(run), em) : ST_OK;
    if (run->config.train.early_stop > 0)
        return FAIL(em, ST_CONFIG,
                    "train.early_stop = %lld needs held-out pictures of both people: raise "
                    "data.val_fraction = %g, or set train.early_stop = 0",
                    (long long)run->config.train.early_stop, run->config.data.val_fraction);
    if (metric && comm_rank(run->comm) == 0)
        log_warn("checkpoint.best = \"%s\" does nothing without held-out pictures of both people: "
                 "best.pt is the newest checkpoint (data.val_fraction = %g)",
                 best_name(run), run->config.data.val_fraction);
    return ST_OK;
}

double validate_value(const struct session *s)
{
    int64_t which = s->run.config.checkpoint.best - BEST_METRICS;
    return which < 0 ? s->val_compared : s->state.val_metrics.number[which * VAL_OF];
}

bool validate_is_better(const struct session *s, double other)
{
    int64_t which = s->run.config.checkpoint.best - BEST_METRICS;
    bool lower =
        which < 0 || (which % VAL_MEASURES == VAL_L1 && !validate_by_follow(&s->run.config));
    double value = validate_value(s);
    if (validate_pairs(&s->run) == 0)
        return true;
    if (isnan(value) || isnan(other))
        return !isnan(value);
    return lower ? value < other : value > other;
}

#include "validate_follow.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "feed.h"
#include "vote.h"

#include "base/poison.h"

enum { NUMBERS = MODEL_PEOPLE * (sizeof(struct follow) / sizeof(double)) };
_Static_assert(sizeof(struct follow) == (size_t)POSE_QUANTITIES * 5 * sizeof(double),
               "summed as doubles");

static struct follow_source source_of(const struct run *run)
{
    struct follow_source source = {.seed = run->config.train.seed};
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        source.sets[p] = run->sets[p];
        source.orders[p] = run->orders[p];
    }
    return source;
}

bool validate_by_follow(const struct config *c)
{
    return (c->checkpoint.best - BEST_METRICS) * VAL_OF == VAL_FOLLOW;
}

bool validate_can_follow(const struct run *run, int person)
{
    const struct follow_source source = source_of(run);
    return follow_is_possible(&source, person);
}

/* follow_swap with the stage's model. */
static enum status swap(void *context, int person, const struct batch *b, uint8_t *swaps,
                        struct errmsg *em)
{
    struct stage *stage = context;
    struct model_pictures made = {0};
    made.swap[person] = swaps;
    return model_run(stage->model, b, &made, em);
}

static enum status measure(struct session *s, int person, struct follow *out, struct errmsg *em)
{
    struct follow_source source = source_of(&s->run);
    struct follow_reader **reader = &s->stage.readers[person];
    source.swap = swap;
    source.context = &s->stage;
    source.size = feed_get_options(s->stage.feed)->size;
    source.loader = s->stage.loader;
    enum status st = *reader ? ST_OK : follow_reader_train(&source, person, reader, em);
    return st == ST_OK ? follow_measure(&source, person, *reader, out, em) : st;
}

static void record(struct session *s, const struct follow follow[MODEL_PEOPLE])
{
    double *number = s->state.val_metrics.number;
    double mean[MODEL_PEOPLE];
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        struct follow one[MODEL_PEOPLE];
        follow_clear(&one[1 - p]);
        one[p] = follow[p];
        mean[p] = follow_mean(one);
        number[VAL_FOLLOW + 1 + p] = mean[p];
        for (int q = 0; q < POSE_QUANTITIES; q++) {
            number[val_metrics_follow(q, false) + 1 + p] = follow[p].of[q].swap;
            number[val_metrics_follow(q, true) + 1 + p] = follow[p].of[q].reader;
        }
    }
    number[VAL_FOLLOW] = follow_mean(follow);
}

enum status validate_follow(struct session *s, struct errmsg *em)
{
    int ranks = comm_world_size(s->run.comm), rank = comm_rank(s->run.comm);
    bool can[MODEL_PEOPLE] = {validate_can_follow(&s->run, 0), validate_can_follow(&s->run, 1)};
    if (!can[0] && !can[1])
        return ST_OK;
    struct follow own[MODEL_PEOPLE] = {0}; /* other ranks add zeros */
    struct vote vote;
    enum status st = ST_OK;
    feed_pause(s->stage.feed);
    for (int p = 0; p < MODEL_PEOPLE; p++)
        if (rank == p % ranks && st == ST_OK) {
            watchdog_enter(s->run.watchdog, WATCH_REPORT, s->state.step);
            follow_clear(&own[p]);
            st = can[p] ? measure(s, p, &own[p], em) : ST_OK;
        }
    vote_init(&vote, 1, NUMBERS);
    memcpy(vote_own(&vote, 0), own, sizeof own);
    st = vote_take(s->run.comm, st, &vote, em);
    vote_own_sums(&vote, &own[0].of[0].swap);
    vote_release(&vote);
    if (st == ST_OK)
        record(s, own);
    return st;
}

void validate_get_follow(const struct session *s, struct follow out[static MODEL_PEOPLE])
{
    const double *number = s->state.val_metrics.number;
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        follow_clear(&out[p]);
        for (int q = 0; q < POSE_QUANTITIES; q++) {
            out[p].of[q].swap = number[val_metrics_follow(q, false) + 1 + p];
            out[p].of[q].reader = number[val_metrics_follow(q, true) + 1 + p];
            out[p].of[q].n = (double)MIN(order_val_count(s->run.orders[p]), FOLLOW_HELD_OUT_MAX);
            out[p].of[q].n_reader =
                (double)MIN(order_val_count(s->run.orders[1 - p]), FOLLOW_HELD_OUT_MAX);
        }
    }
}

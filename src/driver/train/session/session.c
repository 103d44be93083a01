/* What a run has from its beginning to its end: sets, orders, state. */
#include "session.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adversary.h"
#include "base/checked.h"
#include "base/log.h"
#include "colours.h"
#include "schedule.h"
#include "set_notes.h"
#include "staging.h"
#include "validate.h"
#include "zero.h"

static const char person_letter[2] = {'A', 'B'};

enum status session_share_bytes(struct comm *c, void *range, size_t n, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    enum status st = comm_broadcast_begin(c, range, n, COMM_U8, 0, NULL, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, COMM_NO_DEADLINE, em) : st;
}

enum status session_share_text(struct comm *c, const char *text, char **text_out, struct errmsg *em)
{
    size_t n = comm_rank(c) == 0 && text ? strlen(text) : 0;
    enum status st = session_share_bytes(c, &n, sizeof n, em);
    if (st != ST_OK)
        return st;
    char *copy = calloc(1, n + 1);
    st = comm_agree(c, copy ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        if (comm_rank(c) == 0 && n > 0)
            memcpy(copy, text, n);
        st = session_share_bytes(c, copy, n, em);
    }
    if (st != ST_OK) {
        free(copy);
        return st;
    }
    *text_out = copy;
    return ST_OK;
}

static enum status open_set(struct session *s, int person, const char *path, struct errmsg *em)
{
    enum status st = set_open(path, &s->sets[person], em);
    if (st != ST_OK)
        return st;
    const struct set_info *info = set_get_info(s->sets[person]);
    if (info->consent[0] == '\0')
        return FAIL(em, ST_DATA,
                    "%s: the set of person %c (\"%s\") carries no consent statement; pack it again "
                    "with --consent \"who agreed to what\"",
                    path, person_letter[person], info->person);
    st = order_new(set_hashes(s->sets[person]), info->n, s->config.data.val_fraction,
                   s->config.train.seed, (enum order_person)person, &s->orders[person], em);
    if (st != ST_OK)
        return st;
    int64_t n = order_train_count(s->orders[person]), batch = config_largest_batch(&s->config);
    if (n < batch)
        return FAIL(em, ST_DATA,
                    "%s: %lld training pictures of person %c are fewer than a batch of %lld; add "
                    "pictures or lower train.global_batch",
                    path, (long long)n, person_letter[person], (long long)batch);
    return ST_OK;
}

static enum status open_sets(struct session *s, struct errmsg *em)
{
    struct staging staged;
    enum status st = staging_prepare(s, &staged, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = open_set(s, p, staged.path[p], em);
    return st;
}

const char *session_set_name(const struct session *s, int person)
{
    return person == 0 ? s->config.data.a : s->config.data.b;
}

bool session_uses_masks(const struct session *s)
{
    return s->config.data.masks && set_get_info(s->sets[0])->has_masks &&
           set_get_info(s->sets[1])->has_masks;
}

static enum status measure_colours(struct session *s, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st =
            colours_measure(s->sets[p], s->orders[p], session_uses_masks(s),
                            (enum augment_space)s->config.augment.colour_space, &s->colours[p], em);
    return st;
}

/* Every rank must have read the same pictures: a stale copy on one node would train on silently. */
static enum status check_same_sets(struct session *s, struct errmsg *em)
{
    uint64_t mine[2], root[2];
    for (int p = 0; p < 2; p++)
        mine[p] = root[p] = set_get_info(s->sets[p])->fingerprint;
    enum status st = session_share_bytes(s->comm, root, sizeof root, em);
    if (st != ST_OK)
        return st;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        if (mine[p] != root[p])
            st =
                FAIL(em, ST_DATA,
                     "%s on host %s holds other pictures than on rank 0's host; copy the same file "
                     "to every node",
                     set_path(s->sets[p]), comm_host_name(s->comm));
    return comm_agree(s->comm, st, em);
}

/* Stages are there to learn from larger pictures, not from enlarged ones. */
static enum status check_stage_sizes(const struct session *s, struct errmsg *em)
{
    const struct config_stages *stages = &s->config.train.stages;
    for (int64_t i = 0; i < stages->n; i++)
        for (int p = 0; p < 2; p++) {
            int size = set_get_info(s->sets[p])->size;
            if (stages->list[i].image_size > size)
                return FAIL(em, ST_CONFIG,
                            "stage %" PRId64 " of train.stages: image_size = %" PRId64
                            " is more than the %d px of %s (data.%c): pack it at the largest "
                            "stage's size, with bifrons pack --size %" PRId64,
                            i + 1, stages->list[i].image_size, size, session_set_name(s, p),
                            "ab"[p], config_largest_size(&s->config));
        }
    return ST_OK;
}

static void note_sets(const struct session *s)
{
    const struct set_info *info[2] = {set_get_info(s->sets[0]), set_get_info(s->sets[1])};
    for (int p = 0; p < 2; p++) {
        log_info("person %c: %s, %lld pictures of %d px (%lld to train on, %lld held out)",
                 person_letter[p], info[p]->person, (long long)info[p]->n, info[p]->size,
                 (long long)order_train_count(s->orders[p]),
                 (long long)order_val_count(s->orders[p]));
        if (info[p]->n < 500)
            log_warn("%s: 500 pictures or more are recommended", session_set_name(s, p));
        if (info[p]->size < s->config.model.image_size)
            log_warn("%s: pictures of %d px are enlarged to %lld px; pack them larger if the "
                     "sources allow",
                     session_set_name(s, p), info[p]->size, (long long)s->config.model.image_size);
    }
    if (info[0]->fingerprint == info[1]->fingerprint)
        log_warn("data.a and data.b hold the same pictures: a swap cannot be learned from them");
    set_notes_tell(s);
}

static enum status choose_threads(struct session *s, struct errmsg *em)
{
    struct thread_facts facts;
    threads_find_facts(&facts);
    facts.named = (int)s->config.train.threads;
    facts.ranks = comm_local_size(s->comm);
    enum status st = comm_count_cpu_sharers(s->comm, &facts.sharing, em);
    if (st == ST_OK)
        threads_choose(&facts, &s->threads);
    return st;
}

enum status session_share_state(struct session *s, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(s->model);
    void *const parts[] = {flat->parameters, flat->exp_avg, flat->exp_avg_sq, flat->average};
    size_t n = zero_is_on(s) ? 1 : 1 + (size_t)model_moments(s->model);
    enum status st = session_share_bytes(s->comm, &s->state, sizeof s->state, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct comm_ticket ticket = {0};
        st = comm_broadcast_begin(s->comm, parts[i], flat->count, COMM_F32, 0, flat->stream,
                                  &ticket, em);
        if (st == ST_OK)
            st = comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em);
    }
    if (st == ST_OK)
        st = adversary_share(s, em);
    return st == ST_OK ? zero_share_moments(s, em) : st;
}

/* Where a run, or a stage of it, begins. */
static void clear_results(struct train_state *t)
{
    t->train_loss = t->val_loss = t->best_value = t->best_seen = NAN;
    t->best_step = t->stale = t->adversary_step = 0;
    val_metrics_clear(&t->val_metrics);
}

void session_enter_stage(struct session *s)
{
    config_enter_stage(&s->config, s->state.stage);
    int64_t batch = s->config.train.global_batch;
    s->steps_per_epoch = session_steps_per_epoch(s, batch);
    /* a resumed stage may have had another batch */
    int64_t pictures = s->config.train.epochs * session_epoch_pictures(s);
    int64_t left = MAX(pictures - session_stage_pictures(s), 0);
    s->steps_total = s->state.step + (left + batch - 1) / batch;
    if (s->config.train.max_steps > 0)
        s->steps_total = MIN(s->steps_total, s->config.train.max_steps);
}

void session_begin_next_stage(struct session *s)
{
    struct train_state *t = &s->state;
    int64_t skipped = t->guard.skipped;
    t->stage++;
    t->stage_step = t->step;
    t->stage_position = t->position;
    clear_results(t);
    guard_init(&t->guard);
    collapse_init(&t->collapse);
    t->guard.skipped = skipped;
    session_enter_stage(s);
}

enum status session_open(struct session *s, struct errmsg *em)
{
    s->state = (struct train_state){0};
    clear_results(&s->state);
    guard_init(&s->state.guard);
    collapse_init(&s->state.collapse);
    enum status st = choose_threads(s, em);
    if (st != ST_OK)
        return st;
    int near_gpu = comm_stay_near_gpu(s->comm);
    if (near_gpu > 0 && comm_rank(s->comm) == 0)
        log_info("rank 0 keeps to the %d processors next to its GPU", near_gpu);
    st = comm_agree(s->comm, open_sets(s, em), em);
    if (st == ST_OK)
        st = check_same_sets(s, em);
    if (st != ST_OK)
        return st;
    session_enter_stage(s);
    if (comm_rank(s->comm) == 0)
        note_sets(s);
    st = comm_agree(s->comm, check_stage_sizes(s, em), em);
    if (st == ST_OK)
        st = comm_agree(s->comm, validate_check(s, em), em);
    return st == ST_OK ? comm_agree(s->comm, measure_colours(s, em), em) : st;
}

void session_close(struct session *s)
{
    session_close_stage(s);
    for (int p = 0; p < 2; p++) {
        order_free(s->orders[p]);
        set_free(s->sets[p]);
    }
}

/* --- where the run stands ------------------------------------------------------------------- */

int64_t session_stage_steps(const struct session *s)
{
    return s->state.step - s->state.stage_step;
}

int64_t session_stage_pictures(const struct session *s)
{
    return (int64_t)(s->state.position - s->state.stage_position);
}

int64_t session_steps_per_epoch(const struct session *s, int64_t global_batch)
{
    int64_t longer = MAX(order_train_count(s->orders[0]), order_train_count(s->orders[1]));
    return (longer + global_batch - 1) / global_batch;
}

int64_t session_epoch_pictures(const struct session *s)
{
    return s->steps_per_epoch * s->config.train.global_batch;
}

int64_t session_epoch(const struct session *s)
{
    return session_stage_pictures(s) / session_epoch_pictures(s);
}

/* Of the epoch that the last of so many pictures of the stage belongs to. With another batch than
 * before the last step of the last epoch may reach beyond it. */
static int64_t epoch_of(const struct session *s, int64_t pictures)
{
    int64_t epoch = session_epoch_pictures(s);
    return MIN((pictures + epoch - 1) / epoch, s->config.train.epochs);
}

int64_t session_epoch_number(const struct session *s)
{
    return epoch_of(s, session_stage_pictures(s));
}

int64_t session_epochs_total(const struct session *s)
{
    int64_t left = MAX(s->steps_total - s->state.step, 0);
    return epoch_of(s, session_stage_pictures(s) + left * s->config.train.global_batch);
}

bool session_at_epoch_end(const struct session *s)
{
    int64_t epoch = session_epoch_pictures(s), pictures = session_stage_pictures(s);
    return pictures / epoch > (pictures - s->config.train.global_batch) / epoch;
}

double session_lr(const struct session *s, int64_t step)
{
    int64_t began = s->state.stage_step;
    if (s->fixed_lr > 0)
        return s->fixed_lr;
    return s->state.guard.lr_scale * schedule_lr(&s->config, step - began, s->steps_total - began);
}

bool session_stage_is_over(const struct session *s)
{
    return s->state.step >= s->steps_total || validate_is_stale(s);
}

bool session_run_is_over(const struct session *s)
{
    int64_t most = s->config.train.max_steps;
    bool last = s->state.stage + 1 == config_stage_count(&s->config);
    return session_stage_is_over(s) && (last || (most > 0 && s->state.step >= most));
}

void session_stage_text(const struct session *s, char out[static SESSION_STAGE_TEXT_BYTES])
{
    out[0] = '\0';
    if (s->config.train.stages.n > 0)
        snprintf(out, SESSION_STAGE_TEXT_BYTES, "stage %" PRId64 " of %" PRId64 ", %" PRId64 " px",
                 s->state.stage + 1, s->config.train.stages.n, s->config.model.image_size);
}

#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "feed.h"
#include "run_plan.h"

static const double PAGE_SHARE = 0.01; /* of the time that a run takes */

static double trained_s(const struct report *r)
{
    return r->session->state.wall_s + clock_seconds() - r->started_s;
}

/* Every rank's host name at rank 0: *names_out holds them all, *list_out points into it. */
static enum status gather_hosts(struct comm *c, char **names_out, const char ***list_out,
                                struct errmsg *em)
{
    size_t ranks = (size_t)comm_world_size(c);
    size_t *sizes = calloc(ranks, sizeof *sizes);
    const char **list = calloc(ranks, sizeof *list);
    void *names = NULL;
    enum status st = sizes && list ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    st = comm_agree(c, st, em);
    if (st == ST_OK) {
        const char *mine = comm_host_name(c);
        st = comm_gather_bytes(c, mine, strlen(mine) + 1, 0, &names, sizes, em);
    }
    if (st == ST_OK && names) {
        const char *name = names;
        for (size_t i = 0; i < ranks; i++) {
            list[i] = name;
            name += sizes[i];
        }
    }
    free(sizes);
    *names_out = names;
    *list_out = list;
    return st;
}

/* The state of the run, as run.json records it at the end. */
static struct run_record_outcome outcome_so_far(const struct report *r)
{
    const struct session *s = r->session;
    return (struct run_record_outcome){
        .stage = session_stage_number(s),
        .step = s->state.step,
        .epoch = session_epoch_number(s),
        .seconds = trained_s(r),
        .images_per_s = progress_images_per_s(&r->progress),
    };
}

static void record_state(struct report *r)
{
    struct run_record_outcome outcome = outcome_so_far(r);
    last_words_record(r->last_words, &outcome);
}

static enum status open_record(struct report *r, const char *config_path, const char *const *hosts,
                               struct errmsg *em)
{
    struct session *s = r->session;
    char path[PATH_BYTES_MAX];
    struct run_record_facts facts = {
        .torch_version = model_torch_version(),
        .mpi_version = comm_library_version(),
        .hdf5_version = set_library_version(),
        .config_path = config_path,
        .device = model_get_options(s->stage.model)->device,
        .precision = model_get_options(s->stage.model)->precision == MODEL_BF16 ? "bf16" : "fp32",
        .backend = comm_backend_name(s->run.comm),
        .reducer = reducer_get_description(s->stage.reducer),
        .seed = s->run.config.train.seed,
        .world_size = comm_world_size(s->run.comm),
        .hosts = hosts,
        .resumed = s->state.step > 0,
        .from_step = s->state.step,
    };
    for (int p = 0; p < 2; p++) {
        const struct set_info *info = set_get_info(s->run.sets[p]);
        facts.people[p] = (struct run_record_person){
            .person = info->person,
            .set_path = set_path(s->run.sets[p]),
            .consent = info->consent,
            .fingerprint = info->fingerprint_text,
            .pictures = info->n,
        };
    }
    if (!path_join(path, sizeof path, s->run.out, "run.json"))
        return FAIL(em, ST_IO, "path too long: %s", s->run.out);
    enum status st = run_record_new(path, &facts, &r->record, em);
    if (st == ST_OK)
        st = run_record_write(r->record, em);
    if (st == ST_OK)
        st = last_words_open(s->run.out, r->record, r->launched, &r->last_words, em);
    if (st == ST_OK)
        record_state(r);
    return st;
}

/* --- Events ----------------------------------------------------------------------------------- */

void report_event(struct report *r, enum event_kind kind, int64_t step, const char *fmt, ...)
{
    struct errmsg em = {0};
    char text[sizeof em.text]; /* the last event has the run's message */
    va_list ap;
    if (!r->session || !r->events)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    enum status st = events_write(r->events, kind, step, trained_s(r), text, &em);
    if (st != ST_OK && !r->events_failed)
        log_warn("%s; training continues; later events may be written", em.text);
    r->events_failed = st != ST_OK;
}

static void record_start(struct report *r, const char *changes)
{
    const struct session *s = r->session;
    int ranks = comm_world_size(s->run.comm), nodes = comm_node_count(s->run.comm);
    report_event(r, s->state.step > 0 ? EVENT_RESUME : EVENT_START, s->state.step,
                 "on %d rank%s, %d node%s", ranks, PLURAL(ranks), nodes, PLURAL(nodes));
    if (s->state.step > 0 && changes[0])
        report_event(r, EVENT_CHANGED, s->state.step, "%s", changes);
}

/* --- Files ------------------------------------------------------------------------------------ */

static enum status open_page(struct report *r, struct errmsg *em)
{
    const char *const runs[] = {r->session->run.out};
    return page_new(&(struct page_request){.runs = runs, .n_runs = 1}, &r->page, em);
}

static enum status open_events(struct report *r, struct errmsg *em)
{
    const struct session *s = r->session;
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, s->run.out, "events.jsonl"))
        return FAIL(em, ST_IO, "path too long: %s", s->run.out);
    return events_open(path, s->state.step == 0, &r->events, em);
}

static enum status open_files(struct report *r, const char *config_path, const char *const *hosts,
                              struct errmsg *em)
{
    struct session *s = r->session;
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, s->run.out, "metrics.jsonl"))
        return FAIL(em, ST_IO, "path too long: %s", s->run.out);
    enum status st = metrics_open(path, s->state.metrics_bytes, &r->metrics, em);
    if (st == ST_OK)
        st = open_events(r, em);
    if (st == ST_OK && s->run.config.log.report)
        st = open_page(r, em);
    if (st == ST_OK && s->run.config.log.tensorboard)
        st = tensorboard_open(s->run.out, &r->tensorboard, em);
    if (st == ST_OK && r->tensorboard && s->state.step > 0)
        st = tensorboard_restart(r->tensorboard, s->state.step + 1, em);
    return st == ST_OK ? open_record(r, config_path, hosts, em) : st;
}

enum status report_open(struct report *r, struct session *s, const struct report_start *start,
                        struct errmsg *em)
{
    *r = (struct report){.started_s = clock_seconds(),
                         .first_step = s->state.step,
                         .launched = start->launched};
    char *names = NULL;
    const char **hosts = NULL;
    enum status st = gather_hosts(s->run.comm, &names, &hosts, em);
    if (st == ST_OK && comm_rank(s->run.comm) == 0) {
        r->session = s;
        st = open_files(r, start->config_path, hosts, em);
        if (st == ST_OK)
            record_start(r, start->changes);
        if (st == ST_OK)
            r->faces = preview_faces_open(&s->run);
    }
    free(hosts);
    free(names);
    return comm_agree(s->run.comm, st, em);
}

void report_begin_stage(struct report *r)
{
    if (!r->session)
        return;
    const struct session *s = r->session;
    struct progress_options options = {
        .epochs = session_epochs_total(s),
        .total_steps = s->stage.steps_total,
        .first_step = s->state.step,
        .images_per_step = 2 * s->run.config.train.global_batch,
        .every_s = s->run.config.log.every_s,
        .time_limit_s = walltime_left_s(&s->run.walltime, clock_seconds()),
        .steps_to_come = run_plan_steps_to_come(s),
    };
    session_stage_text(s, options.stage);
    memcpy(options.loss_weight, s->run.config.loss.weight, sizeof options.loss_weight);
    progress_init(&r->progress, &options);
    if (options.stage[0])
        report_event(r, EVENT_STAGE, s->state.step, "%s", options.stage);
}

void report_end_stage(struct report *r)
{
    if (r->session)
        progress_finish(&r->progress);
}

/* Marks losses that the run does not use. Validations report l1 and dssim in any case. */
static void mark_absent(const struct session *s, struct metrics_row *row)
{
    const int training = LOSS_NEEDS_SWAPS | LOSS_NEEDS_DISCRIMINATORS; /* not in validations */
    for (int i = 0; i < MODEL_OWN_LOSSES; i++) {
        int facts = model_loss_facts((enum model_loss)i);
        row->absent[i] = (s->run.config.loss.weight[i] == 0 && !(facts & LOSS_ALWAYS_REPORTED)) ||
                         ((facts & training) && row->kind != METRICS_TRAIN);
    }
    row->absent[MODEL_LOSS_DISCRIMINATOR] = row->absent[MODEL_LOSS_ADVERSARIAL];
    row->absent[MODEL_LOSS_R1] =
        row->absent[MODEL_LOSS_ADVERSARIAL] || s->run.config.discriminator.r1 == 0;
}

static struct metrics_row row_now(const struct report *r, enum metrics_kind kind)
{
    const struct session *s = r->session;
    return (struct metrics_row){
        .kind = kind,
        .stage = session_stage_number(s),
        .step = s->state.step,
        .epoch = session_epoch_number(s),
        .position = s->state.position,
        .time_s = trained_s(r),
    };
}

static void write_row(struct report *r, struct metrics_row *row)
{
    struct errmsg em = {0};
    mark_absent(r->session, row);
    enum status st = metrics_write(r->metrics, row, &em);
    if (st == ST_OK && r->tensorboard)
        st = tensorboard_metrics(r->tensorboard, row, &em);
    if (st != ST_OK && !r->metrics_failed)
        log_warn("%s; training continues; later rows may be written", em.text);
    r->metrics_failed = st != ST_OK;
}

void report_step(struct report *r, const struct step_report *step)
{
    if (!r->session)
        return;
    const struct session *s = r->session;
    struct progress_update update = {
        .epoch = session_epoch_number(s),
        .step = s->state.step,
        .losses = step->losses,
        .data_wait_s = step->data_wait_s,
        .gpu_bytes = model_gpu_peak_bytes(s->stage.model),
    };
    progress_step(&r->progress, &update);
    record_state(r);
    if (step->verdict != GUARD_GOOD)
        report_event(r, EVENT_SKIPPED, s->state.step, "loss %.4g, gradient norm %.4g",
                     step->losses.total, step->grad_norm);
    if (s->state.step % s->run.config.log.every_steps != 0 &&
        s->state.step != s->stage.steps_total && step->verdict == GUARD_GOOD)
        return;
    struct metrics_row row = row_now(r, METRICS_TRAIN);
    row.losses = step->losses;
    row.lr = step->lr;
    row.grad_norm = step->grad_norm;
    row.images_per_s = 2 * (double)s->run.config.train.global_batch / step->duration_s;
    row.step_ms = step->duration_s * 1e3;
    row.data_wait_ms = step->data_wait_s * 1e3;
    row.sum_wait_ms = step->sum_wait_s * 1e3;
    row.skipped = step->verdict != GUARD_GOOD;
    write_row(r, &row);
}

void report_pause(struct report *r)
{
    if (r->session)
        progress_pause(&r->progress);
}

void report_continue(struct report *r)
{
    if (r->session)
        progress_continue(&r->progress);
}

void report_validation(struct report *r, const struct model_losses *losses)
{
    if (!r->session)
        return;
    const struct session *s = r->session;
    const double *number = s->state.val_metrics.number;
    struct progress_val val = {s->state.val_loss, number[val_metrics_mean(VAL_RECON, VAL_L1)],
                               number[val_metrics_mean(VAL_SWAP, VAL_L1)]};
    progress_set_val(&r->progress, &val);
    struct metrics_row row = row_now(r, METRICS_VAL);
    row.losses = *losses;
    row.val_metrics = s->state.val_metrics;
    write_row(r, &row);
    if (s->state.collapse.in_a_row > 0)
        report_event(r, EVENT_COLLAPSED, s->state.step, "%s", collapse_who(&s->state.collapse));
}

static void put_number(struct metrics_row *row, struct metrics_number *numbers, const char *name,
                       int person, double value)
{
    struct metrics_number *number = &numbers[row->n_faces];
    if (isnan(value))
        return;
    snprintf(number->name, sizeof number->name, "%s_%c", name, 'a' + person);
    number->value = value;
    row->n_faces++;
}

void report_faces(struct report *r, const struct likeness_sum of[static MODEL_PEOPLE])
{
    struct metrics_number numbers[MODEL_PEOPLE * (1 + LIKENESS_NUMBERS)];
    struct metrics_row row = row_now(r, METRICS_FACES);
    double identity[MODEL_PEOPLE];
    row.faces = numbers;
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        identity[p] = likeness_mean(&of[p], LIKENESS_IDENTITY);
        if (of[p].looked > 0)
            put_number(&row, numbers, "found", p, (double)of[p].found / (double)of[p].looked);
        for (int k = 0; k < LIKENESS_NUMBERS; k++)
            put_number(&row, numbers, likeness_name(k), p, likeness_mean(&of[p], k));
    }
    progress_set_identity(&r->progress, identity);
    write_row(r, &row);
}

/* --- The page --------------------------------------------------------------------------------- */

static void write_page(struct report *r)
{
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    double start = clock_seconds();
    enum status st = ST_OK;
    if (!path_join(path, sizeof path, r->session->run.out, "report.html"))
        st = FAIL(&em, ST_IO, "path too long: %s", r->session->run.out);
    if (st == ST_OK)
        st = page_write(r->page, path, &em);
    if (st != ST_OK && !r->page_failed)
        log_warn("no report: %s; training continues", em.text);
    r->page_failed = st != ST_OK;
    double now = clock_seconds();
    r->page_due_s = now + (now - start) / PAGE_SHARE;
}

void report_page(struct report *r)
{
    if (!r->session || !r->page || clock_seconds() < r->page_due_s)
        return;
    feed_pause(r->session->stage.feed); /* the page opens the sets, too: one thread at a time */
    write_page(r);
}

/* --- The end ---------------------------------------------------------------------------------- */

void report_sync(struct report *r)
{
    if (!r->session)
        return;
    r->session->state.metrics_bytes = metrics_offset(r->metrics);
    double now = clock_seconds();
    r->session->state.wall_s += now - r->started_s;
    r->started_s = now;
}

void report_went_back(struct report *r)
{
    if (!r->session)
        return;
    struct errmsg em = {0};
    const struct train_state *t = &r->session->state;
    enum status st = metrics_cut(r->metrics, t->metrics_bytes, &em);
    if (st == ST_OK && r->tensorboard)
        st = tensorboard_restart(r->tensorboard, t->step + 1, &em);
    if (st != ST_OK)
        log_warn("%s; rows of steps before going back stay", em.text);
    report_event(r, EVENT_WENT_BACK, t->step, "from step %lld, with %g times the learning rate",
                 (long long)r->progress.last.step, r->session->state.guard.lr_scale);
}

void report_close(struct report *r, enum status status, const struct errmsg *em)
{
    if (!r->session)
        return;
    struct errmsg own = {0};
    struct run_record_outcome outcome = outcome_so_far(r);
    outcome.status = status;
    outcome.error = em->text[0] ? em : NULL;
    last_words_close(r->last_words);
    if (r->record && (run_record_end(r->record, &outcome, &own) != ST_OK ||
                      run_record_write(r->record, &own) != ST_OK))
        log_warn("%s", own.text);
    run_record_free(r->record);
    report_event(r,
                 status == ST_OK                                  ? EVENT_FINISHED
                 : status == ST_AGAIN || status == ST_INTERRUPTED ? EVENT_STOPPED
                                                                  : EVENT_FAILED,
                 outcome.step, "%s", em->text);
    events_close(r->events);
    if (r->page)
        write_page(r);
    page_free(r->page);
    preview_faces_free(r->faces);
    tensorboard_close(r->tensorboard);
    metrics_close(r->metrics);
}

/* bifrons train: from arguments to exit code. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "command.h"
#include "engine.h"
#include "find_batch.h"
#include "find_lr.h"
#include "finish.h"
#include "folders.h"
#include "launched.h"
#include "loop.h"
#include "memory_advice.h"
#include "recovery.h"
#include "report.h"
#include "resume.h"
#include "run_folder.h"
#include "run_open.h"
#include "run_plan.h"
#include "session.h"
#include "signals.h"
#include "stage_open.h"
#include "step.h"
#include "train_arguments.h"
#include "validate.h"

/* What lasts over all stages of a training. Only rank 0 has a run folder. */
struct training {
    struct session *session;
    const struct train_arguments *arguments;
    struct run_folder *folder;
    char *config_toml;           /* resolved, without the changes of a stage */
    struct resume found;         /* where the run resumes */
    char latest[PATH_BYTES_MAX]; /* the checkpoint of the latest state; "": none */
    struct report report;
    bool begun;
};

/* All ranks use rank 0's configuration, even if they read another file. */
static enum status share_config(struct run *run, struct errmsg *em)
{
    char *mine = comm_rank(run->comm) == 0 ? config_to_toml(&run->config) : NULL, *text = NULL;
    enum status st = run_share_text(run, mine, &text, em);
    if (st == ST_OK && comm_rank(run->comm) != 0) {
        config_init(&run->config);
        st = config_merge_text(&run->config, text, "rank 0's configuration", em);
    }
    free(text);
    free(mine);
    return comm_agree(run->comm, st, em);
}

/* True if the command only measures: it leaves nothing of a run in the folder. */
static bool is_measured(const struct train_arguments *a)
{
    return a->find_lr_steps > 0 || a->find_batch;
}

static void log_plan(const struct session *s)
{
    const struct config *c = &s->run.config;
    const struct architecture *a = model_architecture(s->stage.model);
    const struct thread_choice *threads = &s->run.threads;
    char stage[SESSION_STAGE_TEXT_BYTES], poses[40] = "";
    session_stage_text(s, stage);
    if (a->part_count[MODEL_POSE] > 0)
        snprintf(poses, sizeof poses, ", poses %.2f M", (double)a->part_count[MODEL_POSE] / 1e6);
    if (stage[0])
        log_info("%s: from step %" PRId64 " on", stage, s->state.stage_step + 1);
    log_info("model: %d px, %.2f M parameters: encoder %.2f M, decoders 2 x %.2f M%s",
             c->model.image_size, (double)a->count / 1e6,
             (double)a->part_count[MODEL_ENCODER] / 1e6,
             (double)a->part_count[MODEL_DECODER_A] / 1e6, poses);
    if (model_perceptual_depth(s->stage.model) > 0)
        log_info("perceptual loss: VGG%d of %s", model_perceptual_depth(s->stage.model),
                 c->loss.perceptual_weights);
    log_info("ranks: %d on %d node%s (%s), %d thread%s each%s%s%s, on %s in %s",
             comm_world_size(s->run.comm), comm_node_count(s->run.comm),
             PLURAL(comm_node_count(s->run.comm)), comm_backend_name(s->run.comm), threads->n,
             PLURAL(threads->n), threads->why[0] ? " (" : "", threads->why,
             threads->why[0] ? ")" : "", model_get_options(s->stage.model)->device,
             model_get_options(s->stage.model)->precision == MODEL_BF16 ? "bf16" : "fp32");
    if (model_get_options(s->stage.model)->cuda_graph)
        log_info("forward and backward run as a CUDA graph%s",
                 c->train.cuda_graph == GRAPH_AUTO ? " (train.cuda_graph = \"auto\")" : "");
}

static void log_course(const struct session *s)
{
    const struct config *c = &s->run.config;
    int64_t epochs = session_epochs_total(s);
    char limit[96] = "";
    if (c->train.max_steps > 0 && s->stage.steps_total == c->train.max_steps)
        snprintf(limit, sizeof limit, ", the last step is %" PRId64 " (train.max_steps)",
                 s->stage.steps_total);
    log_info("plan: %" PRId64 " epoch%s of %" PRId64 " step%s%s, %" PRId64 " + %" PRId64
             " pictures a step, run folder %s",
             epochs, PLURAL(epochs), s->stage.steps_per_epoch, PLURAL(s->stage.steps_per_epoch),
             limit, c->train.global_batch, c->train.global_batch, s->run.out);
}

/* Opens the session's current stage and logs it. */
static enum status open_stage(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = stage_open(&s->stage, &s->state, em);
    if (st != ST_OK || comm_rank(s->run.comm) != 0)
        return st;
    log_plan(s);
    if (!is_measured(r->arguments))
        log_course(s);
    if (!r->begun)
        run_plan_log_memory(s);
    return ST_OK;
}

/* Loads or initialises the weights of the stage. */
static enum status start_stage(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    const char *init_from = r->arguments->init_from;
    if (train_state_stage_steps(&s->state) > 0)
        return resume_load(s, &r->found, em);
    resume_release(&r->found);
    if (s->state.stage > 0)
        return resume_start(s, r->latest, em);
    return resume_start(s, init_from[0] ? init_from : NULL, em);
}

/* Opens the stage, with its weights: all that its first step needs. */
static enum status ready_stage(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = open_stage(r, em);
    if (st == ST_OK)
        st = stage_open_sums(&s->stage, &s->state, em);
    return st == ST_OK ? start_stage(r, em) : st;
}

/* Logs how to stop under plain mpirun, which kills its ranks a second after Ctrl-C. Jobs of a batch
 * system have scripts for that. */
static void log_how_to_stop(const struct training *r)
{
    const struct comm *c = r->session->run.comm;
    const char *batch_system;
    if (comm_rank(c) != 0 || !signals_under_mpirun() || r->arguments->launcher > 0 ||
        launcher_allocation(&batch_system))
        return;
    log_info("under mpirun Ctrl-C loses what came since the last checkpoint: stop with kill -USR1 "
             "%d instead%s",
             (int)getppid(),
             comm_node_count(c) == 1 ? ", or start with bifrons train --ranks N in place of mpirun"
                                     : "");
}

/* Call it when it is certain that the run will start. */
static enum status begin(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    const char *config_path = r->arguments->config_path;
    enum status st = ST_OK;
    if (comm_rank(s->run.comm) == 0)
        st = run_folder_begin(r->folder, r->config_toml, em);
    if (st == ST_OK && comm_rank(s->run.comm) == 0)
        st = folders_keep(&s->run, em);
    if (st == ST_OK && comm_rank(s->run.comm) == 0)
        resume_settle(s, &r->found);
    st = comm_agree(s->run.comm, st, em);
    if (st == ST_OK)
        st = report_open(&r->report, s,
                         &(struct report_start){.config_path = config_path[0] ? config_path : NULL,
                                                .changes = r->found.changes.keys,
                                                .launched = r->arguments->launcher > 0},
                         em);
    if (st == ST_OK)
        log_how_to_stop(r);
    r->begun = true;
    return st;
}

static enum status train_stage(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = ready_stage(r, em);
    if (st == ST_OK && !r->begun)
        st = begin(r, em);
    if (st == ST_OK) {
        report_begin_stage(&r->report);
        st = loop_run(s, &r->report, em);
        report_end_stage(&r->report);
    }
    return st == ST_OK ? run_folder_checkpoint(s->run.out, s->state.step, r->latest, em) : st;
}

static void log_nothing_left(const struct session *s)
{
    if (comm_rank(s->run.comm) != 0)
        return;
    if (session_is_stale(s))
        validate_log_stale(s);
    else
        log_info("nothing left to do: step %" PRId64 " of %" PRId64 " is done", s->state.step,
                 s->stage.steps_total);
    recovery_log_end(s);
}

/* Checks the number of ranks for the later stages. The same result on each rank. */
static enum status check_ranks(const struct session *s, struct errmsg *em)
{
    int64_t first = s->state.stage + (session_stage_is_over(s) ? 1 : 0);
    return config_check_ranks(&s->run.config, first, comm_world_size(s->run.comm), em);
}

/* Finds where the run resumes: fills r->found and r->latest. */
static enum status find_start(struct training *r, struct errmsg *em)
{
    const struct train_arguments *a = r->arguments;
    enum status st = resume_find(r->session, a->resume, &r->found, em);
    if (st == ST_OK)
        st = check_ranks(r->session, em);
    if (st != ST_OK)
        return st;
    memcpy(r->latest, r->found.path, sizeof r->latest);
    if (r->latest[0] && a->init_from[0])
        log_warn("--init-from %s is not used: the run goes on from %s", a->init_from, r->latest);
    return ST_OK;
}

/* Trains from the found checkpoint, stage by stage, to the end. */
static enum status train_stages(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = find_start(r, em);
    if (st != ST_OK)
        return st;
    if (session_run_is_over(s)) {
        if (comm_rank(s->run.comm) == 0) {
            run_folder_clean(s->run.out);
            resume_settle(s, &r->found);
        }
        log_nothing_left(s);
    } else if (session_stage_is_over(s) && comm_rank(s->run.comm) == 0) {
        log_info("%s is of the last step of stage %" PRId64 ": going on with the next one",
                 r->latest, s->state.stage + 1);
    }
    while (st == ST_OK && !session_run_is_over(s)) {
        if (session_stage_is_over(s))
            session_begin_next_stage(s);
        st = train_stage(r, em);
        if (st == ST_MEMORY)
            memory_advice_add(s, em);
        stage_close(&s->stage);
    }
    report_close(&r->report, st, em);
    if (st == ST_OK)
        finish_log(s);
    return st;
}

/* Does what train_stages does before its first step; then opens the later stages. Writes
 * nothing. */
static enum status try_stages(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = find_start(r, em);
    if (st != ST_OK)
        return st;
    if (session_run_is_over(s)) {
        log_nothing_left(s);
        return ST_OK;
    }
    if (session_stage_is_over(s))
        session_begin_next_stage(s);
    st = ready_stage(r, em);
    for (r->begun = true; st == ST_OK && s->state.stage + 1 < config_stage_count(&s->run.config);) {
        stage_close(&s->stage);
        s->state.position +=
            (uint64_t)((s->stage.steps_total - s->state.step) * s->run.config.train.global_batch);
        s->state.step = s->stage.steps_total;
        session_begin_next_stage(s);
        st = open_stage(r, em);
    }
    return st;
}

/* Measures on the first stage, from the start of the run. */
static enum status measure(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    const struct find_lr_options options = {
        .steps = r->arguments->find_lr_steps,
        .chart = r->arguments->chart,
        .json = r->arguments->json,
    };
    enum status st = check_ranks(s, em);
    if (st == ST_OK && r->arguments->find_batch)
        return find_batch(s, r->arguments->json, em);
    if (st == ST_OK)
        st = ready_stage(r, em);
    return st == ST_OK ? find_lr(s, &options, em) : st;
}

static enum status work_in_folder(struct training *r, struct errmsg *em)
{
    if (!r->arguments->dry_run && !is_measured(r->arguments))
        return train_stages(r, em);
    enum status st = r->arguments->dry_run ? try_stages(r, em) : measure(r, em);
    if (st == ST_MEMORY)
        memory_advice_add(r->session, em);
    return st;
}

/* Trains or measures. The caller holds the run folder, if there is one. */
static enum status train_in_folder(struct training *r, struct errmsg *em)
{
    struct session *s = r->session;
    enum status st = ST_OK;
    if (r->arguments->dry_run)
        s->run.config.data.local_dir[0] = '\0'; /* writes nothing */
    if (comm_rank(s->run.comm) == 0 && !(r->config_toml = config_to_toml(&s->run.config)))
        st = FAIL(em, ST_MEMORY, "out of memory");
    st = comm_agree(s->run.comm, st, em);
    if (st == ST_OK)
        st = run_open(&s->run, em);
    if (st == ST_OK) {
        session_begin(s);
        st = work_in_folder(r, em);
        stage_close(&s->stage);
    }
    resume_release(&r->found);
    run_close(&s->run);
    free(r->config_toml);
    return st;
}

/* How long to wait for the run folder. A requeued job may find the lock of its own earlier start:
 * if a node was lost, the file server holds the lock for minutes. */
static double folder_wait_s(void)
{
    static const double REQUEUED_S = 300;
    const char *restarts = getenv("SLURM_RESTART_COUNT");
    return restarts && strtol(restarts, NULL, 10) > 0 ? REQUEUED_S : 0;
}

/* Rank 0 locks the folder. A dry run only checks that it could. --find-lr and --find-batch open it
 * only to pack pictures. */
static enum status open_folder(const struct run *run, const struct train_arguments *a,
                               struct run_folder **out, struct errmsg *em)
{
    enum status st = ST_OK;
    bool packs = a->folder_a || a->folder_b, continues = strcmp(a->resume, "auto") == 0;
    if (comm_rank(run->comm) == 0 && a->dry_run)
        st = run_folder_check(run->out, continues, em);
    else if (comm_rank(run->comm) == 0 && (!is_measured(a) || packs))
        st = run_folder_open(run->out, continues, folder_wait_s(), out, em);
    return comm_agree(run->comm, st, em);
}

/* The time counts from here, so it includes the start. Only one rank asks Slurm. */
static void start_clock(struct walltime *w, const struct config *c)
{
    double job_left_s = INFINITY;
    if (launcher_rank_guess() > 0 || !walltime_job_left(&job_left_s))
        job_left_s = INFINITY;
    walltime_init(w, clock_seconds(), c->train.max_minutes, job_left_s);
}

static enum status train(struct session *s, const struct train_arguments *a, struct errmsg *em)
{
    struct training r = {.session = s, .arguments = a};
    if (s->run.config.renamed[0] && comm_rank(s->run.comm) == 0)
        log_warn("%s", s->run.config.renamed);
    enum status st = share_config(&s->run, em);
    if (st == ST_OK)
        st = comm_agree(s->run.comm, config_check(&s->run.config, comm_world_size(s->run.comm), em),
                        em);
    if (st == ST_OK)
        st = open_folder(&s->run, a, &r.folder, em);
    if (st == ST_OK)
        st = folders_pack(&s->run, a, em);
    if (st == ST_OK)
        st = train_in_folder(&r, em);
    if (comm_rank(s->run.comm) == 0)
        folders_release(&s->run);
    run_folder_free(r.folder);
    return st;
}

/* In an orderly end only rank 0 prints the error and chooses the exit code. */
static int end(enum status st, int rank, const struct errmsg *em)
{
    if (st == ST_OK || rank != 0)
        return 0;
    if (st != ST_AGAIN)
        return command_fail(em);
    log_info("%s", em->text);
    return status_exit_code(st);
}

/* True if the run was stopped and can be resumed. */
static bool is_to_go_on(enum status st, const struct train_arguments *a)
{
    return (st == ST_AGAIN || st == ST_INTERRUPTED) && !is_measured(a);
}

int engine_train(int argc, char **argv)
{
    struct train_arguments *a = calloc(1, sizeof *a);
    struct session *s = calloc(1, sizeof *s);
    struct errmsg em = {0};
    enum status st = a && s ? ST_OK : FAIL(&em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = train_arguments_parse(argc, argv, a, &em); /* cannot fail: bifrons has checked them */
    signals_install();
    pid_t launcher = st == ST_OK ? a->launcher : 0;
    launched_begin(launcher);
    if (st == ST_OK) {
        s->run.config = a->config;
        start_clock(&s->run.walltime, &s->run.config);
        memcpy(s->run.out, a->out, sizeof s->run.out);
        struct comm_options options = {
            .backend = (enum comm_backend)a->config.comm.backend,
            .device = a->config.train.device,
            .timeout_s = a->config.train.timeout_s,
        };
        st = comm_open(&options, &s->run.comm, &em);
    }
    if (st != ST_OK) {
        free(s);
        free(a);
        return command_fail_once(&em); /* ranks do not know each other yet */
    }
    int rank = comm_rank(s->run.comm);
    log_set_rank(rank);
    comm_set_timeout(s->run.comm, 0); /* from here on the watchdog limits waits */
    st = watchdog_open(s->run.comm, a->config.train.timeout_s, &s->run.watchdog, &em);
    if (st == ST_OK)
        st = train(s, a, &em);
    if (st == ST_PEER && s->run.watchdog)
        watchdog_end_job(s->run.watchdog, em.text); /* an orderly end would hang */
    watchdog_close(s->run.watchdog);
    int world_size = comm_world_size(s->run.comm);
    comm_close(s->run.comm);
    free(s);
    int code = end(st, rank, &em);
    if (rank == 0 && is_to_go_on(st, a))
        finish_log_command(a, world_size, argc, argv);
    free(a);
    if (rank != 0 || st == ST_PEER)
        return code; /* MPI_Finalize may hang; mpirun ends all ranks for this code */
    return launched_end(launcher, command_end(code)); /* after everything is written */
}

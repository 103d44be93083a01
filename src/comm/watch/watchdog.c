#include "comm/watchdog.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "comm_priv.h"
#include "side_channel.h"
#include "watchdog_priv.h"

#include "base/poison.h"

enum {
    LOOK_MS = 250,
    AWAKE_S =
        1, /* the most time that counts between two looks: if more, this process was stopped */
    SUSPECT_S = 1, /* time without activity before a process is checked */
    KILL_WAIT_S = 10,
    SAVE_MORE_S = 60,
    TELL_S = 1, /* time between two messages to other nodes */
    VERDICT_BYTES = 1024
};

struct watchdog {
    struct comm *comm;
    struct roster *roster;
    struct watchdog_rank *ranks; /* (n), used by the thread only, except `host` */
    struct side_channel *side;
    struct side_news *news; /* (n + SIDE_NEWS_MAX) */
    double untold_s;
    int n, me;
    double timeout_s;
    bool learns;
    struct process_id self;
    pid_t parent;

    /* the caller's thread writes these, the watchdog's thread reads them */
    _Atomic uint64_t phase, entered;
    _Atomic int64_t step;
    _Atomic double deadline_s;
    atomic_bool saved, held;
    pthread_mutex_t line_lock; /* for writing this rank's line */
    double entered_s;
    struct {
        unsigned n;
        double longest_s;
    } history[WATCH_PHASES];

    double looked_s;
    bool suspended, warned, started;
    pthread_t thread;
    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t changed;
    bool stop, failed;
    char why[VERDICT_BYTES];
};

/* ---- what this rank is doing ---------------------------------------------------------------- */

/* Fills in the collective that holds up this rank: the first one that has not ended, as they run
 * one after another. */
static void fill_collectives(struct comm_progress *p, struct roster_line *l)
{
    uint64_t waiting = atomic_load(&p->waiting), doing = atomic_load(&p->doing);
    if (waiting) {
        l->waiting = doing ? MIN(doing, waiting) : waiting;
        l->waiting_bucket = comm_progress_bucket(p, l->waiting, &l->n_buckets);
    }
    if (l->last.sequence == 0) {
        comm_progress_read(p, &l->last);
        l->last_bucket = comm_progress_bucket(p, l->last.sequence, &l->n_buckets);
    }
}

static struct roster_line line_of_mine(const struct watchdog *w, bool ended)
{
    struct roster_line l = {
        .process = w->self,
        .activity = atomic_load(&w->entered),
        .phase = atomic_load(&w->phase),
        .step = atomic_load(&w->step),
        .deadline_s = atomic_load(&w->deadline_s),
        .saved = atomic_load(&w->saved),
        .held = atomic_load(&w->held),
        .ended = ended,
    };
    for (struct comm *c = w->comm; c; c = c->host) {
        struct comm_progress *p = &c->progress;
        l.activity += atomic_load(&p->sequence) + atomic_load(&p->waits);
        fill_collectives(p, &l);
    }
    return l;
}

/* Writes this rank's line, so that the other ranks know at once. Both threads call it. */
static void publish(struct watchdog *w, bool ended)
{
    pthread_mutex_lock(&w->line_lock);
    struct roster_line mine = line_of_mine(w, ended);
    roster_write(w->roster, w->me, &mine);
    pthread_mutex_unlock(&w->line_lock);
}

static double deadline_of(const struct watchdog *w, enum watchdog_phase phase)
{
    switch (phase) {
    case WATCH_PREPARE:
    case WATCH_END:
        return 0;
    case WATCH_STEP:
    case WATCH_COMPUTE:
    case WATCH_REDUCE:
    case WATCH_UPDATE:
    case WATCH_VALIDATE:
        return w->learns
                   ? watchdog_learn(w->history[phase].n, w->history[phase].longest_s, w->timeout_s)
                   : w->timeout_s;
    case WATCH_SAVE:
        return w->timeout_s + SAVE_MORE_S;
    default: /* WATCH_READ, WATCH_REPORT: a file server that fails over stalls for longer than any
              * step before */
        return w->timeout_s;
    }
}

void watchdog_enter(struct watchdog *w, enum watchdog_phase phase, int64_t step)
{
    if (!w)
        return;
    double now = clock_seconds();
    uint64_t before = atomic_load(&w->phase);
    w->history[before].n++;
    w->history[before].longest_s = MAX(w->history[before].longest_s, now - w->entered_s);
    w->entered_s = now;
    if (phase == WATCH_PREPARE)
        memset(w->history, 0, sizeof w->history);
    atomic_store(&w->step, step);
    atomic_store(&w->phase, phase);
    atomic_store(&w->deadline_s, deadline_of(w, phase));
    atomic_fetch_add(&w->entered, 1);
    publish(w, false);
}

void watchdog_record_saved(struct watchdog *w)
{
    if (!w)
        return;
    atomic_store(&w->saved, true);
    publish(w, false);
}

/* ---- what the other ranks are doing --------------------------------------------------------- */

/* Reads a rank's line. passed_s: time since the last look in which this process ran. */
static void see(struct watchdog *w, int rank, double passed_s)
{
    double counted_s = w->suspended ? 0 : passed_s;
    struct watchdog_rank *r = &w->ranks[rank];
    struct roster_line line;
    uint64_t version = roster_read(w->roster, rank, &line);
    if (version == 0)
        return;
    bool same = r->version > 0 && line.activity == r->line.activity && line.phase == r->line.phase;
    r->unheard_s = version == r->version ? r->unheard_s + passed_s : 0;
    r->version = version;
    r->line = line;
    r->view = (struct watchdog_view){
        .known = !watchdog_is_unheard(r),
        .ended = line.ended,
        .state = r->here ? PROCESS_ALIVE : line.state,
        .waiting = line.waiting != 0,
        .still_s = same ? r->view.still_s + counted_s : 0,
        .deadline_s = line.deadline_s,
        .sequence = line.last.sequence,
    };
    if (!r->here || rank == w->me || (r->visible && r->view.still_s <= SUSPECT_S))
        return;
    enum process_state state = process_state_of(&line.process);
    r->visible = r->visible || state != PROCESS_GONE;
    if (r->visible && r->view.still_s > SUSPECT_S)
        r->view.state = state;
}

/* Receives the lines of other nodes into the roster, and sends the lines of this node. */
static void gossip(struct watchdog *w, double passed_s)
{
    int n;
    while ((n = side_channel_receive(w->side, w->news, w->n + SIDE_NEWS_MAX)) > 0)
        for (int i = 0; i < n; i++)
            if (!w->ranks[w->news[i].rank].here)
                roster_write(w->roster, (int)w->news[i].rank, &w->news[i].line);
    w->untold_s += passed_s;
    if (!w->side || w->untold_s < TELL_S)
        return;
    w->untold_s = 0;
    for (int r = 0; r < w->n; r++) { /* rank 0 also forwards lines of other nodes */
        if (!(w->ranks[r].here || (w->me == 0 && w->ranks[r].view.known)))
            continue;
        w->news[n] = (struct side_news){.rank = r, .line = w->ranks[r].line};
        w->news[n++].line.state = w->ranks[r].view.state;
    }
    side_channel_send(w->side, w->news, n);
}

/* Notices a debugger that holds a rank, on this node or another. */
static void notice_debuggers(struct watchdog *w)
{
    bool here = false, elsewhere = false;
    for (int r = 0; r < w->n; r++) {
        const struct watchdog_rank *k = &w->ranks[r];
        if (k->here)
            here |= k->view.still_s > SUSPECT_S && process_is_traced(&k->line.process);
        else
            elsewhere |= k->view.known && k->line.held;
    }
    atomic_store(&w->held, here);
    w->suspended = here || elsewhere;
}

static double time_passed(struct watchdog *w)
{
    double now = clock_seconds(), passed_s = MIN(now - w->looked_s, (double)AWAKE_S);
    w->looked_s = now;
    return passed_s;
}

static void warn_of(struct watchdog *w, int culprit)
{
    char name[VERDICT_BYTES / 2], what[VERDICT_BYTES / 2];
    int speaker = 0; /* the lowest rank of this node that is not the culprit */
    while (speaker < w->n && (!w->ranks[speaker].here || speaker == culprit))
        speaker++;
    if (speaker == w->n)
        speaker = culprit;
    if (w->warned || speaker != w->me || culprit < 0 ||
        w->ranks[culprit].view.state == PROCESS_GONE)
        return;
    w->warned = true;
    watchdog_name(w->ranks, culprit, name, sizeof name);
    watchdog_describe(&w->ranks[culprit], what, sizeof what);
    log_warn("%s: %s; the job ends at %.0f s", name, what,
             w->ranks[culprit].view.waiting ? w->timeout_s : w->ranks[culprit].line.deadline_s);
}

static void see_all(struct watchdog *w)
{
    double passed_s = time_passed(w);
    notice_debuggers(w);
    publish(w, false);
    for (int r = 0; r < w->n; r++)
        see(w, r, passed_s);
    gossip(w, passed_s);
}

static void end_still(struct watchdog *w, int culprit);
static _Noreturn void end_job(struct watchdog *w, int culprit, const char *verdict);

static void check_ranks(struct watchdog *w)
{
    int culprit;
    see_all(w);
    struct watchdog_view *views = calloc((size_t)w->n, sizeof *views);
    if (!views)
        return;
    for (int r = 0; r < w->n; r++)
        views[r] = w->ranks[r].view;
    enum watchdog_verdict verdict = watchdog_judge(views, w->n, w->timeout_s, &culprit);
    free(views);
    if (verdict == WATCHDOG_STILL)
        end_still(w, culprit);
    else if (verdict == WATCHDOG_SLOW)
        warn_of(w, culprit);
    else
        w->warned = false;
    if (w->n > 1 && getppid() != w->parent)
        end_job(w, -1, "the launcher that started this rank has gone");
}

/* ---- ending the job ------------------------------------------------------------------------- */

static int exit_code(const struct watchdog *w)
{
    struct roster_line l;
    for (int r = 0; r < w->n; r++)
        if (roster_read(w->roster, r, &l) && l.saved)
            return status_exit_code(ST_AGAIN);
    return atomic_load(&w->saved) ? status_exit_code(ST_AGAIN) : status_exit_code(ST_PEER);
}

static void *kill_later(void *w)
{
    sleep(KILL_WAIT_S);
    _exit(exit_code(w));
}

static _Noreturn void end_job(struct watchdog *w, int culprit, const char *verdict)
{
    pthread_t killer;
    if (pthread_create(&killer, NULL, kill_later, w) == 0)
        pthread_detach(killer);
    if (roster_claim_report(w->roster)) {
        int code = exit_code(w);
        watchdog_report(w->ranks, w->n, culprit, verdict);
        log_error("%s", code == status_exit_code(ST_AGAIN)
                            ? "the job ends; --resume auto goes on from the last checkpoint"
                            : "the job ends; no checkpoint was made since the start");
        roster_reported(w->roster);
    } else {
        roster_await_report(w->roster);
    }
    comm_abort(w->comm, exit_code(w));
}

/* A host of which nothing has been heard for a while, or NULL. */
static const char *lost_host(const struct watchdog *w)
{
    for (int r = 0; r < w->n; r++)
        if (watchdog_is_unheard(&w->ranks[r]) && !w->ranks[r].line.ended)
            return w->ranks[r].host;
    return NULL;
}

static void end_still(struct watchdog *w, int culprit)
{
    char verdict[VERDICT_BYTES], name[VERDICT_BYTES / 2];
    const char *lost = lost_host(w);
    if (culprit < 0) {
        snprintf(verdict, sizeof verdict,
                 "all ranks seen from host %s have waited for each other for %.0f s: %s%s",
                 w->ranks[w->me].host, w->timeout_s,
                 lost ? "nothing is heard of host " : "a link or a rank elsewhere failed",
                 lost ? lost : "");
    } else {
        const struct watchdog_rank *r = &w->ranks[culprit];
        watchdog_name(w->ranks, culprit, name, sizeof name);
        snprintf(verdict, sizeof verdict, "%s %s", name,
                 r->view.state == PROCESS_GONE      ? "has gone"
                 : r->view.state == PROCESS_STOPPED ? "has been stopped, and holds up the job"
                                                    : "does not go on, and holds up the job");
    }
    end_job(w, culprit, verdict);
}

void watchdog_end_job(struct watchdog *w, const char *why)
{
    pthread_mutex_lock(&w->lock);
    if (!w->failed)
        snprintf(w->why, sizeof w->why, "%s", why);
    w->failed = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    for (;;)
        pause(); /* until the watchdog's thread ends the process */
}

/* ---- opening and closing -------------------------------------------------------------------- */

static void *watch(void *context)
{
    struct watchdog *w = context;
    pthread_mutex_lock(&w->lock);
    while (!w->stop && !w->failed) {
        pthread_mutex_unlock(&w->lock);
        check_ranks(w);
        double until_s = clock_seconds() + LOOK_MS / 1e3;
        pthread_mutex_lock(&w->lock);
        if (!w->stop && !w->failed)
            (void)condition_wait(&w->changed, &w->lock, until_s);
    }
    pthread_mutex_unlock(&w->lock);
    if (w->failed) {
        see_all(w);
        end_job(w, -1, w->why);
    }
    return NULL;
}

static enum status start(struct watchdog *w, struct errmsg *em)
{
    int code = thread_start(&w->thread, watch, w);
    if (code != 0)
        return FAIL_ERRNO(em, ST_MEMORY, code, "cannot start the watchdog");
    w->started = true;
    return ST_OK;
}

/* COLLECTIVE. Learns where all ranks run, and opens the channels to them. */
static enum status find_ranks(struct watchdog *w, struct errmsg *em)
{
    size_t n = (size_t)w->n;
    char(*hosts)[COMM_HOST_BYTES] = calloc(n, sizeof *hosts);
    w->ranks = calloc(n, sizeof *w->ranks);
    w->news = calloc(n + SIDE_NEWS_MAX, sizeof *w->news);
    enum status st = hosts && w->ranks && w->news ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    st = comm_agree(w->comm, st, em);
    if (st == ST_OK)
        st = w->comm->ops->share_bytes(w->comm, w->comm->place.host, sizeof *hosts, hosts, em);
    for (int r = 0; r < w->n && st == ST_OK; r++) {
        memcpy(w->ranks[r].host, hosts[r], sizeof *hosts);
        w->ranks[r].here = strcmp(hosts[r], w->comm->place.host) == 0;
    }
    free(hosts);
    if (st == ST_OK)
        st = roster_open(w->comm, &w->roster, em);
    int lowest = 0, others = 0;
    while (st == ST_OK && !w->ranks[lowest].here)
        lowest++;
    for (int r = 0; r < w->n && st == ST_OK; r++)
        others += !w->ranks[r].here;
    return st == ST_OK ? side_channel_open(w->comm, lowest == w->me, others > 0, &w->side, em) : st;
}

static struct watchdog *watchdog_new(struct comm *c, double timeout_s)
{
    struct watchdog *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->comm = c;
    w->n = c->place.world_size;
    w->me = c->place.rank;
    w->timeout_s = timeout_s;
    w->learns = c->device < 0; /* on GPUs the thread that watches NCCL acts first */
    w->self = process_self();
    w->parent = getppid();
    w->entered_s = w->looked_s = clock_seconds();
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->line_lock, NULL);
    condition_init(&w->changed);
    return w;
}

enum status watchdog_open(struct comm *c, double timeout_s, struct watchdog **out,
                          struct errmsg *em)
{
    double *all = calloc((size_t)c->place.world_size, sizeof *all);
    struct watchdog *w = NULL;
    enum status st = comm_agree(c, all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK)
        st = c->ops->share_bytes(c, &timeout_s, sizeof timeout_s, all, em);
    bool wanted = st == ST_OK && all[0] > 0;
    if (wanted) {
        w = watchdog_new(c, all[0]);
        st = comm_agree(c, w ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    }
    free(all);
    if (wanted && st == ST_OK)
        st = find_ranks(w, em);
    if (wanted && st == ST_OK)
        st = comm_agree(c, start(w, em), em);
    if (st != ST_OK) {
        watchdog_close(w);
        return st;
    }
    *out = w;
    return ST_OK;
}

void watchdog_close(struct watchdog *w)
{
    if (!w)
        return;
    if (w->started) {
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_broadcast(&w->changed);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        publish(w, true);
    }
    side_channel_free(w->side);
    free(w->news);
    roster_free(w->roster);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->line_lock);
    free(w->ranks);
    free(w);
}

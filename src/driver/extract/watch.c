#include "watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "data/picture_folder.h"
#include "model/model.h"

#include "base/poison.h"

enum { ROOM = 2 * EXTRACT_THREADS_MAX };
static const double PROGRESS_S = 0.5, STOP_LOOK_S = 0.1;

/* A frame that a thread works on, or that waits to be written. */
struct place {
    bool ready;
    struct sight sight;
};

struct job {
    const struct watch_options *o;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t given, written, room; /* frames; room: given - written is at most this */
    int working;                 /* threads */
    bool ended;                  /* no frames more are given */
    enum status st;              /* the first failure */
    struct errmsg em;
    struct place places[ROOM];
};

/* ---- Threads that look ----------------------------------------------------------------------- */

static void fail(struct job *j, enum status st, const struct errmsg *em)
{
    pthread_mutex_lock(&j->lock);
    if (j->st == ST_OK) {
        j->st = st;
        j->em = *em;
    }
    j->ended = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

/* The next frame, or *more = false. A file that cannot be read is ST_OK, UNREADABLE. */
static enum status next_frame(struct frames *frames, struct frame *frame, struct sight *sight,
                              bool *more, struct errmsg *em)
{
    struct errmsg why = {0};
    enum status st = frames_next(frames, frame, more, &why);
    *sight = (struct sight){.path = frame->path, .time_s = frame->time_s, .verdict = NO_FACE};
    if (st == ST_DATA || st == ST_NOINPUT || st == ST_IO) {
        *more = true;
        sight->verdict = UNREADABLE;
        sight->why = why;
        return ST_OK;
    }
    return st == ST_OK ? ST_OK : FAIL(em, st, "%s", why.text);
}

/* Waits for room and takes the next frame; false: none. */
static bool take(struct job *j, struct frame *frame, struct place **place)
{
    struct errmsg em = {0};
    bool more = false;
    enum status st = ST_OK;
    pthread_mutex_lock(&j->lock);
    while (!j->ended && j->given - j->written >= j->room)
        (void)condition_wait(&j->changed, &j->lock, INFINITY);
    if (!j->ended) {
        *place = &j->places[j->given % ROOM];
        st = next_frame(j->o->frames, frame, &(*place)->sight, &more, &em);
        more = more && st == ST_OK;
        j->given += more;
        j->ended = !more;
    }
    pthread_mutex_unlock(&j->lock);
    if (st != ST_OK)
        fail(j, st, &em);
    return more;
}

static void *work(void *context)
{
    struct job *j = context;
    struct finder *finder = NULL;
    struct errmsg em = {0};
    model_runtime_configure(1, false);
    enum status st = finder_open(j->o->arguments->models, j->o->arguments->device, &finder, &em);
    struct frame frame;
    for (struct place *place = NULL; st == ST_OK && take(j, &frame, &place);) {
        if (place->sight.verdict != UNREADABLE)
            st = sight_look(finder, &j->o->arguments->rules, &frame, &place->sight, &em);
        frame_release(&frame);
        pthread_mutex_lock(&j->lock);
        place->ready = st == ST_OK;
        pthread_cond_broadcast(&j->changed);
        pthread_mutex_unlock(&j->lock);
    }
    if (st != ST_OK)
        fail(j, st, &em);
    finder_free(finder);
    pthread_mutex_lock(&j->lock);
    j->working--;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- The thread that writes ------------------------------------------------------------------ */

static void show_progress(const struct job *j, const struct cuts *c, double begun_s, double from,
                          double *shown_s)
{
    double now = clock_seconds(), share = frames_share(j->o->frames);
    char left[32] = "";
    if (now - *shown_s < PROGRESS_S || j->written == 0)
        return;
    *shown_s = now;
    if (share > from) /* else not known: a video may not say how long it is */
        clock_format_duration((now - begun_s) * (1 - share) / (share - from), left, sizeof left);
    log_progress("%llu frames, %llu faces kept; %.1f a second%s%s%s",
                 (unsigned long long)c->state.frames, (unsigned long long)c->state.counts[KEPT],
                 (double)j->written / (now - begun_s), share > from ? ", " : "",
                 share > from ? left : "", share > from ? " left" : "");
}

static void name_left(const struct watch_options *o, const struct sight *s)
{
    char text[512];
    if (s->verdict == UNREADABLE)
        log_warn("%s; left out", s->why.text);
    name_list_add_profile(o->profiles, s->path, s->profile);
    enum verdict v = s->n > 0 ? s->cuts[0].verdict : s->verdict;
    if (v == KEPT)
        return;
    if (isfinite(s->time_s))
        snprintf(text, sizeof text, "%s at %.2f s", s->path, s->time_s);
    else
        snprintf(text, sizeof text, "%s", s->path);
    name_list_add(&o->left[v], text);
}

static bool several_enough(const struct job *j, const struct cuts *c)
{
    const struct cuts_state *s = &c->state;
    return j->o->arguments->rules.people->n[PEOPLE_MEANT] == 0 && s->several > 0 &&
           (s->several >= WATCH_SEVERAL_MAX ||
            s->frames >= 2 * s->first_several + WATCH_SEVERAL_MAX);
}

/* Writes the frames in their order until all threads have ended. Called with the lock held. */
static enum status write_frames(struct job *j, struct cuts *c, struct errmsg *em)
{
    double begun = clock_seconds(), shown = begun, from = frames_share(j->o->frames);
    enum status st = ST_OK;
    while (j->working > 0 || j->written < j->given) {
        struct place *p = &j->places[j->written % ROOM];
        if (j->o->stop() || several_enough(j, c))
            j->ended = true;
        if (j->written == j->given || !p->ready) {
            if (j->working == 0)
                break; /* a thread failed: frames after its own are not written */
            show_progress(j, c, begun, from, &shown);
            (void)condition_wait(&j->changed, &j->lock, clock_seconds() + STOP_LOOK_S);
            continue;
        }
        pthread_mutex_unlock(&j->lock);
        if (st == ST_OK)
            st = cuts_add(c, &p->sight, em);
        if (st == ST_OK)
            name_left(j->o, &p->sight);
        sight_release(&p->sight);
        pthread_mutex_lock(&j->lock);
        p->ready = false;
        j->written++;
        j->ended = j->ended || st != ST_OK;
        pthread_cond_broadcast(&j->changed);
    }
    return st;
}

static enum status skip(struct frames *frames, uint64_t n, struct errmsg *em)
{
    enum status st = ST_OK;
    bool more = true;
    for (uint64_t i = 0; i < n && more && st == ST_OK; i++) {
        struct frame frame;
        struct sight unused;
        st = next_frame(frames, &frame, &unused, &more, em);
        frame_release(&frame);
    }
    return st;
}

static enum status run(struct job *j, struct cuts *c, struct errmsg *em)
{
    pthread_t threads[EXTRACT_THREADS_MAX];
    int started = 0;
    while (started < j->o->arguments->threads && thread_start(&threads[started], work, j) == 0)
        started++;
    pthread_mutex_lock(&j->lock);
    j->working -= j->o->arguments->threads - started;
    enum status st =
        started > 0 ? write_frames(j, c, em) : FAIL(em, ST_MEMORY, "no thread can be started");
    pthread_mutex_unlock(&j->lock);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < ROOM; i++)
        sight_release(&j->places[i].sight);
    log_progress("%s", "");
    return st == ST_OK && j->st != ST_OK ? FAIL(em, j->st, "%s", j->em.text) : st;
}

enum status watch(const struct watch_options *o, struct cuts *cuts, struct errmsg *em)
{
    struct job *j = calloc(1, sizeof *j);
    enum status st =
        j ? skip(o->frames, cuts->state.frames, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        j->o = o;
        j->room = 2 * (size_t)o->arguments->threads;
        j->working = o->arguments->threads;
        pthread_mutex_init(&j->lock, NULL);
        condition_init(&j->changed);
        st = run(j, cuts, em);
        pthread_cond_destroy(&j->changed);
        pthread_mutex_destroy(&j->lock);
    }
    free(j);
    if (st == ST_OK && o->stop())
        st = FAIL(em, ST_AGAIN, "stopped after %llu pictures",
                  (unsigned long long)cuts->state.frames);
    return st;
}

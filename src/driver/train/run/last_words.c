#include "last_words.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "run_folder_priv.h"
#include "signals.h"
#include "worker.h"

#include "base/poison.h"

struct last_words {
    const char *out;
    struct run_record *record;
    bool launched;
    struct worker *worker;
    pthread_mutex_t lock; /* guards the outcome */
    struct run_record_outcome outcome;
};

/* "ended by mpirun after step 12; the checkpoint of step 10 stands, what came since is lost". */
static void describe(const struct last_words *w, enum signals_end end, int64_t step,
                     struct errmsg *em)
{
    int64_t saved = -1;
    char stands[64] = "no checkpoint was made";
    const char *how = end == SIGNALS_MPIRUN
                          ? "ended by mpirun (it was told to, or another rank has ended)"
                          : "ended at once (interrupted twice, or by USR2)";
    if (checkpoints_newest_below(w->out, INT64_MAX, &saved, NULL) == ST_OK && saved >= 0)
        snprintf(stands, sizeof stands, "the checkpoint of step %" PRId64 " stands", saved);
    enum status ignored = FAIL(em, ST_INTERRUPTED, "%s after step %" PRId64 "; %s%s", how, step,
                               stands, saved == step ? "" : ", what came since is lost");
    (void)ignored;
}

static void report_end(struct last_words *w, enum signals_end end)
{
    struct errmsg words = {0}, own = {0};
    pthread_mutex_lock(&w->lock);
    struct run_record_outcome outcome = w->outcome;
    pthread_mutex_unlock(&w->lock);
    describe(w, end, outcome.step, &words);
    outcome.status = words.code;
    outcome.error = &words;
    /* no warning: the user asked for it, or the reason was logged before */
    if (end == SIGNALS_MPIRUN)
        log_info("%s; if a later line reports a newer checkpoint, that one counts", words.text);
    else if (!w->launched)
        log_info("%s", words.text);
    if (run_record_end(w->record, &outcome, &own) != ST_OK ||
        run_record_write(w->record, &own) != ST_OK)
        log_warn("%s", own.text);
}

static void await_end(void *words)
{
    enum signals_end end = SIGNALS_CALLED_OFF;
    while ((end = signals_await_end(end)) != SIGNALS_CALLED_OFF) {
        report_end(words, end);
        if (end == SIGNALS_AT_ONCE)
            _exit(status_exit_code(ST_INTERRUPTED));
    }
}

enum status last_words_open(const char *out, struct run_record *record, bool launched,
                            struct last_words **words, struct errmsg *em)
{
    struct last_words *w = calloc(1, sizeof *w);
    if (!w)
        return FAIL(em, ST_MEMORY, "out of memory");
    w->out = out;
    w->record = record;
    w->launched = launched;
    pthread_mutex_init(&w->lock, NULL);
    enum status st = worker_new(&w->worker, em);
    if (st != ST_OK) {
        pthread_mutex_destroy(&w->lock);
        free(w);
        return st;
    }
    worker_start(w->worker, await_end, w);
    *words = w;
    return ST_OK;
}

void last_words_record(struct last_words *w, const struct run_record_outcome *outcome)
{
    pthread_mutex_lock(&w->lock);
    w->outcome = *outcome;
    pthread_mutex_unlock(&w->lock);
}

void last_words_close(struct last_words *w)
{
    if (!w)
        return;
    signals_call_off();
    worker_free(w->worker);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* The watchdog's messages. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "watchdog_priv.h"

#include "base/poison.h"

enum { TEXT_BYTES = 512, LINES_MAX = 16, UNHEARD_S = 3 };

void watchdog_name(const struct watchdog_rank *all, int rank, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "rank %d on host %s (pid %" PRId64 ")", rank, all[rank].host,
             all[rank].line.process.pid);
}

bool watchdog_is_unheard(const struct watchdog_rank *r)
{
    return !r->here && (r->version == 0 || r->unheard_s > UNHEARD_S);
}

/* Writes " in bucket 2 of 4" (`before` is " in "), or "" if bucket is 0. */
static void describe_bucket(const char *before, int bucket, int n, char *text, size_t text_bytes)
{
    text[0] = '\0';
    if (bucket > 0)
        snprintf(text, text_bytes, "%sbucket %d of %d", before, bucket, n);
}

static void describe_last(const struct roster_line *l, char *text, size_t text_bytes)
{
    char collective[TEXT_BYTES / 4], bucket[TEXT_BYTES / 8];
    text[0] = '\0';
    if (l->last.sequence == 0)
        return;
    comm_call_describe(&l->last, collective, sizeof collective);
    describe_bucket(", ", l->last_bucket, l->n_buckets, bucket, sizeof bucket);
    snprintf(text, text_bytes, "; it last began %s%s", collective, bucket);
}

void watchdog_describe(const struct watchdog_rank *r, char *text, size_t text_bytes)
{
    static const char *const phases[WATCH_PHASES] = {
        [WATCH_PREPARE] = "preparing",
        [WATCH_STEP] = "in step",
        [WATCH_READ] = "reading pictures of step",
        [WATCH_COMPUTE] = "in forward and backward of step",
        [WATCH_REDUCE] = "summing gradients of step",
        [WATCH_UPDATE] = "updating in step",
        [WATCH_VALIDATE] = "validating after step",
        [WATCH_REPORT] = "reporting after step",
        [WATCH_SAVE] = "saving after step",
        [WATCH_END] = "ending after step",
    };
    const struct roster_line *l = &r->line;
    char step[32] = "", bucket[TEXT_BYTES / 8] = "", last[TEXT_BYTES / 2];
    if (watchdog_is_unheard(r) && !r->line.ended) {
        if (r->version)
            snprintf(text, text_bytes, "nothing has been heard of it for %.0f s", r->unheard_s);
        else
            snprintf(text, text_bytes, "nothing is known of it here");
        return;
    }
    if (l->phase != WATCH_PREPARE)
        snprintf(step, sizeof step, " %" PRId64, l->step);
    if (r->view.waiting)
        describe_bucket(" in ", l->waiting_bucket, l->n_buckets, bucket, sizeof bucket);
    describe_last(l, last, sizeof last);
    const char *did = r->view.state == PROCESS_GONE      ? "has gone"
                      : r->view.state == PROCESS_STOPPED ? "stopped by a signal"
                      : r->view.ended                    ? "has ended in order"
                      : r->view.waiting                  ? "waits for the others"
                                                         : "works";
    snprintf(text, text_bytes, "%s%s, %s%s, for %.0f s%s", phases[l->phase % WATCH_PHASES], step,
             did, bucket, r->view.still_s, last);
}

void watchdog_report(const struct watchdog_rank *all, int n, int culprit, const char *verdict)
{
    char name[TEXT_BYTES], what[TEXT_BYTES];
    int told = 0;
    log_error("%s", verdict);
    for (int i = -1; i < n && told < LINES_MAX; i++) {
        int r = i < 0 ? culprit : i;
        if (r < 0 || (i >= 0 && r == culprit))
            continue;
        watchdog_name(all, r, name, sizeof name);
        watchdog_describe(&all[r], what, sizeof what);
        log_error("  %s: %s", name, what);
        told++;
    }
    if (told < n)
        log_error("  and %d more ranks", n - told);
}

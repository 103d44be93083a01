#include "base/thread_count.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cpus.h"

#include "base/poison.h"

static const char spaces[] = " \t\n\v\f\r";

bool threads_parse_omp(const char *text, int *first_out)
{
    long first = 0;
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        long n = strtol(at, &end, 10);
        if (end == at || errno != 0 || n < 1)
            return false;
        if (first == 0)
            first = n;
        at = end + strspn(end, spaces);
        if (*at == '\0')
            break;
        if (*at != ',')
            return false;
    }
    *first_out = (int)MIN(first, (long)INT_MAX);
    return true;
}

static int whole(double share)
{
    return share < 1 ? 1 : (int)MIN(floor(share), (double)THREADS_MOST);
}

static void choose_by_omp(int wanted, struct thread_choice *out)
{
    out->n = MIN(wanted, (int)THREADS_MOST);
    if (wanted > out->n)
        snprintf(out->why, sizeof out->why, "the largest allowed number; OMP_NUM_THREADS is %d",
                 wanted);
    else
        snprintf(out->why, sizeof out->why, "OMP_NUM_THREADS");
}

static void choose_by_cpus(const struct thread_facts *f, struct thread_choice *out)
{
    int by_cpus = whole((double)f->cpus / f->sharing);
    int by_quota = whole(f->quota / f->ranks);
    out->n = MIN(by_cpus, by_quota);
    if (by_quota < by_cpus && f->ranks > 1)
        snprintf(out->why, sizeof out->why, "the container's CPU quota of %.3g for %d ranks",
                 f->quota, f->ranks);
    else if (by_quota < by_cpus)
        snprintf(out->why, sizeof out->why, "the container's CPU quota of %.3g", f->quota);
    else if (f->cpus < f->online)
        snprintf(out->why, sizeof out->why, "bound to %d of %d CPUs", f->cpus, f->online);
}

void threads_choose(const struct thread_facts *f, struct thread_choice *out)
{
    *out = (struct thread_choice){.n = f->named};
    int wanted = 0;
    bool says = f->omp_num_threads && threads_parse_omp(f->omp_num_threads, &wanted);
    if (f->named == 0 && says)
        choose_by_omp(wanted, out);
    else if (f->named == 0)
        choose_by_cpus(f, out);
    else if (says && wanted != f->named)
        snprintf(out->why, sizeof out->why, "train.threads, not OMP_NUM_THREADS");
}

void threads_find_facts(struct thread_facts *out)
{
    const char *omp = getenv("OMP_NUM_THREADS");
    *out = (struct thread_facts){
        .online = cpus_online(),
        .cpus = cpus_allowed(),
        .sharing = 1,
        .ranks = 1,
        .quota = cpus_quota(""),
        .omp_num_threads = omp && *omp ? omp : NULL,
    };
}

int threads_for_model(void)
{
    struct thread_facts facts;
    struct thread_choice choice;
    threads_find_facts(&facts);
    threads_choose(&facts, &choice);
    return choice.n;
}

int threads_for_files(int most)
{
    struct thread_facts facts;
    struct thread_choice choice;
    threads_find_facts(&facts);
    facts.omp_num_threads = NULL;
    threads_choose(&facts, &choice);
    return MIN(choice.n, most);
}

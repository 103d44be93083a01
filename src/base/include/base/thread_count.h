/*
 * How many threads a process computes with.
 *
 *     struct thread_facts facts;
 *     struct thread_choice choice;
 *     threads_find_facts(&facts);
 *     facts.sharing = facts.ranks = 2;
 *     threads_choose(&facts, &choice);    // 1, "the container's CPU quota of 3.5 for 2 ranks"
 *
 * What the user named counts first, then OMP_NUM_THREADS, as in every OpenMP program. Else a
 * process gets its CPUs, divided by the ranks that run on them, and no more than its share of the
 * CPU quota: once the quota is used up, one stopped thread holds up all others.
 */
#ifndef BIFRONS_BASE_THREAD_COUNT_H
#define BIFRONS_BASE_THREAD_COUNT_H

#include <stdbool.h>

enum { THREADS_MOST = 1024, THREADS_WHY_BYTES = 128 };

struct thread_facts {
    int named;                   /* by the user, 1 to THREADS_MOST; 0: none */
    int online;                  /* CPUs of the machine */
    int cpus;                    /* that this process is bound to */
    int sharing;                 /* ranks that run on these CPUs, this one included */
    int ranks;                   /* of this host, which share the quota */
    double quota;                /* see cpus_quota */
    const char *omp_num_threads; /* NULL: not set, or to nothing */
};

struct thread_choice {
    int n; /* 1 to THREADS_MOST */
    /* In words. "": as named, or each CPU of the machine is used once. */
    char why[THREADS_WHY_BYTES];
};

/* Of this process alone: nothing named, sharing = ranks = 1. The text is the environment's. */
void threads_find_facts(struct thread_facts *out);
/* A text that is no value of OMP_NUM_THREADS counts as not set. */
void threads_choose(const struct thread_facts *f, struct thread_choice *out);
/* The choice of a process without other ranks, for libtorch. */
int threads_for_model(void);
/* The same for threads that are not OpenMP's, which OMP_NUM_THREADS does not concern; 1 to most. */
int threads_for_files(int most);

/* The value of OMP_NUM_THREADS: the first of a list such as "4,2", which is of the outermost level.
 * False where OpenMP takes the text for no value. */
bool threads_parse_omp(const char *text, int *first_out);

#endif

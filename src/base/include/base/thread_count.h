/*
 * Chooses the number of computing threads of a process.
 *
 *     struct thread_facts facts;
 *     struct thread_choice choice;
 *     threads_find_facts(&facts);
 *     facts.sharing = facts.ranks = 2;
 *     threads_choose(&facts, &choice);    // 1, "the container's CPU quota of 3.5 for 2 ranks"
 *
 * The user's number comes first, then OMP_NUM_THREADS, as in every OpenMP program. Otherwise a
 * process gets its CPUs divided by the ranks that share them, but no more than its share of the CPU
 * quota: when the quota is used up, the kernel stops threads, and one stopped thread holds up all.
 */
#ifndef BIFRONS_BASE_THREAD_COUNT_H
#define BIFRONS_BASE_THREAD_COUNT_H

#include <stdbool.h>

enum { THREADS_MOST = 1024, THREADS_WHY_BYTES = 128 };

struct thread_facts {
    int named;                   /* the user's number, 1 to THREADS_MOST; 0: none */
    int online;                  /* CPUs of the node */
    int cpus;                    /* CPUs that this process is bound to */
    int sharing;                 /* ranks that run on these CPUs, this one included */
    int ranks;                   /* ranks of this node, which share the quota */
    double quota;                /* see cpus_quota */
    const char *omp_num_threads; /* NULL: not set, or empty */
};

struct thread_choice {
    int n; /* 1 to THREADS_MOST */
    /* The reason, for users. "": the user's number, or one thread for each CPU of the node. */
    char why[THREADS_WHY_BYTES];
};

/* The facts of a process without other ranks: named = 0, sharing = ranks = 1. omp_num_threads is
 * borrowed from the environment. */
void threads_find_facts(struct thread_facts *out);
/* Chooses. An invalid omp_num_threads counts as not set. */
void threads_choose(const struct thread_facts *f, struct thread_choice *out);
/* The number of libtorch's threads in a process without other ranks. */
int threads_for_model(void);
/* The same for our own threads, which OMP_NUM_THREADS does not set; 1 to most. */
int threads_for_files(int most);

/* Reads a value of OMP_NUM_THREADS. Of a list ("4,2"), takes the first number, which is for the
 * outermost level. False if the text is not a valid value. */
bool threads_parse_omp(const char *text, int *first_out);

#endif

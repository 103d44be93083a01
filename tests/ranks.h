/*
 * The main function of a test of several ranks, without their communicator's options:
 *
 *     static struct comm *world;
 *     …
 *         const struct comm_options options = {.backend = COMM_MPI};
 *         return RUN_ON_RANKS(tests, &options, &world);
 *
 * Opens the communicator, runs the tests, and closes it. After a failed test it ends the job,
 * because the other ranks may be waiting in a collective.
 */
#ifndef BIFRONS_TESTS_RANKS_H
#define BIFRONS_TESTS_RANKS_H

#include "comm/comm.h"
#include "testing.h"

#define RUN_ON_RANKS(tests, options, world) RUN_ON_RANKS_WITH(tests, options, world, NULL, NULL)
/* setup and teardown: of the group; both have the communicator. */
#define RUN_ON_RANKS_WITH(tests, options, world, setup, teardown)               \
    (ranks_open((options), (world))                                             \
         ? ranks_close((world), cmocka_run_group_tests(tests, setup, teardown)) \
         : 1)

static inline bool ranks_open(const struct comm_options *options, struct comm **world)
{
    struct errmsg em = {0};
    if (comm_open(options, world, &em) == ST_OK)
        return true;
    fprintf(stderr, "%s\n", em.text);
    return false;
}

static inline int ranks_close(struct comm **world, int failed)
{
    if (failed)
        comm_abort(*world, 1);
    comm_close(*world);
    return 0;
}

#endif

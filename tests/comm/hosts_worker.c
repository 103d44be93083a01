/*
 * One rank of tests/comm/test_hosts.py: sums numbers whose sum depends on the order of additions
 * and writes what it got, as float32, to OUT.RANK.
 *
 *     hosts_worker OUT [RANKS_PER_NODE]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/philox.h"
#include "comm/comm.h"

enum { COUNT = 1500007, PRIVATE = 100003 }; /* several pieces; odd shards */

static enum status sum(struct comm *c, float *range, size_t n, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    for (size_t i = 0; i < n; i++) {
        struct philox p = philox_at(99, PHILOX_FAULT, i * 8 + (uint64_t)comm_rank(c));
        float x = philox_uniform(&p, 0.0f, 1.0f);
        range[i] = i % 3 == 0 ? x * 1e6f : x;
    }
    enum status st = comm_all_reduce_begin(c, range, n, COMM_F32, NULL, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, 60, em) : st;
}

static enum status work(struct comm *c, const char *out, struct errmsg *em)
{
    static float in_private_memory[PRIVATE];
    float *range;
    char path[4096];
    enum status st = comm_alloc(c, COUNT * sizeof *range, (void **)&range, em);
    if (st == ST_OK)
        st = sum(c, range, COUNT, em);
    if (st == ST_OK)
        st = sum(c, in_private_memory, PRIVATE, em);
    if (st != ST_OK)
        return st;
    snprintf(path, sizeof path, "%s.%d", out, comm_rank(c));
    FILE *f = fopen(path, "wb");
    if (!f)
        return FAIL(em, ST_IO, "cannot write %s", path);
    fwrite(range, sizeof *range, COUNT, f);
    fwrite(in_private_memory, sizeof *in_private_memory, PRIVATE, f);
    printf("rank %d of %d on %d nodes, %s\n", comm_rank(c), comm_world_size(c), comm_node_count(c),
           comm_host_name(c));
    comm_free(c, range);
    return fclose(f) == 0 ? ST_OK : FAIL(em, ST_IO, "cannot write %s", path);
}

int main(int argc, char **argv)
{
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_MPI};
    if (argc < 2)
        return 64;
    if (argc > 2)
        options.ranks_per_node = (int)strtol(argv[2], NULL, 10);
    enum status st = comm_open(&options, &c, &em);
    if (st == ST_OK) {
        st = work(c, argv[1], &em);
        comm_close(c);
    }
    if (st != ST_OK)
        fprintf(stderr, "%s\n", em.text);
    return status_exit_code(st);
}

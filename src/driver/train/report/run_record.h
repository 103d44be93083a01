/*
 * run.json: what ran, where, on whose pictures, and how it ended. Written atomically at the start
 * and at the end, so that a run that was killed has its first half.
 *
 *   {"bifrons":{"version","commit"}, "libraries":{"torch","mpi","hdf5"},
 *    "config", "seed", "device", "backend", "reducer",
 *    "world_size", "ranks":[{"rank","host"}],
 *    "people":[{"person","set","fingerprint","pictures","consent"}, …],
 *    "started", "ended", "exit", "message", "stage", "step", "epoch",
 *    "seconds", "images_per_s",
 *    "resumes":[{"started","from_step","world_size"}, …]}
 *
 * Times are UTC, ISO 8601. fingerprint is 16 hex digits. ended, exit and what follows it are null
 * until run_record_end; "stage" stays null without train.stages. On resume "started" and "resumes"
 * of the file that is there are kept, and a row is added; all else describes the latest start.
 *
 * Rank 0 writes. A failure never ends training: warn and go on.
 */
#ifndef BIFRONS_DRIVER_RUN_RECORD_H
#define BIFRONS_DRIVER_RUN_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { RUN_RECORD_PEOPLE = 2, RUN_RECORD_BYTES_MAX = 16 << 20 };

struct run_record_person {
    const char *person, *set_path, *consent; /* NULL: null */
    uint64_t fingerprint;
    int64_t pictures;
};

/* Known at the start; borrowed during run_record_new only. NULL strings become null. */
struct run_record_facts {
    const char *torch_version, *mpi_version, *hdf5_version;
    const char *config_path, *device, *backend;
    const char *reducer; /* how gradients are summed, in words */
    uint64_t seed;
    int world_size;
    const char *const *hosts; /* (world_size) host of each rank; NULL: none */
    struct run_record_person people[RUN_RECORD_PEOPLE];
    bool resumed;
    int64_t from_step; /* where resumed */
};

/* Known at the end. */
struct run_record_outcome {
    enum status status;  /* its name is written as "exit" */
    const char *message; /* NULL: null */
    int64_t stage;       /* from 1; 0: the run has none */
    int64_t step, epoch;
    double seconds;      /* trained, over all starts */
    double images_per_s; /* of this start */
};

struct run_record;

/*
 * Takes the facts and, where resumed, the history in the file at path, which is not written yet. An
 * earlier file that cannot be understood is set aside as PATH.damaged, one that cannot be read as
 * PATH.unread, with a warning. ST_MEMORY;
 * ST_IO for a path too long.
 */
enum status run_record_new(const char *path, const struct run_record_facts *facts,
                           struct run_record **out, struct errmsg *em) MUST_CHECK;
/* Notes how it ended. ST_MEMORY. */
enum status run_record_end(struct run_record *r, const struct run_record_outcome *outcome,
                           struct errmsg *em) MUST_CHECK;
/* Writes the file, atomically: after run_record_new and after run_record_end. ST_IO, ST_MEMORY. */
enum status run_record_write(const struct run_record *r, struct errmsg *em) MUST_CHECK;
void run_record_free(struct run_record *r);

/* The commit this program was built from ("-dirty" after it where files were changed), or
 * "unknown"; static. */
const char *run_record_commit(void);

#endif

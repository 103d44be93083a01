/*
 * run.json: the program, ranks, pictures and result of a run. Written atomically at the start and
 * at the end: a killed run has the facts of its start.
 *
 *   {"bifrons":{"version","commit"}, "libraries":{"torch","mpi","hdf5"},
 *    "config", "seed", "device", "precision", "backend", "reducer",
 *    "world_size", "ranks":[{"rank","host"}],
 *    "people":[{"person","set","fingerprint","pictures","consent"}, …],
 *    "started", "ended", "exit", "message", "where", "stage", "step", "epoch",
 *    "seconds", "images_per_s",
 *    "resumes":[{"started","from_step","world_size"}, …]}
 *
 * Times are UTC, ISO 8601. fingerprint is 16 hex digits. "where" is the function and line of our
 * source that wrote the message. ended, exit and what follows it are null
 * until run_record_end; "stage" stays null without train.stages. A resumed run keeps "started" and
 * "resumes" of the file and adds a row to "resumes"; everything else describes the latest start.
 *
 * Rank 0 writes. A failure must not end training: warn and continue.
 */
#ifndef BIFRONS_DRIVER_RUN_RECORD_H
#define BIFRONS_DRIVER_RUN_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { RUN_RECORD_PEOPLE = 2, RUN_RECORD_BYTES_MAX = 16 << 20 };

struct run_record_person {
    const char *person, *set_path, *consent; /* NULL: null */
    const char *fingerprint;                 /* hex; NULL: null */
    int64_t pictures;
};

/* Known at the start; borrowed during run_record_new only. NULL strings become null. */
struct run_record_facts {
    const char *torch_version, *mpi_version, *hdf5_version;
    const char *config_path, *device, *backend;
    const char *precision; /* "fp32" or "bf16": what "auto" became */
    const char *reducer;   /* text: how gradients are summed */
    uint64_t seed;
    int world_size;
    const char *const *hosts; /* (world_size) host of each rank; NULL: none */
    struct run_record_person people[RUN_RECORD_PEOPLE];
    bool resumed;
    int64_t from_step; /* the step of the checkpoint, if resumed */
};

/* Known at the end. */
struct run_record_outcome {
    enum status status;         /* its name is written as "exit" */
    const struct errmsg *error; /* its text and place are written; NULL: null */
    int64_t stage;              /* from 1; 0: the run has none */
    int64_t step, epoch;
    double seconds;      /* trained, over all starts */
    double images_per_s; /* of this start */
};

struct run_record;

/*
 * Takes the facts and, if resumed, the history of the file at path. Does not write the file yet. An
 * earlier file that is not a run record is renamed to PATH.damaged, one that cannot be read to
 * PATH.unread, with a warning. Errors: ST_MEMORY; ST_IO for a path too long.
 */
enum status run_record_new(const char *path, const struct run_record_facts *facts,
                           struct run_record **out, struct errmsg *em) MUST_CHECK;
/* Records the end of the run. Errors: ST_MEMORY. */
enum status run_record_end(struct run_record *r, const struct run_record_outcome *outcome,
                           struct errmsg *em) MUST_CHECK;
/* Writes the file atomically. Call it after run_record_new and after run_record_end. Errors: ST_IO,
 * ST_MEMORY. */
enum status run_record_write(const struct run_record *r, struct errmsg *em) MUST_CHECK;
void run_record_free(struct run_record *r);

/* The commit of this build (with "-dirty" if files were changed), or "unknown". Static. */
const char *run_record_commit(void);

#endif

/*
 * Where a stage's training begins: a checkpoint of this run, or the weights of any other.
 *
 *     struct resume found = {0};
 *     enum status st = resume_find(s, "auto", &found, &em); // says which stage it is, too
 *     if (st == ST_OK)
 *         st = stage_open(&s->stage, &s->state, &em);
 *     if (st == ST_OK && train_state_stage_steps(&s->state) > 0) // in the middle of it
 *         st = resume_load(s, &found, &em);
 *     else if (st == ST_OK) // or at its beginning
 *         st = resume_start(s, path_or_null, &em);
 *     if (st == ST_OK && comm_rank(s->run.comm) == 0)
 *         resume_settle(s, &found);
 *     resume_release(&found);
 */
#ifndef BIFRONS_DRIVER_TRAIN_RESUME_H
#define BIFRONS_DRIVER_TRAIN_RESUME_H

#include "base/file.h"
#include "session.h"

struct checkpoint;

/* The checkpoint that a run goes on from: rank 0's, nothing elsewhere. */
struct resume {
    struct checkpoint *checkpoint; /* NULL: none */
    char path[PATH_BYTES_MAX];
    double took_s;           /* to find and read it */
    int64_t step, best_step; /* its own, and that of its best.pt */
    bool in_folder;          /* it was looked for in the run folder, and found */
};

/*
 * COLLECTIVE. from: "auto" the newest good checkpoint of the run folder, "none", or a path. All
 * that can be wrong with one is found out here, and with "auto" an older one tried. The state
 * becomes the checkpoint's, its stage the session's. ST_DATA, ST_CONFIG, ST_NOINPUT.
 */
enum status resume_find(struct session *s, const char *from, struct resume *out,
                        struct errmsg *em) MUST_CHECK;
/* Rank 0, once the run is certain to go on from what was found: the run folder's links point at it,
 * and later checkpoints, which were refused, are set aside. Nothing is touched before. */
void resume_settle(const struct session *s, const struct resume *r);
/* COLLECTIVE. Fills the stage's model with what was found. */
enum status resume_load(struct session *s, struct resume *r, struct errmsg *em) MUST_CHECK;
void resume_release(struct resume *r);

/*
 * COLLECTIVE. Begins a stage, with the weights of a checkpoint (rank 0's path), whose pictures may
 * be smaller, or with new ones (path NULL). Moments are new in either case.
 */
enum status resume_start(struct session *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif

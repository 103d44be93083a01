/*
 * The start of a stage: from a checkpoint of this run, or with the weights of any other one.
 *
 *     struct resume found = {0};
 *     enum status st = resume_find(s, "auto", &found, &em); // also sets the stage
 *     if (st == ST_OK)
 *         st = stage_open(&s->stage, &s->state, &em);
 *     if (st == ST_OK && train_state_stage_steps(&s->state) > 0) // in the middle of the stage
 *         st = resume_load(s, &found, &em);
 *     else if (st == ST_OK) // at its start
 *         st = resume_start(s, path_or_null, &em);
 *     if (st == ST_OK && comm_rank(s->run.comm) == 0)
 *         resume_settle(s, &found);
 *     resume_release(&found);
 */
#ifndef BIFRONS_DRIVER_TRAIN_RESUME_H
#define BIFRONS_DRIVER_TRAIN_RESUME_H

#include "base/file.h"
#include "resume_check.h"

struct checkpoint;

/* The checkpoint that a run resumes from. Empty on ranks other than 0. */
struct resume {
    struct checkpoint *checkpoint; /* NULL: none */
    char path[PATH_BYTES_MAX];
    double took_s;           /* to find and read it */
    int64_t step, best_step; /* the checkpoint's, and that of its best.pt */
    bool in_folder;          /* found in the run folder ("auto") */
    struct resume_changes changes;
};

/*
 * COLLECTIVE. from: "auto" (the newest good checkpoint of the run folder), "none", or a path.
 * Checks the checkpoint completely; with "auto" it tries an older one if that fails. The session
 * gets the checkpoint's state and stage. Errors: ST_DATA, ST_CONFIG, ST_NOINPUT.
 */
enum status resume_find(struct session *s, const char *from, struct resume *out,
                        struct errmsg *em) MUST_CHECK;
/* Rank 0. Call it when it is certain that the run resumes from the found checkpoint: points the
 * links of the run folder at it, and sets later checkpoints (which were refused) aside. */
void resume_settle(const struct session *s, const struct resume *r);
/* COLLECTIVE. Loads the found checkpoint into the stage's model. */
enum status resume_load(struct session *s, struct resume *r, struct errmsg *em) MUST_CHECK;
void resume_release(struct resume *r);

/*
 * COLLECTIVE. Begins a stage with the weights of a checkpoint (rank 0's path; its pictures may be
 * smaller), or with new weights (path NULL). The moments are always new.
 */
enum status resume_start(struct session *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif

/*
 * What face networks see of a preview's swaps (likeness.h), without a true swap: the preview in
 * figures. With log.faces.
 *
 *     struct preview_faces *f = preview_faces_open(&s->run);      // NULL: not measured
 *     struct likeness_sum of[MODEL_PEOPLE] = {0};
 *     if (f && preview_faces_are_due(f))
 *         st = preview_faces_measure(f, s, &pictures, of, &em);
 *     preview_faces_free(f);
 *
 * The networks run on the CPU of rank 0, in its thread. They use no random numbers and change
 * neither the model nor libtorch's settings.
 *
 * A person's means and deviations come from PREVIEW_FACES_LEARNED training pictures at the model's
 * size (all, if there are fewer). The networks look at these once. Sets cannot give them: their 70
 * points are flat, and an expression (expression.h) needs the mesh.
 */
#ifndef BIFRONS_DRIVER_TRAIN_PREVIEW_FACES_H
#define BIFRONS_DRIVER_TRAIN_PREVIEW_FACES_H

#include "likeness.h"
#include "preview.h"
#include "session.h"

enum { PREVIEW_PAIRS = 6, PREVIEW_FACES_LEARNED = 16 };
/* Of the time of a run, for looking at swaps. */
#define PREVIEW_FACES_SHARE 0.05

struct preview_faces;

/* NULL: not measured. It logs why, unless log.faces does not ask for it: false, or "auto" and a set
 * without identity numbers. */
struct preview_faces *preview_faces_open(const struct run *run);
void preview_faces_free(struct preview_faces *f);
/* False while another look would take more than PREVIEW_FACES_SHARE of the time since the last. */
bool preview_faces_are_due(const struct preview_faces *f);
/*
 * Adds the swaps of each person's pictures to `out`. At most PREVIEW_PAIRS of each person, whose
 * originals are the same at each call. Call it while the loader of the stage is free. ST_DATA: the
 * networks find no face in most training pictures of a person; ST_IO, ST_MEMORY, ST_TORCH.
 */
enum status preview_faces_measure(struct preview_faces *f, struct session *s,
                                  const struct preview_pictures *p,
                                  struct likeness_sum out[static MODEL_PEOPLE],
                                  struct errmsg *em) MUST_CHECK;

#endif

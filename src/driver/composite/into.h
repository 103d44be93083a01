/*
 * Swaps the faces of the checkpoint's people in a whole picture, and does not change other faces.
 *
 *     struct into_options options = {.model = model, .finder = finder,
 *                                    .coverage = SHAPE_HEAD, .blend = COMPOSITE_DEFAULTS};
 *     people_add(&options.people[MODEL_A], PEOPLE_MEANT, &reference);    // A's faces become B's
 *     struct into *into;
 *     if ((st = into_new(&options, &into, &em)) != ST_OK)
 *         return st;
 *     st = into_picture(into, &picture, &out, &report, &em);
 *     into_free(into);
 *
 * choose.h says whose face is replaced. The decoder's mask, if the model has one, and the hull of
 * the face's points limit what is replaced.
 */
#ifndef BIFRONS_DRIVER_COMPOSITE_INTO_H
#define BIFRONS_DRIVER_COMPOSITE_INTO_H

#include "composite.h"
#include "model/model.h"
#include "people.h"
#include "shape.h"

struct into_options {
    struct model *model; /* borrowed, as is finder */
    struct finder *finder;
    struct people people[MODEL_PEOPLE]; /* no face added: this person's faces are left alone */
    enum shape_coverage coverage;       /* of the pictures that the model was trained on */
    struct composite_options blend;
    /* of A and B, borrowed: decoders get the pose measured from the finder's points (model.pose =
     * "given"); NULL: the predicted pose, or none */
    const struct pose_scale *poses;
};

/* Counts of a picture's faces: n_faces = n_replaced + n_unsure + n_others. */
struct into_report {
    bool replaced[MODEL_PEOPLE];
    size_t n_faces, n_replaced;
    size_t n_followed; /* replaced because the last frame's face was; in n_replaced, too */
    size_t n_unsure;   /* perhaps one of the people, or a second face like that person's */
    size_t n_others;
};

struct into;

/* Errors: ST_MEMORY. */
enum status into_new(const struct into_options *options, struct into **out,
                     struct errmsg *em) MUST_CHECK;
void into_free(struct into *i);
/*
 * *out: a picture of the same size, the caller's to release. If a face was replaced, it carries the
 * visible label "AI"; its file must also have the mark PICTURE_SOURCE_COMPOSITE. Else it equals
 * `in`. Errors: ST_MEMORY, ST_TORCH.
 */
enum status into_picture(struct into *i, const struct picture *in, struct picture *out,
                         struct into_report *report, struct errmsg *em) MUST_CHECK;
/* The same for the frames of one video, in the order of their times: follows the faces (choose.h),
 * and smooths the points of each replaced face over time (smooth.h). */
enum status into_frame(struct into *i, const struct picture *in, double time_s, struct picture *out,
                       struct into_report *report, struct errmsg *em) MUST_CHECK;

#endif

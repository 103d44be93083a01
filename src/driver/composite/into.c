#include "into.h"

#include <math.h>
#include <stdlib.h>

#include "choose.h"
#include "data/pose.h"
#include "label.h"

#include "base/poison.h"

struct into {
    struct into_options options;
    int size; /* of the model's pictures */
    struct face faces[FINDER_FACES_MAX];
    size_t n_faces;
    struct choice chosen[MODEL_PEOPLE];
    struct label label;
    float *sampled;            /* (size, size, 3) */
    uint8_t *source, *decoded; /* (size, size, 3) */
    uint8_t *hull;             /* (size, size) */
    uint8_t *limit;            /* likewise: the decoder's mask; NULL: the model has none */
};

enum status into_new(const struct into_options *options, struct into **out, struct errmsg *em)
{
    struct into *i = calloc(1, sizeof *i);
    if (!i)
        return FAIL(em, ST_MEMORY, "out of memory");
    i->options = *options;
    i->label = LABEL_INITIAL;
    i->size = model_get_options(options->model)->config.image_size;
    size_t n = (size_t)i->size * (size_t)i->size;
    i->sampled = malloc(3 * n * sizeof *i->sampled);
    i->source = malloc(3 * n);
    i->decoded = malloc(3 * n);
    i->hull = malloc(n);
    bool limited = model_get_options(options->model)->config.mask;
    i->limit = limited ? malloc(n) : NULL;
    if (!i->sampled || !i->source || !i->decoded || !i->hull || (limited && !i->limit)) {
        into_free(i);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    *out = i;
    return ST_OK;
}

void into_free(struct into *i)
{
    if (!i)
        return;
    free(i->limit);
    free(i->hull);
    free(i->decoded);
    free(i->source);
    free(i->sampled);
    free(i);
}

/* ---- Replacing ------------------------------------------------------------------------------- */

/* The pose of the face in the cut picture. */
static struct pose_code pose_of_cut(const struct into *i, int who, const struct similarity *cut)
{
    double at[FACE_POINTS][2];
    float points[FACE_POINTS][2];
    struct similarity to_cut = similarity_inverse(cut);
    shape_points(&i->faces[i->chosen[who].face], at);
    for (int k = 0; k < FACE_POINTS; k++) {
        double place[2];
        similarity_apply(&to_cut, at[k][0], at[k][1], place);
        points[k][0] = (float)place[0];
        points[k][1] = (float)place[1];
    }
    points_normalise(points, i->size);
    return pose_standardise(&i->options.poses[who], (const float(*)[2])points);
}

static enum status decode(struct into *i, int who, const struct similarity *cut, struct errmsg *em)
{
    struct batch batch = {.n = 1, .size = i->size};
    struct model_pictures pictures = {0};
    struct pose_code pose;
    if (i->options.poses) {
        pose = pose_of_cut(i, who, cut);
        batch.pose[who] = pose.z[0];
        batch.pose_known[who] = pose.known[0];
    }
    batch.images[who] = i->source;
    pictures.swap[who] = i->decoded;
    pictures.swap_mask[who] = i->limit;
    return model_run(i->options.model, &batch, &pictures, em);
}

static enum status replace(struct into *i, const struct pyramid *in, int who, struct picture *out,
                           struct errmsg *em)
{
    const struct face *face = &i->faces[i->chosen[who].face];
    struct similarity cut = shape_cut(face, i->options.coverage, i->size);
    size_t n = (size_t)i->size * (size_t)i->size * 3;
    pyramid_sample(in, &cut, i->size, i->size, i->sampled);
    for (size_t k = 0; k < n; k++)
        i->source[k] = (uint8_t)lrintf(i->sampled[k]);
    enum status st = decode(i, who, &cut, em);
    if (st != ST_OK)
        return st;
    shape_mask(face, &cut, i->size, i->hull);
    struct composite_face decoded = {
        .cut = &cut,
        .size = i->size,
        .side = shape_side(face) / similarity_scale(&cut),
        .decoded = i->decoded,
        .source = i->source,
        .hull = i->hull,
        .limit = i->limit,
    };
    return composite(out, &decoded, &i->options.blend, em);
}

enum status into_frame(struct into *i, const struct picture *in, double time_s, struct picture *out,
                       struct into_report *report, struct errmsg *em)
{
    struct into_report r = {0};
    struct picture result = {0};
    struct pyramid p = {0};
    enum status st = finder_seek(i->options.finder, in, i->options.people, MODEL_PEOPLE, i->faces,
                                 &i->n_faces, em);
    if (st == ST_OK)
        st = picture_init(&result, in->width, in->height, em);
    if (st == ST_OK)
        st = pyramid_init(&p, in, em);
    if (st != ST_OK)
        goto out;
    picture_paste(&result, in, 0, 0);
    struct choice_left left = choose(i->options.people, i->faces, i->n_faces, time_s, i->chosen);
    for (int who = 0; who < MODEL_PEOPLE && st == ST_OK; who++) {
        r.replaced[who] = i->chosen[who].face != CHOICE_NOBODY;
        r.n_replaced += r.replaced[who];
        r.n_followed += i->chosen[who].followed;
        if (r.replaced[who] && isfinite(time_s))
            smooth_face(&i->chosen[who].smooth, &i->faces[i->chosen[who].face], time_s);
        if (r.replaced[who])
            st = replace(i, &p, who, &result, em);
    }
    r.n_faces = i->n_faces;
    r.n_others = left.n_others;
    r.n_unsure = left.n_unsure;
    if (r.n_replaced > 0)
        label_draw(&i->label, &result, i->faces, i->n_faces, time_s);
out:
    pyramid_release(&p);
    if (st == ST_OK) {
        *out = result;
        *report = r;
    } else {
        picture_release(&result);
    }
    return st;
}

enum status into_picture(struct into *i, const struct picture *in, struct picture *out,
                         struct into_report *report, struct errmsg *em)
{
    i->label = LABEL_INITIAL;
    return into_frame(i, in, NAN, out, report, em);
}

#include "data/loader.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/draw_augment.h"
#include "data/picture.h"

struct loader {
    struct loader_source source[2];
    struct augment_config strength;
    struct augment_course course;
    struct priority priority;
    struct pose_scale pose[2];
    uint64_t seed;
    uint8_t *stored[2]; /* one picture of each person, at the set's size */
};

enum status loader_new(const struct loader_source source[2], const struct augment_config *strength,
                       uint64_t seed, struct loader **out, struct errmsg *em)
{
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return FAIL(em, ST_MEMORY, "out of memory");
    l->strength = *strength;
    l->course = AUGMENT_NO_COURSE;
    l->seed = seed;
    for (int p = 0; p < 2; p++) {
        size_t side = (size_t)set_get_info(source[p].set)->size;
        l->source[p] = source[p];
        l->stored[p] = malloc(side * side * 3);
        if (!l->stored[p]) {
            loader_free(l);
            return FAIL(em, ST_MEMORY, "out of memory for a picture of %zu px", side);
        }
    }
    *out = l;
    return ST_OK;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    free(l->stored[0]);
    free(l->stored[1]);
    free(l);
}

void loader_set_course(struct loader *l, const struct augment_course *course)
{
    l->course = *course;
}

void loader_set_priority(struct loader *l, const struct priority *p)
{
    l->priority = *p;
}

void loader_set_pose(struct loader *l, const struct pose_scale scales[2])
{
    memcpy(l->pose, scales, sizeof l->pose);
}

/* The stored picture, or its mask, at the size of the batch. */
static enum status load_stored(struct loader *l, int person, int64_t row, bool mask, uint8_t *out,
                               int size, struct errmsg *em)
{
    struct set *set = l->source[person].set;
    int stored_size = set_get_info(set)->size;
    uint8_t *stored = stored_size == size ? out : l->stored[person];
    enum status st =
        mask ? set_read_mask(set, row, stored, em) : set_read_image(set, row, stored, em);
    return st == ST_OK && stored != out ? picture_resize_bytes(stored, stored_size, stored_size,
                                                               mask ? 1 : 3, out, size, size, em)
                                        : st;
}

static enum status load_priority(struct loader *l, int person, int64_t row, uint8_t *out, int size,
                                 struct errmsg *em)
{
    struct set *set = l->source[person].set;
    float landmarks[SET_LANDMARKS][2];
    enum status st = set_read_landmarks(set, row, landmarks, em);
    if (st == ST_OK)
        priority_draw(&l->priority, (const float(*)[2])landmarks, set_get_info(set)->size, size,
                      out);
    return st;
}

/* The pose code z of sample i, moved by its draw. */
static enum status load_pose(struct loader *l, int person, size_t i, int64_t row, struct batch *b,
                             struct errmsg *em)
{
    struct pose_code code;
    size_t n = ARRAY_LENGTH(code.z) * ARRAY_LENGTH(code.z[0]);
    enum status st =
        pose_read(l->source[person].set, row, &b->draws[person][i], &l->pose[person], &code, em);
    if (st != ST_OK)
        return st;
    memcpy(b->pose[person] + i * n, code.z, sizeof code.z);
    if (b->pose_known[person])
        memcpy(b->pose_known[person] + i * n, code.known, sizeof code.known);
    return ST_OK;
}

static enum status load_row(struct loader *l, int person, size_t i, int64_t row, struct batch *b,
                            struct errmsg *em)
{
    size_t pixels = (size_t)b->size * (size_t)b->size;
    b->rows[person][i] = row;
    enum status st =
        load_stored(l, person, row, false, b->images[person] + i * pixels * 3, b->size, em);
    if (st == ST_OK && b->masks[person])
        st = load_stored(l, person, row, true, b->masks[person] + i * pixels, b->size, em);
    if (st == ST_OK && b->priority[person])
        st = load_priority(l, person, row, b->priority[person] + i * pixels, b->size, em);
    if (st == ST_OK && b->pose[person])
        st = load_pose(l, person, i, row, b, em);
    return st;
}

static void draw(struct loader *l, int person, size_t i, uint64_t position, struct batch *b)
{
    enum order_person who = (enum order_person)person;
    size_t bytes = (size_t)b->size * (size_t)b->size * 3;
    b->draws[person][i] = augment_draw_at(&l->strength, &l->course, l->seed, who, position);
    if (!b->noise[person])
        return;
    if (b->draws[person][i].noise > 0)
        augment_noise_at(l->seed, who, position, bytes, b->noise[person] + i * bytes);
    else
        memset(b->noise[person] + i * bytes, AUGMENT_NOISE_ZERO, bytes);
}

enum status loader_fill(struct loader *l, uint64_t first, size_t n, struct batch *b,
                        struct errmsg *em)
{
    BUG_ON(n > b->capacity);
    enum status st = ST_OK;
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < n && st == ST_OK; i++) {
            uint64_t position = first + i;
            int64_t row = order_row_at(l->source[p].order, position);
            draw(l, p, i, position, b);
            st = load_row(l, p, i, row, b, em);
        }
    b->n = n;
    return st;
}

enum status loader_fill_rows(struct loader *l, const int64_t *rows_a, const int64_t *rows_b,
                             size_t n, struct batch *b, struct errmsg *em)
{
    BUG_ON(n > b->capacity);
    const int64_t *const rows[2] = {rows_a, rows_b};
    enum status st = ST_OK;
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < n && rows[p] && st == ST_OK; i++) {
            b->draws[p][i] = AUGMENT_NONE;
            st = load_row(l, p, i, rows[p][i], b, em);
        }
    b->n = n;
    return st;
}

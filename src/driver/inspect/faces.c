#include "faces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "data/picture.h"
#include "data/pose.h"

#include "base/poison.h"

enum { SHARPNESS_SIDE = 128 };

static const double BLURRED = 0.5, STRANGE_DEVIATIONS = 4, STRANGE_LEAST = 0.1;
/* Deviation of a normal distribution divided by the median distance from its median. */
static const double DEVIATION_OF_MEDIAN = 1.4826;

/* --- numbers ---------------------------------------------------------------------------------- */

struct number {
    double value;
    int64_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct number *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Sorts the numbers that are not NaN to the front; returns how many these are. */
static int64_t sort_known(struct number *numbers, int64_t n)
{
    int64_t known = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(numbers[i].value))
            numbers[known++] = numbers[i];
    qsort(numbers, (size_t)known, sizeof *numbers, by_value);
    return known;
}

static double share_below(const struct number *sorted, int64_t n, double share)
{
    return sorted[(int64_t)(share * (double)(n - 1) + 0.5)].value;
}

static struct spread spread_of(const struct number *sorted, int64_t n)
{
    if (n == 0)
        return (struct spread){0};
    return (struct spread){n,
                           sorted[0].value,
                           share_below(sorted, n, .05),
                           share_below(sorted, n, .5),
                           share_below(sorted, n, .95),
                           sorted[n - 1].value};
}

static void add_unusual(struct unusual *u, const struct number *number)
{
    if (u->n < FACES_WORST_MAX) {
        u->worst[u->n].row = number->row;
        u->worst[u->n].value = number->value;
    }
    u->n++;
}

/* --- poses ------------------------------------------------------------------------------------ */

static enum status read_pose(struct set *s, bool points, int64_t row, double out[SET_ANGLES],
                             struct errmsg *em)
{
    float angles[SET_ANGLES], places[FACE_POINTS][2];
    enum status st =
        points ? set_read_points(s, row, places, em) : set_read_pose(s, row, angles, em);
    if (st != ST_OK)
        return st;
    if (points) {
        struct pose_turn turn = pose_degrees(pose_turn_of((const float(*)[2])places));
        out[0] = turn.yaw;
        out[1] = turn.pitch;
        out[2] = turn.roll;
    } else {
        for (int i = 0; i < SET_ANGLES; i++)
            out[i] = (double)angles[i];
    }
    return ST_OK;
}

/* Subtracts the median from pitch: pitch that is measured from points has another zero for each
 * person. */
static enum status centre_pitch(struct face_poses *p, struct errmsg *em)
{
    struct number *sorted = calloc((size_t)p->n, sizeof *sorted);
    if (!sorted)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t i = 0; i < p->n; i++)
        sorted[i] = (struct number){p->angle[1][i], i};
    double middle = spread_of(sorted, sort_known(sorted, p->n)).p50;
    for (int64_t i = 0; i < p->n; i++)
        p->angle[1][i] -= middle;
    free(sorted);
    return ST_OK;
}

enum status face_poses_read(struct set *s, bool points, struct face_poses *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    struct face_poses p = {.from_points = points || !info->has_pose, .n = info->n};
    double *buffer = calloc((size_t)p.n, SET_ANGLES * sizeof *buffer);
    enum status st = buffer ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK && p.from_points && !info->has_points)
        st = FAIL(em, ST_DATA,
                  "%s does not say how its faces are turned: it has neither /pose (from the "
                  "folder of bifrons extract) nor /points",
                  set_path(s));
    for (int i = 0; i < SET_ANGLES; i++)
        p.angle[i] = buffer + i * p.n;
    for (int64_t row = 0; row < p.n && st == ST_OK; row++) {
        double angles[SET_ANGLES];
        st = read_pose(s, p.from_points, row, angles, em);
        for (int i = 0; i < SET_ANGLES && st == ST_OK; i++)
            p.angle[i][row] = angles[i];
    }
    if (st == ST_OK && p.from_points)
        st = centre_pitch(&p, em);
    if (st == ST_OK)
        *out = p;
    else
        free(buffer);
    return st;
}

void face_poses_release(struct face_poses *p)
{
    free(p->angle[0]);
    *p = (struct face_poses){0};
}

static enum status measure_poses(struct set *s, struct faces *f, struct number *numbers,
                                 struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    struct face_poses p;
    if (!info->has_pose && !info->has_points)
        return ST_OK;
    enum status st = face_poses_read(s, false, &p, em);
    if (st != ST_OK)
        return st;
    for (int k = 0; k < SET_ANGLES; k++) {
        for (int64_t i = 0; i < p.n; i++)
            numbers[i] = (struct number){p.angle[k][i], i};
        f->angles[k] = spread_of(numbers, sort_known(numbers, p.n));
    }
    f->pose_from_points = p.from_points;
    face_poses_release(&p);
    return ST_OK;
}

/* --- sharpness -------------------------------------------------------------------------------- */

/* The mask at a smaller side; without one, a circle in the middle. */
static void shrink_mask(const uint8_t *mask, int size, int side, uint8_t *out)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int dx = 2 * x - side, dy = 2 * y - side;
            out[y * side + x] = mask ? mask[y * size / side * size + x * size / side] >= 128
                                     : 2 * (dx * dx + dy * dy) < side * side;
        }
}

static enum status measure_picture(struct set *s, int64_t row, struct picture *whole, uint8_t *mask,
                                   double *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    struct picture shrunk;
    int side = MIN(info->size, SHARPNESS_SIDE);
    enum status st = set_read_image(s, row, whole->rgb, em);
    if (st == ST_OK && info->has_masks)
        st = set_read_mask(s, row, mask, em);
    if (st == ST_OK)
        st = picture_resize(whole, side, side, &shrunk, em);
    if (st != ST_OK)
        return st;
    uint8_t inside[SHARPNESS_SIDE * SHARPNESS_SIDE];
    shrink_mask(info->has_masks ? mask : NULL, info->size, side, inside);
    double sharpness = picture_sharpness(&shrunk, inside);
    *out = sharpness > 0 ? sharpness : NAN;
    picture_release(&shrunk);
    return ST_OK;
}

static enum status measure_sharpness(struct set *s, bool all, struct faces *f,
                                     struct number *numbers, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    int64_t n = all ? info->n : MIN(info->n, FACES_LOOKED_AT_MAX);
    struct picture whole = {0};
    uint8_t *mask = malloc((size_t)info->size * (size_t)info->size);
    enum status st = mask ? picture_init(&whole, info->size, info->size, em)
                          : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        numbers[i].row = i * info->n / n;
        st = measure_picture(s, numbers[i].row, &whole, mask, &numbers[i].value, em);
    }
    if (st == ST_OK) {
        int64_t known = sort_known(numbers, n);
        f->sharpness = spread_of(numbers, known);
        for (int64_t i = 0; i < known && numbers[i].value < BLURRED * f->sharpness.p50; i++)
            add_unusual(&f->blurred, &numbers[i]);
    }
    picture_release(&whole);
    free(mask);
    return st;
}

/* --- identity --------------------------------------------------------------------------------- */

struct identities {
    float (*at)[SET_IDENTITY_NUMBERS]; /* (n) */
    double mean[SET_IDENTITY_NUMBERS];
};

static double distance(const struct identities *d, int64_t row)
{
    double sum = 0;
    for (int i = 0; i < SET_IDENTITY_NUMBERS; i++) {
        double apart = (double)d->at[row][i] - d->mean[i];
        sum += apart * apart;
    }
    return sqrt(sum);
}

/* Takes the mean of the rows of the first n numbers. */
static void take_mean(struct identities *d, const struct number *numbers, int64_t n)
{
    memset(d->mean, 0, sizeof d->mean);
    for (int64_t k = 0; k < n; k++)
        for (int i = 0; i < SET_IDENTITY_NUMBERS; i++)
            d->mean[i] += (double)d->at[numbers[k].row][i] / (double)n;
}

/* Distances beyond this one are unusual. sorted: ascending; scratch: memory for n. */
static double unusual_from(const struct number *sorted, int64_t n, double middle,
                           struct number *scratch)
{
    for (int64_t i = 0; i < n; i++)
        scratch[i] = (struct number){fabs(sorted[i].value - middle), i};
    double deviation = DEVIATION_OF_MEDIAN * spread_of(scratch, sort_known(scratch, n)).p50;
    return middle + fmax(STRANGE_DEVIATIONS * deviation, STRANGE_LEAST);
}

static void judge_identities(struct identities *d, struct faces *f, struct number *numbers,
                             struct number *scratch, int64_t n)
{
    /* twice: the mean of all faces includes strangers; the mean of the nearer half does not */
    for (int pass = 0; pass < 2 && n > 0; pass++) {
        take_mean(d, numbers, pass == 0 ? n : (n + 1) / 2);
        for (int64_t i = 0; i < n; i++)
            numbers[i].value = distance(d, numbers[i].row);
        qsort(numbers, (size_t)n, sizeof *numbers, by_value);
    }
    f->identity = spread_of(numbers, n);
    double limit = n > 0 ? unusual_from(numbers, n, f->identity.p50, scratch) : 0;
    for (int64_t i = n; i-- > 0 && numbers[i].value > limit;)
        add_unusual(&f->strangers, &numbers[i]);
}

static enum status measure_identities(struct set *s, struct faces *f, struct number *numbers,
                                      struct number *scratch, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    struct identities d = {0};
    int64_t known = 0;
    if (!info->has_identity)
        return ST_OK;
    d.at = calloc((size_t)info->n, sizeof *d.at);
    enum status st = d.at ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t row = 0; row < info->n && st == ST_OK; row++) {
        st = set_read_identity(s, row, d.at[row], em);
        if (st == ST_OK && !isnan(d.at[row][0]))
            numbers[known++] = (struct number){0, row};
    }
    if (st == ST_OK)
        judge_identities(&d, f, numbers, scratch, known);
    free(d.at);
    return st;
}

/* --- where they come from --------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum status count_sources(struct set *s, struct faces *f, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    char source[SET_TEXT_BYTES_MAX];
    int64_t n = 0;
    uint64_t *hashes = calloc((size_t)info->n, sizeof *hashes);
    enum status st = hashes ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t row = 0; row < info->n && st == ST_OK; row++) {
        st = set_read_source(s, row, source, em);
        if (st == ST_OK && source[0] != '\0')
            hashes[n++] = hash64(source, strlen(source), 0);
    }
    if (st == ST_OK) {
        qsort(hashes, (size_t)n, sizeof *hashes, by_hash);
        for (int64_t i = 0; i < n; i++)
            f->sources += i == 0 || hashes[i] != hashes[i - 1];
    }
    free(hashes);
    return st;
}

static enum status measure_times(struct set *s, struct faces *f, struct number *numbers,
                                 struct errmsg *em)
{
    int64_t n = set_get_info(s)->n;
    enum status st = ST_OK;
    for (int64_t row = 0; row < n && st == ST_OK; row++) {
        numbers[row].row = row;
        st = set_read_time(s, row, &numbers[row].value, em);
    }
    if (st == ST_OK)
        f->time = spread_of(numbers, sort_known(numbers, n));
    return st;
}

enum status faces_measure(struct set *s, bool all, struct faces *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    struct faces f = {0};
    struct number *numbers = calloc((size_t)info->n, 2 * sizeof *numbers);
    enum status st = numbers ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = measure_poses(s, &f, numbers, em);
    if (st == ST_OK)
        st = measure_sharpness(s, all, &f, numbers, em);
    if (st == ST_OK)
        st = measure_identities(s, &f, numbers, numbers + info->n, em);
    if (st == ST_OK && info->has_source)
        st = count_sources(s, &f, em);
    if (st == ST_OK && info->has_time)
        st = measure_times(s, &f, numbers, em);
    free(numbers);
    if (st == ST_OK)
        *out = f;
    return st;
}

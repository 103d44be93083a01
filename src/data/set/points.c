#include "data/points.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { EYE_POINTS = 6 };

bool point_is_known(const float point[2])
{
    return isfinite(point[0]) && isfinite(point[1]);
}

int points_known(const float points[FACE_POINTS][2])
{
    int n = 0;
    for (int i = 0; i < FACE_POINTS; i++)
        n += point_is_known(points[i]);
    return n;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Left and right points that mirror each other, part by part; all others mirror themselves. */
static const int pairs[][2] = {
  /* clang-format off */
    {0, 16}, {1, 15}, {2, 14}, {3, 13}, {4, 12}, {5, 11}, {6, 10}, {7, 9},
    {17, 26}, {18, 25}, {19, 24}, {20, 23}, {21, 22},
    {31, 35}, {32, 34},
    {36, 45}, {37, 44}, {38, 43}, {39, 42}, {40, 47}, {41, 46},
    {48, 54}, {49, 53}, {50, 52}, {59, 55}, {58, 56}, {60, 64}, {61, 63}, {67, 65},
    {68, 69},
  /* clang-format on */
};

static const struct {
    int end; /* one past the part's last point */
    const char *name, *sides;
} parts[] = {
    {POINT_LEFT_BROW, "jaw",   "sides of the jaw"  },
    {POINT_NOSE,      "brow",  "brows"             },
    {POINT_LEFT_EYE,  "nose",  "nostrils"          },
    {POINT_LIPS,      "eye",   "eyes"              },
    {POINT_PUPILS,    "mouth", "sides of the mouth"},
    {FACE_POINTS,     "pupil", "pupils"            },
};

static size_t part_of(int point)
{
    size_t k = 0;
    while (point >= parts[k].end)
        k++;
    return k;
}

const char *point_part(int point)
{
    BUG_ON(point < 0 || point >= FACE_POINTS);
    return parts[part_of(point)].name;
}

int point_side(int point)
{
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        for (int side = 0; side < 2; side++)
            if (pairs[i][side] == point)
                return 2 * side - 1;
    return 0;
}

int point_mirrored(int point)
{
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        for (int side = 0; side < 2; side++)
            if (pairs[i][side] == point)
                return pairs[i][1 - side];
    return point;
}

/* --- the five landmarks ----------------------------------------------------------------------- */

struct place {
    double x, y;
};

static struct place place_of(const float point[2])
{
    return (struct place){(double)point[0], (double)point[1]};
}

/* The mean of points [first, end); NaN: one of them is unknown. */
static struct place mean_of(const float (*points)[2], int first, int end)
{
    struct place sum = {0, 0};
    for (int i = first; i < end; i++) {
        sum.x += (double)points[i][0];
        sum.y += (double)points[i][1];
    }
    return (struct place){sum.x / (end - first), sum.y / (end - first)};
}

void points_landmarks(const float points[FACE_POINTS][2], float out[SET_LANDMARKS][2])
{
    static const int from[SET_LANDMARKS] = {POINT_LEFT_EYE, POINT_RIGHT_EYE, POINT_NOSE_TIP,
                                            POINT_MOUTH_LEFT, POINT_MOUTH_RIGHT};
    for (int i = 0; i < SET_LANDMARKS; i++) {
        bool eye = i < 2;
        struct place at = mean_of(points, from[i], from[i] + (eye ? EYE_POINTS : 1));
        if (eye && isnan(at.x + at.y))
            at = place_of(points[POINT_PUPILS + i]);
        out[i][0] = (float)at.x;
        out[i][1] = (float)at.y;
    }
}

static double distance(struct place a, struct place b)
{
    return hypot(a.x - b.x, a.y - b.y);
}

struct points_difference points_compare(const float points[FACE_POINTS][2],
                                        const float landmarks[SET_LANDMARKS][2])
{
    float own[SET_LANDMARKS][2];
    points_landmarks(points, own);
    double eyes = distance(place_of(landmarks[0]), place_of(landmarks[1]));
    double tall = distance(mean_of(landmarks, 0, 2), mean_of(landmarks, 3, 5));
    struct points_difference d = {.landmark = -1,
                                  .unit = fmax(eyes, tall)}; /* fmax ignores a NaN */
    double worst = fmax(POINTS_TOLERANCE * d.unit, POINTS_TOLERANCE_PX);
    for (int i = 0; i < SET_LANDMARKS; i++) {
        double apart = distance(place_of(own[i]), place_of(landmarks[i]));
        if (!isfinite(d.unit) || !(apart > worst))
            continue;
        worst = d.apart = apart;
        d.landmark = i;
        d.own[0] = own[i][0];
        d.own[1] = own[i][1];
    }
    return d;
}

const char *landmark_name(int landmark)
{
    static const char *const names[SET_LANDMARKS] = {"left eye", "right eye", "nose",
                                                     "left mouth end", "right mouth end"};
    return names[landmark];
}

/* --- left and right --------------------------------------------------------------------------- */

/* The mean of the known points in [first, end); NaN: none is known. */
static struct place known_mean(const float (*points)[2], int first, int end)
{
    struct place sum = {0, 0};
    int n = 0;
    for (int i = first; i < end; i++)
        if (point_is_known(points[i])) {
            sum.x += (double)points[i][0];
            sum.y += (double)points[i][1];
            n++;
        }
    return (struct place){sum.x / n, sum.y / n}; /* 0 / 0 is NaN */
}

/* The vector from the eyes (or pupils, or brows) to the mouth (or nose, or chin); NaN: unknown. */
static struct place way_down(const float (*points)[2])
{
    static const int high[][2] = {
        {POINT_LEFT_EYE,  POINT_LIPS }, /* the first known one counts */
        {POINT_PUPILS,    FACE_POINTS},
        {POINT_LEFT_BROW, POINT_NOSE }
    };
    static const int low[][2] = {
        {POINT_LIPS,     POINT_PUPILS  },
        {POINT_NOSE_TIP, POINT_LEFT_EYE},
        {POINT_CHIN,     POINT_CHIN + 1}
    };
    struct place from = {NAN, NAN}, to = {NAN, NAN};
    for (size_t i = 0; i < ARRAY_LENGTH(high) && isnan(from.x); i++)
        from = known_mean(points, high[i][0], high[i][1]);
    for (size_t i = 0; i < ARRAY_LENGTH(low) && isnan(to.x); i++)
        to = known_mean(points, low[i][0], low[i][1]);
    return (struct place){to.x - from.x, to.y - from.y};
}

/* In a head seen from the side, left and right nearly coincide. So parts may cross by this share of
 * the distance from the eyes to the mouth. */
static const double crossing_allowed = 0.1;

const char *points_exchanged(const float points[FACE_POINTS][2], bool *upside_down_out)
{
    struct place down = way_down(points), across[ARRAY_LENGTH(parts)] = {
                                              {0, 0}
    };
    int n[ARRAY_LENGTH(parts)] = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        const float *left = points[pairs[i][0]], *right = points[pairs[i][1]];
        size_t part = part_of(pairs[i][0]);
        if (!point_is_known(left) || !point_is_known(right))
            continue;
        across[part].x += (double)(right[0] - left[0]);
        across[part].y += (double)(right[1] - left[1]);
        n[part]++;
    }
    double allowed = crossing_allowed * (down.x * down.x + down.y * down.y);
    for (size_t k = 0; k < ARRAY_LENGTH(parts); k++) {
        /* positive: right is on the right when the eyes are above the mouth */
        double turn = across[k].x * down.y - across[k].y * down.x;
        if (!(turn < -allowed * n[k]))
            continue;
        *upside_down_out = down.y < 0 && across[k].x > 0;
        return parts[k].sides;
    }
    *upside_down_out = false;
    return NULL;
}

/* --- augmentation ----------------------------------------------------------------------------- */

void points_normalise(float points[FACE_POINTS][2], int size)
{
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++)
            points[i][axis] = (2.0f * points[i][axis] + 1.0f) / (float)size - 1.0f;
}

void points_to_pixels(float points[FACE_POINTS][2], int size)
{
    for (int i = 0; i < FACE_POINTS; i++)
        for (int axis = 0; axis < 2; axis++)
            points[i][axis] = ((points[i][axis] + 1.0f) * (float)size - 1.0f) / 2.0f;
}

/* model/augment.c maps target to stored coordinates; this is the inverse: flip, rotate, zoom,
 * shift. */
void points_move(const struct augment_draw *d, float points[FACE_POINTS][2])
{
    float moved[FACE_POINTS][2], c = cosf(d->rotate) * d->zoom, s = sinf(d->rotate) * d->zoom;
    for (int i = 0; i < FACE_POINTS; i++) {
        const float *from = points[d->flip ? point_mirrored(i) : i];
        float x = d->flip ? -from[0] : from[0], y = from[1];
        moved[i][0] =
            c * x + s * y + d->shift_x; /* y points down: counter-clockwise turns x towards -y */
        moved[i][1] = c * y - s * x + d->shift_y;
    }
    memcpy(points, moved, sizeof moved);
}

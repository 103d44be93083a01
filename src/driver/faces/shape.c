#include "shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { JAW = 17, INNER = 51, FITS = 8, BROW_POINTS = 10 };
#define HUBER          0.06 /* of the distance of the eyes */
#define BROWS_LIFT     0.15
#define COVERAGE_RATIO 1.3

/* The points of the mesh for each of iBUG's points. */
static const int mesh_of[JAW + INNER] = {
    127, 234, 93,  58,  172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356, /* jaw */
    70,  63,  105, 66,  107, 336, 296, 334, 293, 300,                                    /* brows */
    168, 197, 5,   1,   98,  97,  2,   326, 327,                                         /* nose */
    33,  160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,                          /* eyes */
    61,  39,  37,  0,   267, 269, 291, 405, 314, 17,  84,  181, /* lips, outer edge */
    78,  82,  13,  312, 308, 317, 14,  87,                      /* lips, inner edge */
};

static const int outline[SHAPE_OUTLINE] = {
    10,  338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58,  132, 93,  234, 127, 162, 21,  54,  103, 67,  109,
};

/* A mean face from the front, points 17 to 67. The origin is between the eyes, the unit is their
 * distance. Measured with the mesh on two rendered people, and made symmetric. */
static const double mean_face[INNER][2] = {
    {-0.909, -0.344},
    {-0.815, -0.462},
    {-0.671, -0.520},
    {-0.480, -0.517},
    {-0.250, -0.485},
    {0.250,  -0.485},
    {0.480,  -0.517},
    {0.671,  -0.520},
    {0.815,  -0.462},
    {0.909,  -0.344},
    {0.000,  -0.132},
    {0.000,  0.147 },
    {0.000,  0.360 },
    {0.000,  0.605 },
    {-0.248, 0.683 },
    {-0.106, 0.710 },
    {0.000,  0.709 },
    {0.106,  0.710 },
    {0.248,  0.683 },
    {-0.724, -0.017},
    {-0.612, -0.078},
    {-0.440, -0.083},
    {-0.276, 0.017 },
    {-0.430, 0.063 },
    {-0.598, 0.056 },
    {0.276,  0.017 },
    {0.440,  -0.083},
    {0.612,  -0.078},
    {0.724,  -0.017},
    {0.598,  0.056 },
    {0.430,  0.063 },
    {-0.394, 1.008 },
    {-0.230, 0.937 },
    {-0.112, 0.908 },
    {0.000,  0.922 },
    {0.112,  0.908 },
    {0.230,  0.937 },
    {0.394,  1.008 },
    {0.213,  1.136 },
    {0.112,  1.170 },
    {0.000,  1.178 },
    {-0.112, 1.170 },
    {-0.213, 1.136 },
    {-0.341, 1.002 },
    {-0.089, 1.019 },
    {0.000,  1.023 },
    {0.089,  1.019 },
    {0.341,  1.002 },
    {0.094,  1.028 },
    {0.000,  1.031 },
    {-0.094, 1.028 },
};

/* The square to cut, in the same units. */
static const struct {
    double x, y, side;
} squares[] = {
    [SHAPE_FACE] = {0, 0.5,  2.7},
    [SHAPE_HEAD] = {0, -0.1, 4.4},
};

const char *const shape_coverage_names[SHAPE_COVERAGES] = {
    [SHAPE_FACE] = "face", [SHAPE_HEAD] = "head"};

void shape_points(const struct face *face, double out[FACE_POINTS][2])
{
    for (int i = 0; i < JAW + INNER; i++)
        memcpy(out[i], face->mesh[mesh_of[i]], sizeof out[i]);
    memcpy(out[JAW + INNER], face->pupils, sizeof face->pupils);
}

/* ---- Fits ------------------------------------------------------------------------------------ */

/* The similarity from `from` to `to` with the least weighted sum of squares. */
static struct similarity fit(const double (*from)[2], const double (*to)[2], const double *weights,
                             int n)
{
    double total = 0, f[2] = {0}, t[2] = {0}, square = 0, along = 0, across = 0;
    for (int i = 0; i < n; i++) {
        total += weights[i];
        for (int k = 0; k < 2; k++) {
            f[k] += weights[i] * from[i][k];
            t[k] += weights[i] * to[i][k];
        }
    }
    for (int k = 0; k < 2; k++) {
        f[k] /= total;
        t[k] /= total;
    }
    for (int i = 0; i < n; i++) {
        double x = from[i][0] - f[0], y = from[i][1] - f[1];
        double u = to[i][0] - t[0], v = to[i][1] - t[1];
        square += weights[i] * (x * x + y * y);
        along += weights[i] * (x * u + y * v);
        across += weights[i] * (x * v - y * u);
    }
    struct similarity s = {.a = along / square, .b = across / square};
    s.x0 = t[0] - (s.a * f[0] - s.b * f[1]);
    s.y0 = t[1] - (s.b * f[0] + s.a * f[1]);
    return s;
}

struct similarity shape_cut(const struct face *face, enum shape_coverage coverage, int size)
{
    double points[FACE_POINTS][2], weights[INNER];
    const double(*inner)[2] = (const double(*)[2])points + JAW;
    struct similarity s = {0};
    shape_points(face, points);
    for (int i = 0; i < INNER; i++)
        weights[i] = 1;
    for (int round = 0; round < FITS; round++) {
        s = fit(mean_face, inner, weights, INNER);
        for (int i = 0; i < INNER; i++) {
            double at[2];
            similarity_apply(&s, mean_face[i][0], mean_face[i][1], at);
            double off = hypot(at[0] - inner[i][0], at[1] - inner[i][1]) / similarity_scale(&s);
            weights[i] = off > HUBER ? HUBER / off : 1;
        }
    }
    /* from pixels of the cut picture to units of the mean face, then to the picture */
    double unit = squares[coverage].side / size, middle = (size - 1) / 2.0, corner[2];
    similarity_apply(&s, squares[coverage].x - unit * middle, squares[coverage].y - unit * middle,
                     corner);
    return (struct similarity){.a = s.a * unit, .b = s.b * unit, .x0 = corner[0], .y0 = corner[1]};
}

enum shape_coverage shape_coverage_of(double pupils, bool *fits_out)
{
    double face = 1 / squares[SHAPE_FACE].side, head = 1 / squares[SHAPE_HEAD].side;
    enum shape_coverage nearest = pupils > sqrt(face * head) ? SHAPE_FACE : SHAPE_HEAD;
    double ratio = pupils * squares[nearest].side;
    *fits_out = ratio > 1 / COVERAGE_RATIO && ratio < COVERAGE_RATIO;
    return nearest;
}

double shape_side(const struct face *face)
{
    struct similarity s = shape_cut(face, SHAPE_FACE, 1);
    return similarity_scale(&s);
}

struct similarity shape_identity_chip(const struct face *face, int size)
{
    /* dlib's five points, as shares of a chip without its border (a quarter on each side) */
    static const double places[5][2] = {
        {0.8595674595992, 0.2134981538014},
        {0.6460604764104, 0.2289674387677},
        {0.1205750620789, 0.2137274526848},
        {0.3340850613712, 0.2290642403242},
        {0.4901123135679, 0.6277975316475},
    };
    static const int mesh[5] = {MESH_RIGHT_EYE_OUTER, MESH_RIGHT_EYE_INNER, MESH_LEFT_EYE_OUTER,
                                MESH_LEFT_EYE_INNER, 2};
    static const double weights[5] = {1, 1, 1, 1, 1};
    double chip[5][2], points[5][2];
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 2; k++)
            chip[i][k] = (places[i][k] + 0.25) / 1.5 * size;
        memcpy(points[i], face->mesh[mesh[i]], sizeof points[i]);
    }
    return fit((const double(*)[2])chip, (const double(*)[2])points, weights, 5);
}

/* ---- Mask ------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return p[0] != q[0] ? (p[0] > q[0]) - (p[0] < q[0]) : (p[1] > q[1]) - (p[1] < q[1]);
}

static double turn(const double a[2], const double b[2], const double c[2])
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* The convex hull of sorted points (A. M. Andrew's monotone chain); hull has room for 2 n. */
static int hull_of(double (*points)[2], int n, double (*hull)[2])
{
    int k = 0;
    qsort(points, (size_t)n, sizeof *points, by_place);
    for (int side = 0; side < 2; side++) {
        int begin = k;
        for (int j = 0; j < n; j++) {
            const double *p = points[side ? n - 1 - j : j];
            while (k >= begin + 2 && turn(hull[k - 2], hull[k - 1], p) <= 0)
                k--;
            memcpy(hull[k++], p, sizeof *hull);
        }
        k--; /* the other chain begins with this point */
    }
    return k;
}

/* The part of row y inside the hull: *left to *right; false: none. */
static bool cross(double (*const hull)[2], int n, double y, double *left, double *right)
{
    *left = INFINITY;
    *right = -INFINITY;
    for (int i = 0; i < n; i++) {
        const double *a = hull[i], *b = hull[(i + 1) % n];
        if ((a[1] <= y) == (b[1] <= y))
            continue;
        double x = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
        *left = MIN(*left, x);
        *right = MAX(*right, x);
    }
    return *left <= *right;
}

void shape_mask(const struct face *face, const struct similarity *cut, int size, uint8_t *mask)
{
    enum { POINTS = SHAPE_OUTLINE + BROW_POINTS };
    double points[POINTS][2], hull[2 * POINTS][2], left, right;
    struct similarity to_cut = similarity_inverse(cut);
    double eyes =
        hypot(face->pupils[1][0] - face->pupils[0][0], face->pupils[1][1] - face->pupils[0][1]) *
        similarity_scale(&to_cut);
    for (int i = 0; i < POINTS; i++) {
        bool brow = i >= SHAPE_OUTLINE;
        const double *p = face->mesh[brow ? mesh_of[JAW + i - SHAPE_OUTLINE] : outline[i]];
        similarity_apply(&to_cut, p[0], p[1], points[i]);
        points[i][1] -= brow ? BROWS_LIFT * eyes : 0;
    }
    int n = hull_of(points, POINTS, hull);
    memset(mask, 0, (size_t)size * (size_t)size);
    for (int y = 0; y < size; y++)
        if (cross(hull, n, y, &left, &right))
            for (int x = MAX((int)ceil(MAX(left, 0.0)), 0); x <= MIN(right, size - 1.0); x++)
                mask[(size_t)y * (size_t)size + (size_t)x] = 255;
}

double shape_outside(const struct face *face, const struct picture *picture)
{
    int outside = 0;
    for (int i = 0; i < SHAPE_OUTLINE; i++) {
        const double *p = face->mesh[outline[i]];
        outside += p[0] < -0.5 || p[1] < -0.5 || p[0] > picture->width - 0.5 ||
                   p[1] > picture->height - 0.5;
    }
    return outside / (double)SHAPE_OUTLINE;
}

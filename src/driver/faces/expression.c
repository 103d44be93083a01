#include "expression.h"

#include <math.h>

#include "base/poison.h"

/* Points of the mesh. */
enum {
    LIP_UPPER = 13,
    LIP_LOWER = 14,
    MOUTH_LEFT = 61,
    MOUTH_RIGHT = 291,
    NOSE_BRIDGE = 168,
    NOSTRIL_LEFT = 98,
    NOSTRIL_RIGHT = 327,
};

/* An eye with its brow. Left and right as in the picture. */
static const struct {
    int left, right;     /* corners */
    int lids[3][2];      /* upper and lower */
    int brow[2], eye[2]; /* ends of the brow, and the corner below each */
} eyes[2] = {
    {33,  133, {{159, 145}, {158, 153}, {160, 144}}, {107, 70},  {133, 33} },
    {362, 263, {{386, 374}, {385, 380}, {387, 373}}, {336, 300}, {362, 263}},
};

static double distance(const struct face *f, int a, int b)
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        sum += (f->mesh[a][k] - f->mesh[b][k]) * (f->mesh[a][k] - f->mesh[b][k]);
    return sqrt(sum);
}

/* Distance of the lids over the width of the eye. */
static double eye_opening(const struct face *f, int e)
{
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += distance(f, eyes[e].lids[i][0], eyes[e].lids[i][1]) / 3;
    return sum / distance(f, eyes[e].left, eyes[e].right);
}

/* Position of the pupil relative to the middle of the eye, along the eye and across it, in widths
 * of the eye. The pupils have no depth, so this is in the picture's plane. */
static void gaze_of(const struct face *f, int e, double out[2])
{
    const double *a = f->mesh[eyes[e].left], *b = f->mesh[eyes[e].right];
    double across[2] = {b[0] - a[0], b[1] - a[1]},
           from[2] = {f->pupils[e][0] - (a[0] + b[0]) / 2, f->pupils[e][1] - (a[1] + b[1]) / 2};
    double square = across[0] * across[0] + across[1] * across[1];
    out[0] = (from[0] * across[0] + from[1] * across[1]) / square;
    out[1] = (from[1] * across[0] - from[0] * across[1]) / square;
}

/* Height of the mouth's corners above its middle, measured along the nose, because no expression
 * moves the nose. */
static double corner_height(const struct face *f)
{
    double sum = 0, length = 0;
    for (int k = 0; k < 3; k++) {
        double down =
            (f->mesh[NOSTRIL_LEFT][k] + f->mesh[NOSTRIL_RIGHT][k]) / 2 - f->mesh[NOSE_BRIDGE][k];
        double below = (f->mesh[LIP_UPPER][k] + f->mesh[LIP_LOWER][k] - f->mesh[MOUTH_LEFT][k] -
                        f->mesh[MOUTH_RIGHT][k]) /
                       2;
        sum += down * below;
        length += down * down;
    }
    return sum / sqrt(length);
}

void expression_of(const struct face *face, double out[EXPRESSIONS])
{
    double unit = distance(face, eyes[0].left, eyes[1].right), gaze[2][2], brows = 0;
    for (int e = 0; e < 2; e++) {
        gaze_of(face, e, gaze[e]);
        for (int i = 0; i < 2; i++)
            brows += distance(face, eyes[e].brow[i], eyes[e].eye[i]) / 4;
    }
    out[EXPRESSION_MOUTH] = distance(face, LIP_UPPER, LIP_LOWER) / unit;
    out[EXPRESSION_WIDTH] = distance(face, MOUTH_LEFT, MOUTH_RIGHT) / unit;
    out[EXPRESSION_CORNERS] = corner_height(face) / unit;
    out[EXPRESSION_EYES] = (eye_opening(face, 0) + eye_opening(face, 1)) / 2;
    out[EXPRESSION_BROWS] = brows / unit;
    for (int k = 0; k < 2; k++)
        out[EXPRESSION_GAZE_X + k] =
            out[EXPRESSION_EYES] < EXPRESSION_EYES_SHUT ? NAN : (gaze[0][k] + gaze[1][k]) / 2;
}

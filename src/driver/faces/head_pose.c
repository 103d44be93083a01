#include "head_pose.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { STEPS = 200 };

/* Points of the mesh that expressions do not move, for a head that looks into the camera. The
 * unit is the distance of the outer corners of the eyes. Measured with the mesh on two rendered
 * people. */
static const struct {
    int mesh;
    double at[3];
} stiff[] = {
    {33,  {-0.500, -0.008, 0.037}},
    {133, {-0.192, 0.019, -0.030}},
    {362, {0.192, 0.019, -0.030} },
    {263, {0.500, -0.008, 0.037} },
    {168, {0.000, -0.073, -0.188}},
    {6,   {0.000, 0.041, -0.233} },
    {197, {0.000, 0.126, -0.288} },
    {195, {0.000, 0.199, -0.344} },
    {5,   {0.000, 0.277, -0.402} },
    {4,   {0.000, 0.371, -0.428} },
    {98,  {-0.171, 0.491, -0.164}},
    {327, {0.171, 0.491, -0.164} },
    {10,  {0.000, -0.629, -0.151}},
    {151, {0.000, -0.453, -0.185}},
    {9,   {0.000, -0.298, -0.201}},
    {234, {-0.742, 0.153, 0.612} },
    {454, {0.742, 0.153, 0.612}  },
    {127, {-0.758, -0.003, 0.563}},
    {356, {0.758, -0.003, 0.563} },
    {54,  {-0.658, -0.431, 0.192}},
    {284, {0.658, -0.431, 0.192} },
};
enum { STIFF = ARRAY_LENGTH(stiff) };

/* sums[i][j]: sum of the mean head's coordinate i times the face's coordinate j, both centred. */
static void correlate(const struct face *face, double sums[3][3])
{
    double head[3] = {0}, seen[3] = {0};
    for (int p = 0; p < STIFF; p++)
        for (int k = 0; k < 3; k++) {
            head[k] += stiff[p].at[k] / STIFF;
            seen[k] += face->mesh[stiff[p].mesh][k] / STIFF;
        }
    memset(sums, 0, 9 * sizeof sums[0][0]);
    for (int p = 0; p < STIFF; p++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                sums[i][j] += (stiff[p].at[i] - head[i]) * (face->mesh[stiff[p].mesh][j] - seen[j]);
}

/* The quaternion of the best rotation: the eigenvector of Horn's matrix with the largest
 * eigenvalue, by power iteration. */
static void best_rotation(double s[3][3], double q[4])
{
    double trace = s[0][0] + s[1][1] + s[2][2], shift = 0;
    double m[4][4] = {
        {trace,             s[1][2] - s[2][1],   s[2][0] - s[0][2],   s[0][1] - s[1][0]  },
        {s[1][2] - s[2][1], 2 * s[0][0] - trace, s[0][1] + s[1][0],   s[2][0] + s[0][2]  },
        {s[2][0] - s[0][2], s[0][1] + s[1][0],   2 * s[1][1] - trace, s[1][2] + s[2][1]  },
        {s[0][1] - s[1][0], s[2][0] + s[0][2],   s[1][2] + s[2][1],   2 * s[2][2] - trace},
    };
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            shift += fabs(m[i][j]); /* makes all eigenvalues positive */
    const double start[4] = {1, 0.01, 0.02, 0.03};
    memcpy(q, start, sizeof start);
    for (int step = 0; step < STEPS; step++) {
        double next[4], length = 0;
        for (int i = 0; i < 4; i++) {
            next[i] = shift * q[i];
            for (int j = 0; j < 4; j++)
                next[i] += m[i][j] * q[j];
            length += next[i] * next[i];
        }
        for (int i = 0; i < 4; i++)
            q[i] = length > 0 ? next[i] / sqrt(length) : start[i];
    }
}

struct pose pose_of(const struct face *face)
{
    double sums[3][3], q[4];
    correlate(face, sums);
    best_rotation(sums, q);
    double w = q[0], x = q[1], y = q[2], z = q[3], degrees = 180 / acos(-1);
    /* columns of the rotation matrix: the directions of the head's right side and of its back */
    double right[2] = {1 - 2 * (y * y + z * z), 2 * (x * y + w * z)};
    double back[3] = {2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)};
    return (struct pose){
        .yaw = atan2(-back[0], back[2]) * degrees,
        .pitch = asin(MIN(MAX(back[1], -1.0), 1.0)) * degrees,
        .roll = atan2(right[1], right[0]) * degrees,
    };
}

#include "smooth.h"

#include <math.h>
#include <string.h>

#include "shape.h"

#include "base/poison.h"

#define CUTOFF_HZ        1.0
#define CUTOFF_PER_SPEED 12.0 /* Hz for a side of the face a second */
#define SPEED_CUTOFF_HZ  1.0
#define GAP_S            0.5
#define JUMP_SIDES       0.5
#define TURN             6.283185307179586

/* The weight of a new value after dt_s in a low-pass of first order. */
static double weight(double cutoff_hz, double dt_s)
{
    double r = TURN * cutoff_hz * dt_s;
    return r / (r + 1);
}

static void get_points(const struct face *f, double out[SMOOTH_POINTS][3])
{
    memcpy(out, f->mesh, sizeof f->mesh);
    for (int i = 0; i < 2; i++) {
        out[FACE_MESH + i][0] = f->pupils[i][0];
        out[FACE_MESH + i][1] = f->pupils[i][1];
        out[FACE_MESH + i][2] = 0;
    }
}

static void set_points(struct face *f, double points[SMOOTH_POINTS][3])
{
    memcpy(f->mesh, points, sizeof f->mesh);
    for (int i = 0; i < 2; i++)
        for (int c = 0; c < 2; c++)
            f->pupils[i][c] = points[FACE_MESH + i][c];
}

/* How far the face's middle has moved since the last frame. */
static double moved(const struct smooth *s, double now[SMOOTH_POINTS][3])
{
    double sum[2] = {0};
    for (int i = 0; i < SMOOTH_POINTS; i++)
        for (int c = 0; c < 2; c++)
            sum[c] += now[i][c] - s->at[i][c];
    return hypot(sum[0], sum[1]) / SMOOTH_POINTS;
}

bool smooth_goes_on(const struct smooth *s, const struct face *face, double time_s)
{
    double now[SMOOTH_POINTS][3], dt_s = time_s - s->time_s;
    get_points(face, now);
    return s->begun && dt_s > 0 && dt_s <= GAP_S && moved(s, now) <= JUMP_SIDES * shape_side(face);
}

void smooth_face(struct smooth *s, struct face *face, double time_s)
{
    double now[SMOOTH_POINTS][3], side = shape_side(face), dt_s = time_s - s->time_s;
    bool goes_on = smooth_goes_on(s, face, time_s);
    get_points(face, now);
    if (!goes_on) {
        memcpy(s->at, now, sizeof now);
        memset(s->speed, 0, sizeof s->speed);
    }
    for (int i = 0; i < SMOOTH_POINTS && goes_on; i++) {
        double keep = weight(SPEED_CUTOFF_HZ, dt_s), squares = 0;
        for (int c = 0; c < 3; c++) {
            s->speed[i][c] += keep * ((now[i][c] - s->at[i][c]) / dt_s - s->speed[i][c]);
            squares += s->speed[i][c] * s->speed[i][c];
        }
        double cutoff_hz = CUTOFF_HZ + CUTOFF_PER_SPEED * sqrt(squares) / side;
        for (int c = 0; c < 3; c++)
            s->at[i][c] += weight(cutoff_hz, dt_s) * (now[i][c] - s->at[i][c]);
    }
    s->begun = true;
    s->time_s = time_s;
    set_points(face, s->at);
}

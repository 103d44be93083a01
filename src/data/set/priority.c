#include "data/priority.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { EYE_A, EYE_B, NOSE, CORNER_A, CORNER_B };
static const double eye_reach = 0.4, mouth_reach = 0.3;

struct point {
    double x, y;
};

double priority_unit(const struct priority *p)
{
    return MAX(p->eyes, p->mouth);
}

static double distance(struct point a, struct point b)
{
    return hypot(a.x - b.x, a.y - b.y);
}

/* Distance from p to the line segment from a to b. */
static double distance_to_line(struct point p, struct point a, struct point b)
{
    double x = b.x - a.x, y = b.y - a.y, length = x * x + y * y;
    double at = length > 0.0 ? ((p.x - a.x) * x + (p.y - a.y) * y) / length : 0.0;
    at = MIN(MAX(at, 0.0), 1.0);
    return distance(p, (struct point){a.x + at * x, a.y + at * y});
}

/* 1 at 0, falling to 0 at `reach`. */
static double bump(double r, double reach)
{
    double t = reach > 0.0 ? r / reach : 1.0;
    return t < 1.0 ? (1.0 - t * t) * (1.0 - t * t) : 0.0;
}

void priority_draw(const struct priority *p, const float landmarks[SET_LANDMARKS][2],
                   int stored_size, int size, uint8_t *out)
{
    struct point at[SET_LANDMARKS];
    double scale = (double)size / stored_size, unit = priority_unit(p);
    bool drawn = unit > 0.0;
    for (int i = 0; i < SET_LANDMARKS; i++) { /* pixel centres map to pixel centres */
        at[i].x = ((double)landmarks[i][0] + 0.5) * scale - 0.5;
        at[i].y = ((double)landmarks[i][1] + 0.5) * scale - 0.5;
        drawn = drawn && isfinite(at[i].x) && isfinite(at[i].y);
    }
    memset(out, 0, (size_t)size * (size_t)size);
    double d = MAX(distance(at[EYE_A], at[EYE_B]), distance(at[CORNER_A], at[CORNER_B]));
    for (int y = 0; y < size && drawn; y++)
        for (int x = 0; x < size; x++) {
            struct point here = {x, y};
            double eye = MIN(distance(here, at[EYE_A]), distance(here, at[EYE_B]));
            double mouth = distance_to_line(here, at[CORNER_A], at[CORNER_B]);
            double more =
                MAX(p->eyes * bump(eye, eye_reach * d), p->mouth * bump(mouth, mouth_reach * d));
            out[(size_t)y * (size_t)size + (size_t)x] = (uint8_t)lrint(255.0 * more / unit);
        }
}

#include "label.h"

#include "base/checked.h"

#include "base/poison.h"

enum { HEIGHT_MIN = 12, PART = 10 };
#define STAY_S 1.0

static struct picture_box face_box(const struct face *face)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int k = 0; k < FACE_MESH; k++)
        for (int c = 0; c < 2; c++) {
            low[c] = MIN(low[c], face->mesh[k][c]);
            high[c] = MAX(high[c], face->mesh[k][c]);
        }
    return (struct picture_box){(int)low[0], (int)low[1], (int)high[0] + 1, (int)high[1] + 1};
}

void label_draw(struct label *l, struct picture *out, const struct face *faces, size_t n,
                double time_s)
{
    struct picture_box boxes[FINDER_FACES_MAX];
    int high_max = MIN(out->width * 2 / 3, out->height);
    int high = MIN(MAX(MIN(out->width, out->height) / PART, HEIGHT_MIN), high_max);
    for (size_t k = 0; k < n; k++)
        boxes[k] = face_box(&faces[k]);
    int best = picture_label_corner(out, high, boxes, n, l->corner);
    if (best == l->corner || !(time_s - l->best_s < STAY_S)) {
        l->corner = best;
        l->best_s = time_s;
    }
    picture_label(out, high, l->corner);
}

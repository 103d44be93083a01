#include "colour_match.h"

#include <math.h>

#include "base/checked.h"
#include "base/lab.h"

#include "base/poison.h"

enum { OPACITY_MIN = 128 };
/* More would amplify noise, or grey out the face. */
#define SPREAD_MIN 0.6
#define SPREAD_MAX 1.6

struct moments {
    double mean[3], deviation[3];
    size_t n;
};

static struct moments measure(const uint8_t *rgb, const uint8_t *opacity, size_t n)
{
    struct moments m = {0};
    double square[3] = {0}, lab[3];
    for (size_t i = 0; i < n; i++) {
        if (opacity[3 * i] < OPACITY_MIN)
            continue;
        lab_from_srgb(rgb + 3 * i, lab);
        for (int c = 0; c < 3; c++) {
            m.mean[c] += lab[c];
            square[c] += lab[c] * lab[c];
        }
        m.n++;
    }
    for (int c = 0; c < 3 && m.n > 0; c++) {
        m.mean[c] /= (double)m.n;
        m.deviation[c] = sqrt(fmax(square[c] / (double)m.n - m.mean[c] * m.mean[c], 0));
    }
    return m;
}

void colour_match(uint8_t *face, const uint8_t *source, const uint8_t *opacity, size_t n,
                  bool spread)
{
    struct moments is = measure(face, opacity, n), wanted = measure(source, opacity, n);
    double gain[3], lab[3];
    if (is.n == 0)
        return;
    for (int c = 0; c < 3; c++) {
        double ratio = wanted.deviation[c] / fmax(is.deviation[c], 1e-5);
        gain[c] = spread ? fmin(fmax(ratio, SPREAD_MIN), SPREAD_MAX) : 1;
    }
    for (size_t i = 0; i < n; i++) {
        lab_from_srgb(face + 3 * i, lab);
        for (int c = 0; c < 3; c++)
            lab[c] = (lab[c] - is.mean[c]) * gain[c] + wanted.mean[c];
        lab_to_srgb(lab, face + 3 * i);
    }
}

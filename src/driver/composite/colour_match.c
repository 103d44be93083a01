#include "colour_match.h"

#include <math.h>

#include "base/checked.h"
#include "base/lab.h"

#include "base/poison.h"

/* Limits of the source's deviation over the face's: less would grey out the face, more would
 * amplify noise. */
#define SPREAD_MIN 0.6
#define SPREAD_MAX 1.6

struct moments {
    double mean[3], deviation[3], weight;
};

static struct moments measure(const uint8_t *rgb, const uint8_t *opacity, size_t n)
{
    struct moments m = {0};
    double square[3] = {0}, lab[3];
    for (size_t i = 0; i < n; i++) {
        double weight = opacity[3 * i];
        if (weight == 0)
            continue;
        lab_from_srgb(rgb + 3 * i, lab);
        for (int c = 0; c < 3; c++) {
            m.mean[c] += weight * lab[c];
            square[c] += weight * lab[c] * lab[c];
        }
        m.weight += weight;
    }
    for (int c = 0; c < 3 && m.weight > 0; c++) {
        m.mean[c] /= m.weight;
        m.deviation[c] = sqrt(fmax(square[c] / m.weight - m.mean[c] * m.mean[c], 0));
    }
    return m;
}

void colour_match(uint8_t *face, const uint8_t *source, const uint8_t *opacity, size_t n,
                  bool spread)
{
    struct moments is = measure(face, opacity, n), wanted = measure(source, opacity, n);
    double gain[3], lab[3];
    if (is.weight == 0)
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

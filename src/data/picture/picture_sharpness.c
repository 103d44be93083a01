#include <math.h>

#include "data/picture.h"

#include "base/poison.h"

static double grey(const struct picture *p, int x, int y)
{
    const uint8_t *c = &p->rgb[3 * ((ptrdiff_t)y * p->width + x)];
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
}

double picture_sharpness(const struct picture *p, const uint8_t *inside)
{
    double n = 0, sum = 0, squares = 0, edges = 0;
    for (int y = 1; y < p->height - 1; y++)
        for (int x = 1; x < p->width - 1; x++) {
            if (!inside[(ptrdiff_t)y * p->width + x])
                continue;
            double at = grey(p, x, y), edge = grey(p, x - 1, y) + grey(p, x + 1, y) +
                                              grey(p, x, y - 1) + grey(p, x, y + 1) - 4 * at;
            n++;
            sum += at;
            squares += at * at;
            edges += edge * edge;
        }
    double variance = n > 0 ? squares / n - sum / n * (sum / n) : 0;
    return variance > 1e-6 ? sqrt(edges / n / variance) : 0;
}

/*
 * Not a test by itself: tests/python/test_optimizer.py runs it and compares its files with PyTorch.
 *
 *     optimizer FOLDER STEPS LR WEIGHT_DECAY CLIP_NORM EMA
 *
 * Native-endian doubles: reads start.bin (n) and gradients.bin (STEPS, n); writes parameters.bin,
 * average.bin (n) and norms.bin (STEPS).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "norm.h"
#include "shim/shim.h"

static struct errmsg em;
static const char *folder;

static void must(enum status st)
{
    if (st != ST_OK) {
        fprintf(stderr, "optimizer: %s\n", em.text);
        exit(status_exit_code(st));
    }
}

static double *read_numbers(const char *name, size_t *n)
{
    char path[PATH_BYTES_MAX];
    uint8_t *bytes = NULL;
    size_t size;
    if (!path_join(path, sizeof path, folder, name))
        exit(1);
    must(file_read_all(path, 1 << 30, &bytes, &size, &em));
    *n = size / sizeof(double);
    return (double *)bytes;
}

static void write_numbers(const char *name, const double *numbers, size_t n)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        exit(1);
    must(file_write_atomic(path, numbers, n * sizeof *numbers, &em));
}

static double norm_of_gradient(const struct shim_group *g, size_t n)
{
    double sums[256], sum = 0;
    must(shim_group_squares(g, SHIM_GRADIENTS, 0, n, sums, &em));
    for (size_t i = 0; i < (n + SHIM_CHUNK - 1) / SHIM_CHUNK; i++)
        sum += sums[i];
    return sqrt(sum);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 64;
    folder = argv[1];
    int steps = atoi(argv[2]);
    double clip = strtod(argv[5], NULL), ema = strtod(argv[6], NULL);
    struct shim_adam adam = {.lr = strtod(argv[3], NULL),
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .weight_decay = strtod(argv[4], NULL)};
    size_t n, all;
    double *start = read_numbers("start.bin", &n), *gradients = read_numbers("gradients.bin", &all);
    double *norms = calloc((size_t)steps, sizeof *norms);
    struct shim_group *g = NULL;
    if (n > 256 * SHIM_CHUNK || all != n * (size_t)steps || !norms)
        return 65;
    must(shim_group_new("cpu", SHIM_F64, n, NULL, &g, &em));
    must(shim_group_write(g, SHIM_PARAMETERS, 0, start, n, &em));
    must(shim_group_keep_average(g, &em));
    for (int i = 0; i < steps; i++) {
        must(shim_group_write(g, SHIM_GRADIENTS, 0, gradients + (size_t)i * n, n, &em));
        norms[i] = norm_of_gradient(g, n);
        adam.step = i + 1;
        adam.gradient_scale = norm_clip_factor(norms[i], clip);
        adam.ema = ema;
        must(shim_group_adam(g, 0, n, &adam, &em));
    }
    must(shim_group_read(g, SHIM_PARAMETERS, 0, start, n, &em));
    write_numbers("parameters.bin", start, n);
    must(shim_group_read(g, SHIM_EMA, 0, start, n, &em));
    write_numbers("average.bin", start, n);
    write_numbers("norms.bin", norms, (size_t)steps);
    shim_group_free(g);
    free(start);
    free(gradients);
    free(norms);
    return 0;
}

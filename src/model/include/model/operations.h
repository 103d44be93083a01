/*
 * Networks that others trained. A file describes each as a list of operations over plain tensors;
 * libtorch runs them. scripts/setup --photographs makes two such files, faces.pt and identity.pt.
 *
 *     enum status st = operations_open("build/share/bifrons/faces.pt", "cpu", &file, &em);
 *     if (st != ST_OK)
 *         return st;
 *     const struct operations_network *mesh = operations_find(file, "mesh");
 *     if (mesh) // operations_input: 3 x 192 x 192; operations_output: 1404 x 1 x 1 and 1 x 1 x 1
 *         st = operations_run(file, mesh, n, pictures, (float *[]){points, presence}, &em);
 *     operations_free(file);
 *
 * THE FILE is a dict written by torch.save (torch.load(weights_only=True) reads it):
 *
 *   "format": "bifrons.operations", "format_version": 1, "source": text for people
 *   "networks": {NAME: {"input": [channels, height, width],
 *                       "operations": [[OPERATION, number, ...], ...],
 *                       "outputs": [value, ...]}}
 *   "NAME.0", "NAME.1", ...: the tensors of that network, 32 or 64 bit floats
 *
 * Value 0 is the input; operation n gives value n. The numbers of an operation: x is a value, w the
 * number of a tensor. Shapes are those of one sample, (C, H, W):
 *
 *   affine    x w w'              each channel times w (C), plus w' (C)
 *   conv      x w w' stride pad   w (out, C / groups, k, k), w' (out); pad zeros on each side
 *   relu      x
 *   prelu     x w                 negative numbers times w (C) of their channel
 *   add       x x'                x and x' of the same shape
 *   pad       x c t b l r         zeros: c channels at the end, t, b, l, r pixels at the sides
 *   max_pool  x k stride          over k x k pixels
 *   mean_pool x k                 over k x k pixels, without overlap
 *   resize    x height width a    bilinear; a = 1: PyTorch's align_corners
 *
 * The file is untrusted. It is read without libtorch's unpickler. operations_open checks every
 * number, index and shape, so a network that it accepts cannot fail later because of the file.
 *
 * THREADS: one at a time for each open file.
 */
#ifndef BIFRONS_MODEL_OPERATIONS_H
#define BIFRONS_MODEL_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { OPERATIONS_OUTPUTS_MAX = 4 };

struct operations_shape {
    int64_t channels, height, width;
};

struct operations_file;
struct operations_network;

/*
 * Reads the file and copies its tensors to the device ("cpu", "cuda:0"). ST_NOINPUT: cannot be
 * opened; ST_DATA, with the network and the operation: torn, of another format, or inconsistent;
 * ST_NODEVICE, ST_CONFIG: the device.
 */
enum status operations_open(const char *path, const char *device, struct operations_file **out,
                            struct errmsg *em) MUST_CHECK;
void operations_free(struct operations_file *f);
/* Borrowed from the file; NULL: no network of that name. */
const struct operations_network *operations_find(const struct operations_file *f, const char *name);

struct operations_shape operations_input(const struct operations_network *n);
size_t operations_n_outputs(const struct operations_network *n);
struct operations_shape operations_output(const struct operations_network *n, size_t i);
/* Numbers in one sample: channels x height x width. */
size_t operations_count(struct operations_shape shape);

/*
 * Runs n samples at once: inputs (n, height, width, channels) to outputs[i], each (n, height,
 * width, channels) of its shape. Memory grows with n: MediaPipe's detector takes about 40 MB for
 * each sample. ST_MEMORY, ST_TORCH.
 */
enum status operations_run(struct operations_file *f, const struct operations_network *network,
                           size_t n, const float *inputs, float *const *outputs,
                           struct errmsg *em) MUST_CHECK;

#endif

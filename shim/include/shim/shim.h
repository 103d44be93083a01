/*
 * libtorch behind a C ABI. Compiles as C11 and as C++.
 *
 *     struct shim_scope *s;
 *     enum status st = shim_scope_new("cpu", SHIM_F32, &s, &em);
 *     if (st != ST_OK)
 *         return st;
 *     struct shim_tensor *x = shim_from_memory(s, SHIM_F32, pictures, 4, (int64_t[]){n, 3, h, w});
 *     struct shim_tensor *y = shim_leaky_relu(s, shim_conv2d(s, x, weight, bias, 2, 1), 0.2);
 *     shim_backward(s, shim_sum(s, y), false);
 *     st = shim_scope_check(s, &em);                  // checks all operations above at once
 *     shim_scope_reset(s);                            // frees x, y and the graph
 *
 * TENSORS are borrowed. The result of an operation belongs to its scope and lives until
 * shim_scope_reset or _free; a parameter belongs to its group. NULL in gives NULL out.
 *
 * ERRORS. An operation that fails returns NULL and leaves status and text in its scope. The first
 * error stays; later operations do nothing. Functions that return a status report in `em`, as
 * everywhere. No exception leaves the shim: an error of libtorch becomes ST_TORCH, lack of memory
 * ST_MEMORY. The shim prints nothing.
 *
 * MODES (no gradient, autocast) belong to the scope, not to the thread.
 *
 * THREADS. One thread at a time uses a scope and everything in it; different threads may use
 * different scopes. libtorch runs its own threads inside an operation (shim_set_threads).
 *
 * CALLBACKS may neither throw nor longjmp, and must not call the shim with a scope that is in use.
 */
#ifndef BIFRONS_SHIM_H
#define BIFRONS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_stream.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shim_tensor;
struct shim_scope;
struct shim_group;

enum { SHIM_DIMS_MAX = 8 };

enum shim_dtype { SHIM_F32, SHIM_F64, SHIM_BF16, SHIM_U8, SHIM_I64 };

/* ---- The process ---------------------------------------------------------------------------- */

/* The version of the loaded libtorch, such as "2.13.0+cpu". Static. */
const char *shim_torch_version(void);
/* Is this shim built with a CUDA libtorch? */
bool shim_cuda_built(void);
/* CUDA devices that can be used now; 0 without a driver. */
int64_t shim_cuda_count(void);
/* ST_OK if CUDA device `index` runs the shim's own kernels. ST_TORCH, with the reason, if it runs
 * libtorch's: they are slower and give the same numbers up to rounding. */
enum status shim_cuda_kernels(int64_t index, struct errmsg *em) MUST_CHECK;
/* ST_OK if the shim's kernels compile for a compute capability (90: 9.0). Needs no GPU. ST_TORCH
 * holds the compiler's message; ST_NODEVICE: a build without CUDA. */
enum status shim_cuda_kernels_check(int capability, struct errmsg *em) MUST_CHECK;
/* ST_OK if tensors can live on `device` ("cpu", "cuda", "cuda:1"). ST_NODEVICE says why not;
 * ST_CONFIG: not the name of a device. */
enum status shim_device_check(const char *device, struct errmsg *em) MUST_CHECK;

/* Threads inside one operation, for the whole process. */
enum status shim_set_threads(int64_t n, struct errmsg *em) MUST_CHECK;
int64_t shim_get_threads(void);
/* While on, operations that cannot give the same bits twice fail. For the whole process. */
enum status shim_set_deterministic(bool on, struct errmsg *em) MUST_CHECK;

/*
 * Makes glibc's malloc keep large blocks instead of giving them back to the kernel. Each training
 * step allocates the same activations again, and the kernel zeroes every page it gives. A CPU step
 * becomes 1.25 times as fast; the process does not shrink. For the whole process; does nothing with
 * another allocator.
 */
void shim_tune_allocator(void);

/* Bytes in use and their peak: of the device's caching allocator; on the CPU of the process. */
enum status shim_memory(const char *device, int64_t *used_out, int64_t *peak_out,
                        struct errmsg *em) MUST_CHECK;

/* ---- Scopes --------------------------------------------------------------------------------- */

/* dtype (F32 or F64): type of the tensors of shim_from_memory and shim_full. ST_NODEVICE,
 * ST_CONFIG. */
enum status shim_scope_new(const char *device, enum shim_dtype dtype, struct shim_scope **out,
                           struct errmsg *em) MUST_CHECK;
void shim_scope_free(struct shim_scope *s);
/* Frees the tensors and the graph, clears the error, switches the modes off. */
void shim_scope_reset(struct shim_scope *s);
/* Copies the first error since the last reset to em; ST_OK if there was none. */
enum status shim_scope_check(const struct shim_scope *s, struct errmsg *em) MUST_CHECK;

/* While on, operations record no graph. */
void shim_no_grad(struct shim_scope *s, bool on);
/* While on, matrix products and convolutions run in bf16, as with torch.autocast. */
void shim_autocast(struct shim_scope *s, bool on);
/* The CUDA stream of the scope (lane 0); NULL on the CPU. */
void *shim_stream(const struct shim_scope *s);
/*
 * Concurrent work: a small batch alone does not fill a GPU. Between fork and join, operations go to
 * the lane that shim_lane chose last. Each lane is a CUDA stream and starts after all work before
 * the fork. A lane uses only tensors of its own and of the time before the fork. join waits for all
 * lanes; then lane 0 goes on. Backward runs in the same lanes. The CPU has one lane.
 */
enum { SHIM_LANES = 2 };
void shim_fork(struct shim_scope *s);
void shim_lane(struct shim_scope *s, int lane);
void shim_join(struct shim_scope *s);
/* Makes lane 0 wait for what has been queued in the other lanes so far. For the hook of
 * shim_group_on_ready, whose gradient may come from any lane. */
void shim_join_lanes(struct shim_scope *s);

/* ---- Data in and out ------------------------------------------------------------------------ */

/* A copy of host memory on the scope's device, in the scope's dtype; U8 stays 0 to 255. */
struct shim_tensor *shim_from_memory(struct shim_scope *s, enum shim_dtype memory_dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims);
struct shim_tensor *shim_full(struct shim_scope *s, double value, size_t n_dims,
                              const int64_t *dims);
/* Copies all elements, in row-major order, to host memory as `dtype`, and waits for the copy. count
 * must be the number of elements. Errors land in the scope. */
void shim_to_memory(struct shim_scope *s, const struct shim_tensor *t, enum shim_dtype dtype,
                    void *memory, size_t count);
/* The number of dimensions, and their sizes in dims_out[SHIM_DIMS_MAX]; 0 for NULL. */
size_t shim_dims(const struct shim_tensor *t, int64_t *dims_out);

/* ---- Layers --------------------------------------------------------------------------------- */

/* x (N, C, H, W), weight (out, in / groups, k, k), bias (out) or NULL. */
struct shim_tensor *shim_conv2d(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias,
                                int64_t stride, int64_t padding);
/* weight (in, out, k, k). */
struct shim_tensor *shim_conv_transpose2d(struct shim_scope *s, const struct shim_tensor *x,
                                          const struct shim_tensor *weight,
                                          const struct shim_tensor *bias, int64_t stride,
                                          int64_t padding);
/* (N, C r^2, H, W) to (N, C, H r, W r), as torch.nn.PixelShuffle orders them. */
struct shim_tensor *shim_pixel_shuffle(struct shim_scope *s, const struct shim_tensor *x,
                                       int64_t factor);
/* Normalizes each sample of x (N, C, H, W) over all pixels of C / groups channels, then applies
 * weight and bias (C). */
struct shim_tensor *shim_group_norm(struct shim_scope *s, const struct shim_tensor *x,
                                    int64_t groups, const struct shim_tensor *weight,
                                    const struct shim_tensor *bias, double eps);
/* x (N, in), weight (out, in), bias (out). */
struct shim_tensor *shim_linear(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias);
/*
 * The network's layers: a convolution, then LeakyReLU of `slope` (1: none). bias must not be NULL.
 *
 *   shim_conv_down  4 x 4 convolution of stride 2, padding 1: halves the resolution
 *   shim_conv_up    transposed 4 x 4 convolution of stride 2, padding 1: doubles the resolution
 *   shim_conv_same  k x k convolution of stride 1, k odd: keeps the resolution
 *
 * weight: (K, C, 4, 4) for down and up, with K channels at the lower resolution; (out, in, k, k)
 * for same. On a GPU, and where our own CPU layers compute down and up (shim/cpu/README.md), they
 * have first derivatives only: backward with create_graph fails.
 */
struct shim_tensor *shim_conv_down(struct shim_scope *s, const struct shim_tensor *x,
                                   const struct shim_tensor *weight, const struct shim_tensor *bias,
                                   double slope);
struct shim_tensor *shim_conv_up(struct shim_scope *s, const struct shim_tensor *x,
                                 const struct shim_tensor *weight, const struct shim_tensor *bias,
                                 double slope);
struct shim_tensor *shim_conv_same(struct shim_scope *s, const struct shim_tensor *x,
                                   const struct shim_tensor *weight, const struct shim_tensor *bias,
                                   double slope);
struct shim_tensor *shim_leaky_relu(struct shim_scope *s, const struct shim_tensor *x,
                                    double slope);
/* The maximum, or mean, of each square of size x size pixels; the squares do not overlap. Rows and
 * columns that do not fill a square are dropped. */
struct shim_tensor *shim_max_pool2d(struct shim_scope *s, const struct shim_tensor *x,
                                    int64_t size);
struct shim_tensor *shim_mean_pool2d(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t size);
struct shim_tensor *shim_sigmoid(struct shim_scope *s, const struct shim_tensor *x);

/* ---- Shapes --------------------------------------------------------------------------------- */

struct shim_tensor *shim_cat(struct shim_scope *s, struct shim_tensor *const *parts, size_t n,
                             int64_t dim);
struct shim_tensor *shim_narrow(struct shim_scope *s, const struct shim_tensor *x, int64_t dim,
                                int64_t start, int64_t length);
/* Splits x along dim into two parts; the first has this length. Backward is one concatenation;
 * backward of two shim_narrow would fill and add two tensors of x's size. */
void shim_halve(struct shim_scope *s, const struct shim_tensor *x, int64_t dim, int64_t length,
                struct shim_tensor *out[2]);
struct shim_tensor *shim_reshape(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *dims);
struct shim_tensor *shim_permute(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *order);
struct shim_tensor *shim_flip(struct shim_scope *s, const struct shim_tensor *x, int64_t dim);
/* The same values, cut off from the graph: gradients do not pass. */
struct shim_tensor *shim_detach(struct shim_scope *s, const struct shim_tensor *x);
struct shim_tensor *shim_to_dtype(struct shim_scope *s, const struct shim_tensor *x,
                                  enum shim_dtype dtype);
/* on: the same values with channels innermost in memory; the shape stays (N, C, H, W). Else back
 * to row-major. */
struct shim_tensor *shim_channels_last(struct shim_scope *s, const struct shim_tensor *x, bool on);

/* ---- Elements; shapes broadcast as in PyTorch ----------------------------------------------- */

struct shim_tensor *shim_add(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b);
struct shim_tensor *shim_sub(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b);
struct shim_tensor *shim_mul(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b);
struct shim_tensor *shim_div(struct shim_scope *s, const struct shim_tensor *a,
                             const struct shim_tensor *b);
/* x * scale + offset */
struct shim_tensor *shim_affine(struct shim_scope *s, const struct shim_tensor *x, double scale,
                                double offset);
struct shim_tensor *shim_abs(struct shim_scope *s, const struct shim_tensor *x);
struct shim_tensor *shim_round(struct shim_scope *s, const struct shim_tensor *x);
struct shim_tensor *shim_clamp(struct shim_scope *s, const struct shim_tensor *x, double low,
                               double high);
struct shim_tensor *shim_pow(struct shim_scope *s, const struct shim_tensor *x, double exponent);
/* x > limit for each element: a condition for shim_where. */
struct shim_tensor *shim_greater(struct shim_scope *s, const struct shim_tensor *x, double limit);
/* Elements of a if condition is not 0, else of b. */
struct shim_tensor *shim_where(struct shim_scope *s, const struct shim_tensor *condition,
                               const struct shim_tensor *a, const struct shim_tensor *b);

/* ---- Reductions ----------------------------------------------------------------------------- */

/* The sum of all elements, a scalar tensor. */
struct shim_tensor *shim_sum(struct shim_scope *s, const struct shim_tensor *x);
/* Sums over the given dimensions; `keep` leaves them in the shape with size 1. */
struct shim_tensor *shim_sum_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                  const int64_t *dims, bool keep);
struct shim_tensor *shim_mean_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                   const int64_t *dims, bool keep);

/* ---- Resampling; coordinates as torch's align_corners = False unless said otherwise --------- */

/* From theta (N, 2, 3), sampling coordinates (N, height, width, 2): x, then y, in [-1, 1]. */
struct shim_tensor *shim_affine_grid(struct shim_scope *s, const struct shim_tensor *theta,
                                     int64_t height, int64_t width);
/* x (N, C, H, W) sampled at grid (N, h, w, 2): bilinear, reflected at the border. */
struct shim_tensor *shim_grid_sample(struct shim_scope *s, const struct shim_tensor *x,
                                     const struct shim_tensor *grid);
enum shim_resample { SHIM_NEAREST, SHIM_BILINEAR, SHIM_BICUBIC };
/* align_corners (not with NEAREST): corner pixels stay corner pixels. */
struct shim_tensor *shim_interpolate(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t height, int64_t width, enum shim_resample how,
                                     bool align_corners);

/* ---- Gradients ------------------------------------------------------------------------------ */

/* Adds d loss / d parameter to the gradient of every parameter that the graph reaches. Errors land
 * in the scope. create_graph records backward itself, for second derivatives. */
void shim_backward(struct shim_scope *s, const struct shim_tensor *loss, bool create_graph);
/* Backward of scale times the sum of all elements of `each`. */
void shim_backward_sum(struct shim_scope *s, const struct shim_tensor *each, double scale);
/* Returns d y / d x of a scalar y. The gradients of parameters do not change, unless x is a
 * parameter whose first gradient is not written yet (shim_group_add_gradients). */
struct shim_tensor *shim_gradient(struct shim_scope *s, const struct shim_tensor *y,
                                  const struct shim_tensor *x, bool create_graph);
/*
 * Runs fn(s, ctx, x) and keeps only x and the result; backward runs fn again, with the autocast
 * mode of now. The result has the bits of fn itself. This costs the time of one more forward pass
 * and saves memory: only the inputs of the pieces and the activations of one piece are kept.
 *
 *     x = shim_recompute(s, level, &levels[0], x);
 *     x = shim_recompute(s, level, &levels[1], x);
 *
 * ctx must live until backward is done. A parameter used in two pieces calls shim_group_on_ready's
 * function twice. First derivatives only; not within a recorded pass. While the scope records no
 * gradients this just calls fn.
 */
struct shim_tensor *shim_recompute(struct shim_scope *s,
                                   struct shim_tensor *(*fn)(struct shim_scope *s, const void *ctx,
                                                             struct shim_tensor *x),
                                   const void *ctx, struct shim_tensor *x);
/* A leaf of the graph with the values of x, for shim_gradient with respect to an input. */
struct shim_tensor *shim_leaf(struct shim_scope *s, const struct shim_tensor *x);

/* ---- Parameter groups: flat memory ---------------------------------------------------------- */

enum shim_flat {
    SHIM_PARAMETERS,
    SHIM_GRADIENTS,
    SHIM_EXP_AVG,
    SHIM_EXP_AVG_SQ,
    SHIM_EMA, /* after shim_group_keep_average only; the group allocates it */
    SHIM_FLATS
};

/*
 * Makes four flat arrays of `count` elements of `dtype` (F32 or F64): parameters, gradients and
 * Adam's two moments. memory[i] is the caller's: on `device`, zeroed, and alive longer than the
 * group. If all are NULL, the group allocates. ST_MEMORY, ST_NODEVICE.
 */
enum status shim_group_new(const char *device, enum shim_dtype dtype, size_t count,
                           void *const memory[SHIM_FLATS], struct shim_group **out,
                           struct errmsg *em) MUST_CHECK;
void shim_group_free(struct shim_group *g);
/* Address of a flat array: host or device memory. */
void *shim_group_memory(const struct shim_group *g, enum shim_flat which);
/*
 * The parameter in elements [offset, offset + product of dims) of the flat array, borrowed from the
 * group. Its gradient is the same range of the flat gradient. Backward adds to it; only
 * shim_group_zero_gradients sets it to zero.
 */
enum status shim_group_parameter(struct shim_group *g, size_t offset, size_t n_dims,
                                 const int64_t *dims, struct shim_tensor **out,
                                 struct errmsg *em) MUST_CHECK;
/*
 * In every backward, calls fn once for each parameter that the graph reaches, when its gradient is
 * final. The call comes on a thread of libtorch. fn NULL ends the calls.
 */
void shim_group_on_ready(struct shim_group *g, void (*fn)(void *ctx, size_t offset, size_t count),
                         void *ctx);
/* Freezes the parameters in this range: backward leaves their gradients as they are and does not
 * call shim_group_on_ready's function for them. */
enum status shim_group_freeze(struct shim_group *g, size_t offset, size_t count,
                              struct errmsg *em) MUST_CHECK;
enum status shim_group_zero_gradients(struct shim_group *g, struct errmsg *em) MUST_CHECK;
/* For a pass on a GPU: converts the weights of all convolutions of the group to the layout and type
 * that cuDNN needs, in one launch. Without this call, each layer converts its own weight. Call it
 * before the pass uses parameters; parameters must not change until shim_scope_reset. */
void shim_group_turn(struct shim_scope *s, struct shim_group *g);
/* Call after the first pass that follows shim_group_zero_gradients. Until then layers may write
 * their gradients instead of adding them. A recorded pass does each time what it did when it was
 * recorded. */
void shim_group_add_gradients(struct shim_group *g);
/* Copies between host memory of the group's dtype and a range of a flat array. */
enum status shim_group_write(struct shim_group *g, enum shim_flat which, size_t offset,
                             const void *host, size_t count, struct errmsg *em) MUST_CHECK;
enum status shim_group_read(const struct shim_group *g, enum shim_flat which, size_t offset,
                            void *host, size_t count, struct errmsg *em) MUST_CHECK;
/* Copies a range of one flat array to the same range of another. */
enum status shim_group_copy(struct shim_group *g, enum shim_flat from, enum shim_flat to,
                            size_t offset, size_t count, struct errmsg *em) MUST_CHECK;
struct shim_range {
    size_t offset, count;
};
/*
 * Keeps Adam's moments (and the average, if there is one) for these ranges only, in memory of the
 * group; {0, count} keeps all. The ranges are ascending and do not touch. Values that were kept
 * before stay; new moments are 0, and new averages equal the parameters. Offsets stay those of the
 * flat arrays; a later access to the moments must lie within one kept range. ST_MEMORY.
 */
enum status shim_group_keep_moments(struct shim_group *g, const struct shim_range *ranges,
                                    size_t n_ranges, struct errmsg *em) MUST_CHECK;
/* Counts the elements of a range that are NaN or infinite. */
enum status shim_group_nonfinite(const struct shim_group *g, enum shim_flat which, size_t offset,
                                 size_t count, int64_t *n_out, struct errmsg *em) MUST_CHECK;

struct shim_adam {
    double lr, beta1, beta2, eps;
    double weight_decay;   /* decoupled, as torch.optim.AdamW's; 0: torch.optim.Adam */
    double gradient_scale; /* factor on the gradient, for clipping; 0: none */
    double ema;            /* decay of the average in this step, if one is kept */
    int64_t step;          /* from 1 */
};
/* One Adam step over a range, and one step of the average. The result does not depend on how a step
 * is divided into ranges. On a GPU the gradient stays multiplied by gradient_scale. */
enum status shim_group_adam(struct shim_group *g, size_t offset, size_t count,
                            const struct shim_adam *adam, struct errmsg *em) MUST_CHECK;

/* parameters -= lr * gradient over a range, without moments; moves the average as shim_group_adam
 * does. The result does not depend on how a step is divided into ranges. */
enum status shim_group_sgd(struct shim_group *g, size_t offset, size_t count, double lr, double ema,
                           struct errmsg *em) MUST_CHECK;

/* Starts, or starts again, a moving average of the parameters at their present values. */
enum status shim_group_keep_average(struct shim_group *g, struct errmsg *em) MUST_CHECK;
/* Exchanges the contents of two whole arrays. */
enum status shim_group_exchange(struct shim_group *g, enum shim_flat a, enum shim_flat b,
                                struct errmsg *em) MUST_CHECK;

enum { SHIM_CHUNK = 512 };
/*
 * The sum of squares, in fp64, of each chunk of SHIM_CHUNK elements of a range (the last chunk may
 * be shorter). offset must be a multiple of SHIM_CHUNK. A chunk's sum has the same bits in every
 * range, and is not finite if an element is not. sums: one for each chunk. Waits for the device.
 */
enum status shim_group_squares(const struct shim_group *g, enum shim_flat which, size_t offset,
                               size_t count, double *sums, struct errmsg *em) MUST_CHECK;
/* The same for elements in host memory, of the group's dtype. */
enum status shim_group_squares_of(const struct shim_group *g, const void *elements, size_t count,
                                  double *sums, struct errmsg *em) MUST_CHECK;

/* ---- Archives: what torch.save writes ------------------------------------------------------- */

/*
 * A .pt file that torch.load(weights_only=True) reads: a tree of dicts, lists, tuples, numbers,
 * strings and tensors, and named records beside it. Errors work as in scopes: the archive owns all
 * values, the first error stays, and shim_archive_check or _write reports it.
 *
 *     struct shim_archive *a;
 *     enum status st = shim_archive_new(&a, &em);
 *     if (st != ST_OK)
 *         return st;
 *     struct shim_value *root = shim_archive_root(a);
 *     shim_put(a, root, "epoch", shim_value_int(a, 7));
 *     shim_put(a, root, "weight", shim_value_tensor(a, SHIM_F32, memory, 2, dims));
 *     st = shim_archive_write(a, path, "bifrons.json", json, json_bytes, hash, &em);
 *     shim_archive_free(a);
 */
struct shim_archive;
struct shim_value;

enum status shim_archive_new(struct shim_archive **out, struct errmsg *em) MUST_CHECK;
/*
 * Reads a .pt file. Check its zip structure and checksums first: libtorch's reader does not.
 * ST_NOINPUT: cannot be opened. ST_DATA: the pickle or a tensor cannot be read, or the file holds
 * another kind of value. Never executes anything from the file.
 */
enum status shim_archive_read(const char *path, struct shim_archive **out,
                              struct errmsg *em) MUST_CHECK;
void shim_archive_free(struct shim_archive *a);
enum status shim_archive_check(const struct shim_archive *a, struct errmsg *em) MUST_CHECK;
/* The dict at the top of the tree. */
struct shim_value *shim_archive_root(struct shim_archive *a);
/* Writes the file, and an uncompressed record in it unless record_name is NULL. Adds all bytes of
 * the file to hash unless it is NULL. ST_IO gives the operating system's reason. Does not sync the
 * file, and does not remove it after a failure. */
enum status shim_archive_write(struct shim_archive *a, const char *path, const char *record_name,
                               const void *record, size_t record_bytes, struct hash128_stream *hash,
                               struct errmsg *em) MUST_CHECK;

struct shim_value *shim_value_dict(struct shim_archive *a);
struct shim_value *shim_value_list(struct shim_archive *a);
struct shim_value *shim_value_bool(struct shim_archive *a, bool x);
struct shim_value *shim_value_int(struct shim_archive *a, int64_t x);
struct shim_value *shim_value_double(struct shim_archive *a, double x);
struct shim_value *shim_value_string(struct shim_archive *a, const char *text);
struct shim_value *shim_value_none(struct shim_archive *a);
/* A pair as a tuple: Adam's betas. */
struct shim_value *shim_value_pair(struct shim_archive *a, double first, double second);
/* A copy of host memory. n_dims 0 gives a scalar tensor. */
struct shim_value *shim_value_tensor(struct shim_archive *a, enum shim_dtype dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims);
/* Borrows host memory: it must stay unchanged until the archive is freed. */
struct shim_value *shim_value_view(struct shim_archive *a, enum shim_dtype dtype,
                                   const void *memory, size_t n_dims, const int64_t *dims);
/* A copy, in host memory and of type dtype, of a range of a group's flat array. */
struct shim_value *shim_value_range(struct shim_archive *a, const struct shim_group *g,
                                    enum shim_flat which, size_t offset, enum shim_dtype dtype,
                                    size_t n_dims, const int64_t *dims);
/* Put x into a dict under a string or a number, or at the end of a list. */
void shim_put(struct shim_archive *a, struct shim_value *dict, const char *key,
              struct shim_value *x);
void shim_put_at(struct shim_archive *a, struct shim_value *dict, int64_t key,
                 struct shim_value *x);
void shim_append(struct shim_archive *a, struct shim_value *list, struct shim_value *x);

/* Reading. A NULL value, a missing key, or a value of another kind gives NULL or false: no error.
 */
struct shim_value *shim_get(struct shim_archive *a, const struct shim_value *dict, const char *key);
struct shim_value *shim_get_at(struct shim_archive *a, const struct shim_value *dict_or_list,
                               int64_t key);
bool shim_get_bool(const struct shim_value *v, bool *out);
bool shim_get_int(const struct shim_value *v, int64_t *out);
bool shim_get_double(const struct shim_value *v, double *out); /* also reads an int */
/* Borrowed until the archive is freed; NULL if v is not a string. */
const char *shim_get_string(const struct shim_value *v);
/* Shape and element type of a tensor; false if v is not a tensor of a dtype of enum shim_dtype. */
bool shim_get_tensor(const struct shim_value *v, enum shim_dtype *dtype_out, size_t *n_dims_out,
                     int64_t dims_out[SHIM_DIMS_MAX]);
/* true: a tensor without NaN and infinities. */
bool shim_is_finite(const struct shim_value *v);
/* Copies a tensor's elements into a range of a group's flat array. ST_DATA if count differs. */
enum status shim_read_range(const struct shim_value *v, struct shim_group *g, enum shim_flat which,
                            size_t offset, size_t count, struct errmsg *em) MUST_CHECK;
/* Copies a tensor's elements to host memory, row-major, as dtype (F32 or F64). ST_DATA if count
 * differs. */
enum status shim_read_tensor(const struct shim_value *v, enum shim_dtype dtype, void *memory,
                             size_t count, struct errmsg *em) MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

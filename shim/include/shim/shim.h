/*
 * libtorch behind a C ABI. The only header of the shim; it compiles as C11 and as C++.
 *
 *     struct shim_scope *s;
 *     enum status st = shim_scope_new("cpu", SHIM_F32, &s, &em);
 *     if (st != ST_OK)
 *         return st;
 *     struct shim_tensor *x = shim_from_memory(s, SHIM_F32, pictures, 4, (int64_t[]){n, 3, h, w});
 *     struct shim_tensor *y = shim_leaky_relu(s, shim_conv2d(s, x, weight, bias, 2, 1), 0.2);
 *     shim_backward(s, shim_sum(s, y), false);
 *     st = shim_scope_check(s, &em);                  // the one check of all above
 *     shim_scope_reset(s);                            // x, y and the graph are gone
 *
 * TENSORS are borrowed from whoever made them: the result of an operation belongs to its scope and
 * lives until shim_scope_reset or _free; a parameter belongs to its group. NULL in gives NULL out.
 *
 * ERRORS. An operation that fails returns NULL and leaves status and text in its scope; the first
 * one stays, later operations do nothing. Functions that return a status report in `em`, as
 * everywhere. No exception leaves the shim: libtorch's own become ST_TORCH, lack of memory
 * ST_MEMORY. Nothing is printed.
 *
 * MODES (no gradient, autocast) belong to the scope, not to the thread: each operation applies its
 * scope's modes for its own duration.
 *
 * THREADS: a scope and everything in it is used by one thread at a time; several scopes may be used
 * by several threads. libtorch runs its own threads inside an operation (shim_set_threads).
 *
 * CALLBACKS may neither throw nor longjmp, and must not call the shim with a scope that is in use.
 *
 * Planned, with the shape it will take, so that nothing above has to move: found_inf for
 * shim_group_adam as a tensor on the device, channels-last parameters in a group.
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

/* "2.13.0+cpu" of the libtorch that is loaded. Static. */
const char *shim_torch_version(void);
/* Was this shim built with a CUDA libtorch? */
bool shim_cuda_built(void);
/* CUDA devices that can be used now; 0 without a driver. */
int64_t shim_cuda_count(void);
/* Are the shim's own kernels in use on CUDA device `index`? ST_TORCH says why not: libtorch's are
 * used instead, which give the same numbers but for rounding, and take longer. */
enum status shim_cuda_kernels(int64_t index, struct errmsg *em) MUST_CHECK;
/* Can they be compiled for a compute capability (90: 9.0)? Needs no GPU. ST_TORCH with what the
 * compiler says; ST_NODEVICE in a build without CUDA. */
enum status shim_cuda_kernels_check(int capability, struct errmsg *em) MUST_CHECK;
/* ST_OK where tensors can live on `device` ("cpu", "cuda", "cuda:1"); ST_NODEVICE says why not,
 * ST_CONFIG that it is no device name. */
enum status shim_device_check(const char *device, struct errmsg *em) MUST_CHECK;

/* Threads inside one operation, for the whole process. */
enum status shim_set_threads(int64_t n, struct errmsg *em) MUST_CHECK;
int64_t shim_get_threads(void);
/* Operations that cannot give the same bits twice fail instead. */
enum status shim_set_deterministic(bool on, struct errmsg *em) MUST_CHECK;

/*
 * Tells glibc's malloc to keep large blocks instead of giving them back to the kernel: a training
 * step allocates and frees the same activations again and again, and each page that comes anew
 * from the kernel is zeroed first. Worth 1.25x on a CPU step; costs that the process does not
 * shrink. Process-wide, hence a call of its own; does nothing with another allocator.
 */
void shim_tune_allocator(void);

/* Bytes in use and their peak: of the device's caching allocator, or of the process on the CPU. */
enum status shim_memory(const char *device, int64_t *used_out, int64_t *peak_out,
                        struct errmsg *em) MUST_CHECK;

/* ---- Scopes --------------------------------------------------------------------------------- */

/* dtype (F32 or F64) is what shim_from_memory and shim_full make. ST_NODEVICE, ST_CONFIG. */
enum status shim_scope_new(const char *device, enum shim_dtype dtype, struct shim_scope **out,
                           struct errmsg *em) MUST_CHECK;
void shim_scope_free(struct shim_scope *s);
/* Frees the temporaries and the graph, forgets the error, switches the modes off. */
void shim_scope_reset(struct shim_scope *s);
/* The first error since the last reset, copied to em; ST_OK if there was none. */
enum status shim_scope_check(const struct shim_scope *s, struct errmsg *em) MUST_CHECK;

/* Operations record no graph while on. */
void shim_no_grad(struct shim_scope *s, bool on);
/* Matrix products and convolutions run in bf16 while on, as torch.autocast does. */
void shim_autocast(struct shim_scope *s, bool on);
/* The stream the scope's work is queued on (lane 0); NULL on the CPU. */
void *shim_stream(const struct shim_scope *s);
/*
 * Work that needs not wait for each other: between fork and join, operations go to the lane chosen
 * last, on a GPU a stream of its own that begins behind what came before the fork. What a lane
 * makes is for itself until the join, behind which all goes on in lane 0; backward takes the same
 * lanes. Small batches fill a GPU only together. The CPU has one lane.
 */
enum { SHIM_LANES = 2 };
void shim_fork(struct shim_scope *s);
void shim_lane(struct shim_scope *s, int lane);
void shim_join(struct shim_scope *s);

/* ---- Data in and out ------------------------------------------------------------------------ */

/* A copy of host memory on the scope's device, as the scope's dtype (bytes are not scaled). */
struct shim_tensor *shim_from_memory(struct shim_scope *s, enum shim_dtype memory_dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims);
struct shim_tensor *shim_full(struct shim_scope *s, double value, size_t n_dims,
                              const int64_t *dims);
/* Copies all elements, in row-major order, to host memory as `dtype`. count must be the number of
 * elements. Waits for the device. Errors land in the scope. */
void shim_to_memory(struct shim_scope *s, const struct shim_tensor *t, enum shim_dtype dtype,
                    void *memory, size_t count);
/* Number of dimensions, and the sizes in dims_out[SHIM_DIMS_MAX]; 0 for NULL. */
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
/* x (N, C, H, W), each sample normalized over C / groups channels and all pixels; weight and bias
 * (C) behind it. */
struct shim_tensor *shim_group_norm(struct shim_scope *s, const struct shim_tensor *x,
                                    int64_t groups, const struct shim_tensor *weight,
                                    const struct shim_tensor *bias, double eps);
/* x (N, in), weight (out, in), bias (out). */
struct shim_tensor *shim_linear(struct shim_scope *s, const struct shim_tensor *x,
                                const struct shim_tensor *weight, const struct shim_tensor *bias);
/*
 * A convolution with a 4 x 4 kernel, stride 2 and padding 1, which halves the resolution, and its
 * transpose, which doubles it; LeakyReLU of `slope` behind it (1: none). weight (K, C, 4, 4) for
 * both, K being the channels at the lower resolution; bias is wanted. On a CPU in F32, and under
 * autocast, computed as Winograd does where that pays (channels in sixteens, a picture or more for
 * each thread): 9 multiplications instead of 16, rounding errors as large as shim_conv2d's. First
 * derivatives only there: with create_graph backward fails.
 */
struct shim_tensor *shim_halve(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *weight, const struct shim_tensor *bias,
                               double slope);
struct shim_tensor *shim_twice(struct shim_scope *s, const struct shim_tensor *x,
                               const struct shim_tensor *weight, const struct shim_tensor *bias,
                               double slope);
/* A convolution with a k x k kernel, k odd, that keeps the resolution; LeakyReLU behind it. weight
 * (out, in, k, k); bias is wanted. On a GPU first derivatives only. */
struct shim_tensor *shim_keep(struct shim_scope *s, const struct shim_tensor *x,
                              const struct shim_tensor *weight, const struct shim_tensor *bias,
                              double slope);
struct shim_tensor *shim_leaky_relu(struct shim_scope *s, const struct shim_tensor *x,
                                    double slope);
/* Maxima and means of squares of size x size that lie side by side; what fills none is left out. */
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
struct shim_tensor *shim_reshape(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *dims);
struct shim_tensor *shim_permute(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                 const int64_t *order);
struct shim_tensor *shim_flip(struct shim_scope *s, const struct shim_tensor *x, int64_t dim);
/* Cut off from the graph: gradients do not pass. */
struct shim_tensor *shim_detach(struct shim_scope *s, const struct shim_tensor *x);
struct shim_tensor *shim_to_dtype(struct shim_scope *s, const struct shim_tensor *x,
                                  enum shim_dtype dtype);
/* The same values with channels innermost in memory ((N, C, H, W) stays the shape), or back. */
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
/* Is x > limit? A condition for shim_where. */
struct shim_tensor *shim_greater(struct shim_scope *s, const struct shim_tensor *x, double limit);
/* a where condition is not 0, else b. */
struct shim_tensor *shim_where(struct shim_scope *s, const struct shim_tensor *condition,
                               const struct shim_tensor *a, const struct shim_tensor *b);

/* ---- Reductions ----------------------------------------------------------------------------- */

/* Over all elements, to a scalar tensor. */
struct shim_tensor *shim_sum(struct shim_scope *s, const struct shim_tensor *x);
/* Over the given dimensions, which stay with size 1 where `keep`. */
struct shim_tensor *shim_sum_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                  const int64_t *dims, bool keep);
struct shim_tensor *shim_mean_over(struct shim_scope *s, const struct shim_tensor *x, size_t n_dims,
                                   const int64_t *dims, bool keep);

/* ---- Resampling; coordinates as torch's align_corners = False unless said otherwise --------- */

/* theta (N, 2, 3) to sampling coordinates (N, height, width, 2), x then y in [-1, 1]. */
struct shim_tensor *shim_affine_grid(struct shim_scope *s, const struct shim_tensor *theta,
                                     int64_t height, int64_t width);
/* x (N, C, H, W) at grid (N, h, w, 2): bilinear, reflected at the border. */
struct shim_tensor *shim_grid_sample(struct shim_scope *s, const struct shim_tensor *x,
                                     const struct shim_tensor *grid);
enum shim_resample { SHIM_NEAREST, SHIM_BILINEAR, SHIM_BICUBIC };
/* align_corners (not for NEAREST): the outermost samples keep their place. */
struct shim_tensor *shim_interpolate(struct shim_scope *s, const struct shim_tensor *x,
                                     int64_t height, int64_t width, enum shim_resample how,
                                     bool align_corners);

/* ---- Gradients ------------------------------------------------------------------------------ */

/* Adds d loss / d parameter to the gradient of every parameter that the graph reaches. Errors land
 * in the scope. create_graph records the backward pass itself, for shim_gradient of a gradient. */
void shim_backward(struct shim_scope *s, const struct shim_tensor *loss, bool create_graph);
/* d y / d x alone, without touching the parameters' gradients. y is a scalar. */
struct shim_tensor *shim_gradient(struct shim_scope *s, const struct shim_tensor *y,
                                  const struct shim_tensor *x, bool create_graph);
/*
 * fn(s, ctx, x) without its graph: it runs now, keeping nothing between x and its result, and again
 * in backward, with the scope's autocast as it is now. The same bits as fn itself, for the time of
 * one more forward pass; memory falls to the pieces' inputs and the largest piece.
 *
 *     x = shim_recompute(s, stage, &stages[0], x);
 *     x = shim_recompute(s, stage, &stages[1], x);
 *
 * ctx must live until backward is done. A parameter belongs to one piece of a pass, else it is
 * ready (shim_group_on_ready) once for each. First derivatives only; not within a recorded pass.
 * Where the scope records no gradients, fn is called and that is all.
 */
struct shim_tensor *shim_recompute(struct shim_scope *s,
                                   struct shim_tensor *(*fn)(struct shim_scope *s, const void *ctx,
                                                             struct shim_tensor *x),
                                   const void *ctx, struct shim_tensor *x);
/* A leaf of the graph with x's values, for shim_gradient with respect to an input. */
struct shim_tensor *shim_leaf(struct shim_scope *s, const struct shim_tensor *x);

/* ---- Parameter groups: flat memory ---------------------------------------------------------- */

enum shim_flat {
    SHIM_PARAMETERS,
    SHIM_GRADIENTS,
    SHIM_EXP_AVG,
    SHIM_EXP_AVG_SQ,
    SHIM_EMA, /* after shim_group_keep_average only, in memory of the group's own */
    SHIM_FLATS
};

/*
 * Parameters, gradients and Adam's two moments in one flat array each, all of `dtype` (F32 or F64)
 * and `count` elements. memory[i] is the caller's (on `device`, zeroed, outliving the group); all
 * NULL lets the group allocate. ST_MEMORY, ST_NODEVICE.
 */
enum status shim_group_new(const char *device, enum shim_dtype dtype, size_t count,
                           void *const memory[SHIM_FLATS], struct shim_group **out,
                           struct errmsg *em) MUST_CHECK;
void shim_group_free(struct shim_group *g);
/* Address of a flat array: host or device memory. */
void *shim_group_memory(const struct shim_group *g, enum shim_flat which);
/*
 * The parameter in elements [offset, offset + product of dims) of the flat array, borrowed from
 * the group. Its gradient is the same range of the flat gradient from now on: backward adds in
 * place, and shim_group_zero_gradients is how it gets back to zero.
 */
enum status shim_group_parameter(struct shim_group *g, size_t offset, size_t n_dims,
                                 const int64_t *dims, struct shim_tensor **out,
                                 struct errmsg *em) MUST_CHECK;
/*
 * Called in every backward, once a parameter that the graph reaches, when its gradient is final;
 * on a thread of libtorch's. fn NULL: no more calls.
 */
void shim_group_on_ready(struct shim_group *g, void (*fn)(void *ctx, size_t offset, size_t count),
                         void *ctx);
/* Backward computes no gradient for the parameters that lie in this range from now on; theirs stay
 * as they are, and shim_group_on_ready's function is not called for them. */
enum status shim_group_freeze(struct shim_group *g, size_t offset, size_t count,
                              struct errmsg *em) MUST_CHECK;
enum status shim_group_zero_gradients(struct shim_group *g, struct errmsg *em) MUST_CHECK;
/* Copies between host memory of the group's dtype and a range of a flat array. */
enum status shim_group_write(struct shim_group *g, enum shim_flat which, size_t offset,
                             const void *host, size_t count, struct errmsg *em) MUST_CHECK;
enum status shim_group_read(const struct shim_group *g, enum shim_flat which, size_t offset,
                            void *host, size_t count, struct errmsg *em) MUST_CHECK;
/* From one flat array to another, the same range of both. */
enum status shim_group_copy(struct shim_group *g, enum shim_flat from, enum shim_flat to,
                            size_t offset, size_t count, struct errmsg *em) MUST_CHECK;
struct shim_range {
    size_t offset, count;
};
/*
 * Keeps Adam's moments, and the average where there is one, of these ranges only, ascending and
 * apart, in memory of the group's own; {0, count} keeps all. What was kept before stays, the rest
 * is 0 (of the average: the parameters). Offsets in all calls remain
 * those of the flat arrays; a range of the moments must lie in one that is kept. ST_MEMORY.
 */
enum status shim_group_keep_moments(struct shim_group *g, const struct shim_range *ranges,
                                    size_t n_ranges, struct errmsg *em) MUST_CHECK;
/* Elements of a range that are NaN or infinite. */
enum status shim_group_nonfinite(const struct shim_group *g, enum shim_flat which, size_t offset,
                                 size_t count, int64_t *n_out, struct errmsg *em) MUST_CHECK;

struct shim_adam {
    double lr, beta1, beta2, eps;
    double weight_decay;   /* decoupled, as torch.optim.AdamW's; 0: torch.optim.Adam */
    double gradient_scale; /* factor on the gradient, which clips it; 0: none */
    double ema;            /* decay of the average in this step, where one is kept */
    int64_t step;          /* from 1 */
};
/* One step over a range; on a CPU in one pass over memory, the average included. The result does
 * not depend on how a step is divided into ranges. On a GPU a gradient_scale is left applied. */
enum status shim_group_adam(struct shim_group *g, size_t offset, size_t count,
                            const struct shim_adam *adam, struct errmsg *em) MUST_CHECK;

/* parameters -= lr * gradient over a range, which needs no moments; the average moves by ema, as in
 * shim_group_adam. The result does not depend on how a step is divided into ranges. */
enum status shim_group_sgd(struct shim_group *g, size_t offset, size_t count, double lr, double ema,
                           struct errmsg *em) MUST_CHECK;

/* Keeps a moving average of the parameters from now on, which begins at what they are; where one is
 * kept, it begins anew. */
enum status shim_group_keep_average(struct shim_group *g, struct errmsg *em) MUST_CHECK;
/* Two whole arrays change places. */
enum status shim_group_exchange(struct shim_group *g, enum shim_flat a, enum shim_flat b,
                                struct errmsg *em) MUST_CHECK;

enum { SHIM_CHUNK = 512 };
/*
 * Sums of squares, in fp64, of the chunks of SHIM_CHUNK elements of a range that begins with a
 * chunk (the last one may be shorter): each chunk's sum has the same bits whatever range it is
 * part of. Not finite where an element of the chunk is not. sums: one a chunk. Waits for a device.
 */
enum status shim_group_squares(const struct shim_group *g, enum shim_flat which, size_t offset,
                               size_t count, double *sums, struct errmsg *em) MUST_CHECK;
/* The same of elements in host memory, of the group's dtype. */
enum status shim_group_squares_of(const struct shim_group *g, const void *elements, size_t count,
                                  double *sums, struct errmsg *em) MUST_CHECK;

/* ---- Recorded passes: CUDA graphs ------------------------------------------------------------ */

/*
 * A pass that is made again and again with other numbers, as one CUDA graph: to launch many short
 * kernels one by one takes longer than to run them.
 *
 *     shim_graph_begin(scope, graph);                  // first: records; later: only takes memory
 *     struct shim_tensor *x = shim_from_memory(scope, SHIM_U8, images, 4, dims);
 *     struct shim_tensor *loss = shim_sum(scope, x);  // the same calls with the same arguments
 *     shim_backward(scope, loss, false);
 *     shim_graph_end(scope, graph);                    // runs it
 *     shim_to_memory(scope, loss, SHIM_F64, &value, 1);
 *     shim_scope_reset(scope);
 *
 * Each time the calls in between are the same, with the same scalars and sizes; what differs is in
 * the memory given to shim_from_memory, and in that of the group. Other calls are an error in the
 * scope; other scalars are not noticed. Record after the same calls have been made without a graph
 * a few times, so that libtorch has chosen its kernels. Tensors keep their memory until the graph
 * is freed, and their values until it runs again. The group's shim_group_on_ready is called in
 * shim_graph_end, from the caller's thread, after the pass has been queued.
 */
struct shim_graph;

/* ST_TORCH where the scope is on no GPU. */
enum status shim_graph_new(const struct shim_scope *s, struct shim_group *group,
                           struct shim_graph **out, struct errmsg *em) MUST_CHECK;
void shim_graph_free(struct shim_graph *g);
/* Errors land in the scope. NULL: the calls in between are made as they are. */
void shim_graph_begin(struct shim_scope *s, struct shim_graph *g);
void shim_graph_end(struct shim_scope *s, struct shim_graph *g);

/* ---- Archives: what torch.save writes ------------------------------------------------------- */

/*
 * A tree of dicts, lists, tuples, numbers, strings and tensors, and further named records, in one
 * .pt file that torch.load(weights_only=True) reads. Building it follows the rules of scopes: the
 * archive owns all values, the first error stays, shim_archive_check or _write reports it.
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
 * Reads a file whose zip structure and checksums are known to be good: libtorch's reader checks
 * neither. ST_NOINPUT where it cannot be opened; ST_DATA where its pickle or its tensors cannot be
 * read, or hold anything but the kinds above. Nothing in it is ever executed.
 */
enum status shim_archive_read(const char *path, struct shim_archive **out,
                              struct errmsg *em) MUST_CHECK;
void shim_archive_free(struct shim_archive *a);
enum status shim_archive_check(const struct shim_archive *a, struct errmsg *em) MUST_CHECK;
/* The dict at the top. */
struct shim_value *shim_archive_root(struct shim_archive *a);
/* Streams to path, with one more uncompressed record where record_name is not NULL; hash (or NULL)
 * takes all bytes of the file. ST_IO names the reason of the operating system. The file is not
 * synced, and not removed on failure. */
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
/* A copy of host memory, stored as it is. n_dims 0 is a scalar tensor. */
struct shim_value *shim_value_tensor(struct shim_archive *a, enum shim_dtype dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims);
/* Host memory itself, not a copy: the caller's, unchanged until the archive is freed. */
struct shim_value *shim_value_view(struct shim_archive *a, enum shim_dtype dtype,
                                   const void *memory, size_t n_dims, const int64_t *dims);
/* A copy of a range of a group's flat array, from whatever device, as dtype and with a shape. */
struct shim_value *shim_value_range(struct shim_archive *a, const struct shim_group *g,
                                    enum shim_flat which, size_t offset, enum shim_dtype dtype,
                                    size_t n_dims, const int64_t *dims);
/* Into a dict under a string or a number; onto the end of a list. */
void shim_put(struct shim_archive *a, struct shim_value *dict, const char *key,
              struct shim_value *x);
void shim_put_at(struct shim_archive *a, struct shim_value *dict, int64_t key,
                 struct shim_value *x);
void shim_append(struct shim_archive *a, struct shim_value *list, struct shim_value *x);

/* Reading. NULL in, a key that is not there, or a value that is no dict gives NULL: no error. */
struct shim_value *shim_get(struct shim_archive *a, const struct shim_value *dict, const char *key);
struct shim_value *shim_get_at(struct shim_archive *a, const struct shim_value *dict_or_list,
                               int64_t key);
bool shim_get_bool(const struct shim_value *v, bool *out);
bool shim_get_int(const struct shim_value *v, int64_t *out);
bool shim_get_double(const struct shim_value *v, double *out); /* of an int too */
/* Borrowed until the archive is freed; NULL where v is no string. */
const char *shim_get_string(const struct shim_value *v);
/* Shape and element type of a tensor; false where v is no tensor of a dtype known here. */
bool shim_get_tensor(const struct shim_value *v, enum shim_dtype *dtype_out, size_t *n_dims_out,
                     int64_t dims_out[SHIM_DIMS_MAX]);
/* A tensor without NaN and infinities? */
bool shim_is_finite(const struct shim_value *v);
/* Copies a tensor's elements into a range of a group's flat array. ST_DATA where count differs. */
enum status shim_read_range(const struct shim_value *v, struct shim_group *g, enum shim_flat which,
                            size_t offset, size_t count, struct errmsg *em) MUST_CHECK;
/* Its elements in row-major order, converted to dtype (F32 or F64). ST_DATA where count differs. */
enum status shim_read_tensor(const struct shim_value *v, enum shim_dtype dtype, void *memory,
                             size_t count, struct errmsg *em) MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

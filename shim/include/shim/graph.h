/*
 * Recorded passes: CUDA graphs.
 *
 * Records a forward and backward pass as one CUDA graph and runs it again with new data. Launching
 * many short kernels one by one takes longer than running them.
 *
 *     shim_graph_begin(scope, graph);                 // first time: records; later: copies data
 *     struct shim_tensor *x = shim_from_memory(scope, SHIM_U8, images, 4, dims);
 *     struct shim_tensor *loss = shim_sum(scope, x);  // the same calls every time
 *     shim_backward(scope, loss, false);
 *     shim_graph_end(scope, graph);                   // runs the graph
 *     shim_to_memory(scope, loss, SHIM_F64, &value, 1);
 *     shim_scope_reset(scope);
 *
 * Between begin and end, make the same calls with the same scalars and sizes every time. Only the
 * contents of the group and of the memory given to shim_from_memory may change. A different call is
 * an error in the scope; a different scalar is not noticed. Make the calls a few times without a
 * graph first, so that libtorch has chosen its kernels. Tensors keep their memory until the graph
 * is freed, and their values until it runs again. shim_graph_end calls shim_group_on_ready's
 * function, on the caller's thread, after it has queued the pass.
 */
#ifndef BIFRONS_SHIM_GRAPH_H
#define BIFRONS_SHIM_GRAPH_H

#include "shim/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shim_graph;

/* ST_TORCH if the scope is not on a GPU. */
enum status shim_graph_new(const struct shim_scope *s, struct shim_group *group,
                           struct shim_graph **out, struct errmsg *em) MUST_CHECK;
void shim_graph_free(struct shim_graph *g);
/* Errors land in the scope. With NULL the calls in between run as usual. */
void shim_graph_begin(struct shim_scope *s, struct shim_graph *g);
void shim_graph_end(struct shim_scope *s, struct shim_graph *g);

#ifdef __cplusplus
}
#endif

#endif

#include "plan_memory.h"

#include <math.h>

#include "base/checked.h"
#include "base/poison.h"

static const double FP32 = 4, BF16 = 2; /* bytes */

struct plan_run plan_run_of(const struct config *c, int64_t ranks)
{
    struct plan_run r = {
        .ranks = ranks,
        .global_batch = c->train.global_batch,
        .accumulate = c->train.accumulate,
        .zero = c->train.zero > 0 && ranks > 1,
        .ema = c->train.ema > 0,
        .bf16 = c->train.precision != PRECISION_FP32,
        .recompute = c->train.recompute,
        .bf16_wire = c->comm.wire == WIRE_BF16,
        .overlapped = !c->train.reproducible,
        .graph = c->loss.adversarial > 0 || c->train.recompute
                     ? GRAPH_OFF /* then there is no graph */
                     : (enum config_graph)c->train.cuda_graph,
    };
    if (c->train.reproducible) /* each slot alone */
        r.accumulate = (plan_share(&r) + c->train.slot_size - 1) / c->train.slot_size;
    return r;
}

int64_t plan_share(const struct plan_run *r)
{
    return (r->global_batch + r->ranks - 1) / r->ranks;
}

int64_t plan_micro(const struct plan_run *r)
{
    return (plan_share(r) + r->accumulate - 1) / r->accumulate;
}

static double results_of(const struct plan_layer *l, bool cpu)
{
    return (cpu ? l->cpu_results : l->results) * l->out;
}

/* True if the next layer begins another piece: then the output of this layer is kept. */
static bool ends_piece(const struct plan_work *w, size_t layer)
{
    return layer + 1 == w->n_layers || w->layers[layer + 1].begins_piece;
}

/* Elements that the layers keep until the end of the step, for a pair. */
static double kept_results(const struct plan_work *w, const struct plan_run *r, bool cpu)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_layers; i++) {
        const struct plan_layer *l = &w->layers[i];
        double results = results_of(l, cpu);
        sum += l->plain * results;
        if (r->recompute && plan_layer_recomputable(l))
            sum += ends_piece(w, i) ? l->forward * l->out : 0;
        else
            sum += l->forward * results;
    }
    return sum;
}

/* The workspace of backward, for the layer or piece that needs most: the gradients of input and
 * output of a layer, the gradients of its weights before they are added to the flat gradient, and
 * with recomputation the results inside the piece. */
static double largest_workspace(const struct plan_work *w, const struct plan_run *r, double element,
                                bool cpu)
{
    double most = 0, piece = 0, micro = (double)plan_micro(r);
    for (size_t i = 0; i < w->n_layers; i++) {
        const struct plan_layer *l = &w->layers[i];
        bool again = r->recompute && plan_layer_recomputable(l);
        piece = again ? (l->begins_piece ? 0 : piece) + l->forward * results_of(l, cpu) : 0;
        double ends = l->forward * (l->in + 2 * l->out) + piece;
        double weights = l->weight_gradients > 0 ? l->parameters * FP32 : 0;
        most = fmax(most, micro * ends * element + weights);
    }
    return most;
}

struct plan_memory plan_memory_of(const struct plan_work *w, const struct plan_run *r,
                                  const struct cluster *cluster)
{
    double n = plan_parameters_all(w), discriminators = plan_parameters(w, PLAN_DISCRIMINATORS),
           micro = (double)plan_micro(r);
    double element = r->bf16 ? BF16 : FP32, average = r->ema ? n : 0;
    bool cpu = cluster && !cluster->gpu;
    struct plan_memory m = {
        .parameters = n * FP32,
        .gradients = n * FP32,
        .moments = (2 * n + average) * FP32 / (r->zero ? (double)r->ranks : 1),
        .casts = r->bf16 ? n * BF16 : 0,
        .frozen = plan_parameters(w, PLAN_PERCEPTUAL) * element,
        .discriminator = 4 * discriminators * FP32,
        .activations = micro * kept_results(w, r, cpu) * element,
        .pictures = micro * ((w->augmentation.kept + w->losses.kept) * FP32 + w->stored_bytes),
        .workspace = largest_workspace(w, r, element, cpu),
        .reserved = cluster ? cluster->device.reserved_bytes : 0,
        .copy = (3 * (n + discriminators) + average) * FP32,
    };
    m.total = m.parameters + m.gradients + m.moments + m.casts + m.frozen + m.discriminator +
              m.activations + m.pictures + m.workspace + m.reserved;
    return m;
}

bool plan_takes_graph(const struct plan_work *w, const struct plan_run *r)
{
    const double small = 1 << 30; /* each kind of batch has its own graph */
    if (r->graph != GRAPH_AUTO)
        return r->graph == GRAPH_ON;
    return !r->recompute && plan_memory_of(w, r, NULL).activations < small;
}

bool plan_fits(const struct plan_memory *m, const struct plan_run *r, const struct cluster *cluster)
{
    double on_node = fmin((double)r->ranks, cluster->node.devices);
    double host = m->copy + (cluster->gpu ? 0 : on_node * m->total);
    return host <= cluster->node.memory_bytes &&
           (!cluster->gpu || m->total <= cluster->device.memory_bytes);
}

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
        .bf16 = c->train.precision != PRECISION_FP32,
        .bf16_wire = c->comm.wire == WIRE_BF16,
        .overlapped = !c->train.cuda_graph && !c->train.reproducible,
        .graph = c->train.cuda_graph && c->loss.adversarial == 0, /* it is left out then */
    };
    if (c->train.reproducible) /* slot by slot */
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

/* Results of layers, in bytes a pair. */
static double layer_results(const struct plan_work *w, double element, bool fused)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_layers; i++) {
        const struct plan_layer *l = &w->layers[i];
        double results = fused ? l->fused_results : l->results;
        sum += results * (l->forward + l->plain) * l->out * element;
    }
    return sum;
}

/* The layer that needs most beside what is kept: gradients at both its ends, for each picture of
 * the micro-batch, and of its weights before they are added to the flat gradient. */
static double largest_workspace(const struct plan_work *w, double micro, double element)
{
    double most = 0;
    for (size_t i = 0; i < w->n_layers; i++) {
        const struct plan_layer *l = &w->layers[i];
        double ends = micro * l->forward * (l->in + 2 * l->out) * element;
        double weights = l->weight_gradients > 0 ? l->parameters * FP32 : 0;
        most = fmax(most, ends + weights);
    }
    return most;
}

struct plan_memory plan_memory_of(const struct plan_work *w, const struct plan_run *r,
                                  const struct cluster *cluster)
{
    double n = plan_parameters_all(w), rivals = plan_parameters(w, PLAN_ADVERSARY),
           micro = (double)plan_micro(r);
    double element = r->bf16 ? BF16 : FP32;
    bool fused = cluster && !cluster->gpu;
    struct plan_memory m = {
        .parameters = n * FP32,
        .gradients = n * FP32,
        .moments = 2 * n * FP32 / (r->zero ? (double)r->ranks : 1),
        .casts = r->bf16 ? n * BF16 : 0,
        .frozen = plan_parameters(w, PLAN_PERCEPTUAL) * element,
        .adversary = 4 * rivals * FP32,
        .activations = micro * layer_results(w, element, fused),
        .pictures = micro * ((w->augmentation.kept + w->losses.kept) * FP32 + w->stored_bytes),
        .workspace = largest_workspace(w, micro, element),
        .reserved = cluster ? cluster->device.reserved_bytes : 0,
        .copy = 3 * (n + rivals) * FP32,
    };
    m.total = m.parameters + m.gradients + m.moments + m.casts + m.frozen + m.adversary +
              m.activations + m.pictures + m.workspace + m.reserved;
    return m;
}

bool plan_fits(const struct plan_memory *m, const struct plan_run *r, const struct cluster *cluster)
{
    double on_node = fmin((double)r->ranks, cluster->node.devices);
    double host = m->copy + (cluster->gpu ? 0 : on_node * m->total);
    return host <= cluster->node.memory_bytes &&
           (!cluster->gpu || m->total <= cluster->device.memory_bytes);
}

#include "plan_time.h"

#include <math.h>

#include "base/checked.h"
#include "base/poison.h"

static const double FP32 = 4, BF16 = 2; /* bytes */

/* Operations of a layer. Forward: convolution and activation, and with bf16 a cast of the weights.
 * Backward: their gradients. Weights: gradients of weights and bias, and adding them to the flat
 * gradient. */
enum { FORWARD = 2, FORWARD_CASTS = 1, BACKWARD = 2, WEIGHTS = 4 };
/* Passes over the flat arrays in a step: gradients are set to zero and checked for NaN; then Adam
 * reads four arrays and writes three. */
enum { PASSES_EVERY_RANK = 1, PASSES_SHARED = 8, UPDATE_OPERATIONS = 4 };
/* The gradients of weights of a micro-batch are written, read, and added to the flat gradient. */
enum { WEIGHT_GRADIENT_PASSES = 4 };

/* ---- Costs ----------------------------------------------------------------------------------- */

static void add(struct plan_cost *sum, struct plan_cost more)
{
    sum->flops += more.flops;
    sum->bytes += more.bytes;
    sum->operations += more.operations;
}

/* The factor on a layer's FLOPs because channels are computed in tiles. */
static double padding(const struct plan_layer *l, const struct cluster *c)
{
    double tile = c->device.channel_tile, in = l->channels_in, out = l->channels_out;
    return ceil(in / tile) * tile / in * ceil(out / tile) * tile / out;
}

static struct plan_cost forward_cost(const struct plan_layer *l, const struct plan_run *r,
                                     const struct cluster *c)
{
    double n = (double)plan_micro(r) * (l->forward + l->plain), element = r->bf16 ? BF16 : FP32;
    double passes = (l->forward > 0) + (l->plain > 0);
    return (struct plan_cost){
        .flops = n * l->flops * padding(l, c),
        .bytes =
            n * (l->in + l->out) * element + passes * l->parameters * (FP32 + (r->bf16 ? BF16 : 0)),
        .operations = passes * (FORWARD + (r->bf16 ? FORWARD_CASTS : 0)),
    };
}

static struct plan_cost backward_cost(const struct plan_layer *l, const struct plan_run *r,
                                      const struct cluster *c)
{
    double micro = (double)plan_micro(r), element = r->bf16 ? BF16 : FP32;
    double gradients = micro * (l->input_gradients + l->weight_gradients);
    bool learns = l->weight_gradients > 0, again = r->recompute && plan_layer_recomputable(l);
    double repeated = again ? micro * l->forward : 0;
    return (struct plan_cost){
        .flops = (gradients + repeated) * l->flops * padding(l, c),
        .bytes = ((gradients + repeated) * (l->in + l->out) + micro * l->forward * 3 * l->out) *
                     element +
                 l->parameters * ((learns ? WEIGHT_GRADIENT_PASSES * FP32 : 0) + element),
        .operations = BACKWARD + (again ? FORWARD + (r->bf16 ? FORWARD_CASTS : 0) : 0) +
                      (learns ? WEIGHTS : 0),
    };
}

static struct plan_cost pictures_cost(const struct plan_run *r, double moved, double flops,
                                      double operations)
{
    double micro = (double)plan_micro(r);
    return (struct plan_cost){micro * flops, micro * moved * FP32, operations};
}

static struct plan_cost update_cost(const struct plan_work *w, const struct plan_run *r)
{
    double bytes = plan_parameters_all(w) * FP32, ranks = r->zero ? (double)r->ranks : 1;
    double discriminators = plan_parameters(w, PLAN_DISCRIMINATORS) * FP32;
    return (struct plan_cost){
        .bytes = bytes * (PASSES_EVERY_RANK + PASSES_SHARED / ranks) +
                 discriminators * (PASSES_EVERY_RANK + PASSES_SHARED),
        .operations = UPDATE_OPERATIONS * (discriminators > 0 ? 2 : 1),
    };
}

/* ---- Time of computing ----------------------------------------------------------------------- */

/* Rates of a rank, which may share its device with others. */
struct rates {
    double flops, fp32_flops, bytes, kernel_s;
};

static struct rates rates_of(const struct cluster *c, const struct plan_run *r, double share)
{
    const struct cluster_arithmetic *of = r->bf16 ? &c->device.bf16 : &c->device.fp32;
    return (struct rates){
        .flops = of->peak_flops_per_s * of->fraction / share,
        .fp32_flops = c->device.fp32.peak_flops_per_s * c->device.fp32.fraction / share,
        .bytes = c->device.memory_bytes_per_s * c->device.memory_fraction / share,
        .kernel_s = c->device.kernel_s * share,
    };
}

static double time_at(const struct rates *rates, double flops_rate, struct plan_cost cost)
{
    return cost.flops / flops_rate + cost.bytes / rates->bytes + cost.operations * rates->kernel_s;
}

static double network_time(const struct rates *rates, struct plan_cost cost)
{
    return time_at(rates, rates->flops, cost);
}

/* Outside the network everything is fp32. */
static double pictures_time(const struct rates *rates, struct plan_cost cost)
{
    return time_at(rates, rates->fp32_flops, cost);
}

/* ---- Communication --------------------------------------------------------------------------- */

struct plan_placement plan_place(double ranks, const struct cluster *c)
{
    double nodes = fmin(ceil(ranks / c->node.devices), c->node.count);
    double on_node = ceil(ranks / nodes);
    return (struct plan_placement){nodes, on_node, fmax(on_node / c->node.devices, 1)};
}

/* Each of n ranks or nodes sends (n - 1) / n of the bytes; the rounds are those of a tree. */
static double half_sum_s(double bytes, double n, const struct cluster_link *link)
{
    if (n <= 1)
        return 0;
    return (n - 1) / n * bytes / link->bytes_per_s + ceil(log2(n)) * link->latency_s;
}

/* The time of a reduce-scatter; an all-gather takes the same. */
static double half_all_reduce_s(double bytes, double ranks, const struct cluster *c)
{
    struct plan_placement at = plan_place(ranks, c);
    return half_sum_s(bytes, at.ranks_a_node, &c->within) +
           half_sum_s(bytes, at.nodes, &c->between);
}

double plan_all_reduce_s(double bytes, double ranks, const struct cluster *c)
{
    return 2 * half_all_reduce_s(bytes, ranks, c);
}

/* When the gradients of layers are ready in the last backward, last layer first. */
struct readiness {
    size_t n;
    double end_s; /* of that backward */
    double at_s[PLAN_LAYERS_MAX], bytes[PLAN_LAYERS_MAX];
};

/* Time of a sum of n bytes: fixed_s + n * s_per_byte. */
struct bucket_time {
    double fixed_s, s_per_byte;
};

static struct bucket_time bucket_time_of(const struct plan_run *r, const struct cluster *c)
{
    const double probe = 1e9, part = r->zero ? 0.5 : 1; /* with zero all-gather is after the
                                                         * update */
    double fixed_s = part * plan_all_reduce_s(0, (double)r->ranks, c);
    double probe_s = part * plan_all_reduce_s(probe, (double)r->ranks, c);
    return (struct bucket_time){fixed_s, (probe_s - fixed_s) / probe};
}

/* When the last sum ends with the best choice of buckets (runs of layers). A bucket starts when its
 * last layer is ready and the link is free. The same dynamic programming as comm/reducer_plan.c. */
static double last_sum_ends(const struct readiness *ready, struct bucket_time takes)
{
    double ends[PLAN_LAYERS_MAX + 1] = {0};
    for (size_t j = 1; j <= ready->n; j++) {
        double bytes = 0;
        ends[j] = INFINITY;
        for (size_t i = j; i-- > 0;) {
            bytes += ready->bytes[i];
            double start = fmax(ends[i], ready->at_s[j - 1]);
            ends[j] = fmin(ends[j], start + takes.fixed_s + takes.s_per_byte * bytes);
        }
    }
    return ends[ready->n];
}

/* ---- A step ---------------------------------------------------------------------------------- */

static void add_network(struct plan_step *s, const struct plan_work *w, const struct plan_run *r,
                        const struct cluster *c, const struct rates *rates, struct readiness *ready)
{
    double micros = (double)r->accumulate, backward_s = 0;
    for (size_t i = 0; i < w->n_layers; i++) {
        struct plan_cost cost = forward_cost(&w->layers[i], r, c);
        s->forward += micros * network_time(rates, cost);
        add(&s->arithmetic, cost);
    }
    for (size_t i = w->n_layers; i-- > 0;) {
        struct plan_cost cost = backward_cost(&w->layers[i], r, c);
        double took = network_time(rates, cost);
        s->backward += micros * took;
        backward_s += took;
        if (w->layers[i].part < PLAN_NETWORK) {
            ready->at_s[ready->n] = backward_s;
            ready->bytes[ready->n++] = w->layers[i].parameters * (r->bf16_wire ? BF16 : FP32);
        }
        add(&s->arithmetic, cost);
    }
    ready->end_s = backward_s;
    s->arithmetic.flops *= micros;
    s->arithmetic.bytes *= micros;
    s->arithmetic.operations *= micros;
    add(&s->compute, s->arithmetic);
}

/* Adds the operations on whole pictures, for each micro-batch. */
static double add_pictures(struct plan_step *s, const struct plan_run *r, const struct rates *rates,
                           struct plan_cost cost)
{
    double micros = (double)r->accumulate;
    add(&s->compute,
        (struct plan_cost){micros * cost.flops, micros * cost.bytes, micros * cost.operations});
    return micros * pictures_time(rates, cost);
}

static void add_communication(struct plan_step *s, const struct plan_work *w,
                              const struct plan_run *r, const struct cluster *c,
                              const struct readiness *ready)
{
    double n = plan_parameters_all(w), ranks = (double)r->ranks;
    if (ranks <= 1)
        return;
    s->reduced_bytes = n * (r->bf16_wire ? BF16 : FP32);
    s->sent_bytes = 2 * (ranks - 1) / ranks * s->reduced_bytes;
    struct bucket_time takes = bucket_time_of(r, c);
    double backward_s = ready->end_s, whole = takes.fixed_s + takes.s_per_byte * s->reduced_bytes;
    bool overlapped = r->overlapped && !(c->gpu && plan_takes_graph(w, r));
    double ends = overlapped ? last_sum_ends(ready, takes) : backward_s + whole;
    s->exposed = fmax(ends - backward_s, 0);
    s->hidden = fmax(whole - s->exposed, 0);
    s->slowed = s->hidden * (1 - c->overlap);
    if (r->zero)
        s->exposed += half_all_reduce_s(n * FP32, ranks, c);
    double discriminators =
        plan_parameters(w, PLAN_DISCRIMINATORS) * FP32; /* summed separately, after backward */
    if (discriminators > 0)
        s->exposed += plan_all_reduce_s(discriminators, ranks, c);
}

/* The time that the host adds: on a CPU all of its time; with a GPU the part that is longer than
 * the device's time. */
static double host_s(const struct plan_cost *all, double device_s, bool graph,
                     const struct cluster *c, double share)
{
    double issue_s = graph ? 0 : all->operations * c->device.launch_s;
    return c->gpu ? c->device.step_s + fmax(issue_s - device_s, 0)
                  : share * (c->device.step_s + issue_s);
}

/* A separate thread reads the pictures of the next step. With a GPU, a step waits if reading takes
 * longer than the rest of the step; on a CPU, reading uses the same cores. */
static double data_s(double bytes, double rest_s, const struct cluster *c, double share)
{
    double read_s = bytes / c->device.data_bytes_per_s, upload = c->device.upload_bytes_per_s;
    if (!c->gpu)
        return read_s * share;
    return fmax(read_s - rest_s, 0) + (upload > 0 ? bytes / upload : 0);
}

struct plan_step plan_step_of(const struct plan_work *w, const struct plan_run *r,
                              const struct cluster *c)
{
    struct plan_step s = {0};
    struct readiness ready = {0};
    struct plan_placement at = plan_place((double)r->ranks, c);
    struct rates rates = rates_of(c, r, at.share);
    add_network(&s, w, r, c, &rates, &ready);
    const struct plan_pictures *a = &w->augmentation, *l = &w->losses;
    s.augmentation =
        add_pictures(&s, r, &rates,
                     pictures_cost(r, a->forward_moved, a->forward_flops, a->forward_operations));
    s.losses =
        add_pictures(&s, r, &rates,
                     pictures_cost(r, l->forward_moved, l->forward_flops, l->forward_operations));
    s.losses += add_pictures(&s, r, &rates,
                             pictures_cost(r, l->backward_moved, l->backward_flops,
                                           l->backward_operations));
    struct plan_cost update = update_cost(w, r);
    add(&s.compute, update);
    s.update = pictures_time(&rates, update);
    add_communication(&s, w, r, c, &ready);
    double device_s = s.augmentation + s.forward + s.backward + s.losses + s.update;
    s.host = host_s(&s.compute, device_s, c->gpu && plan_takes_graph(w, r), c, at.share);
    s.total = device_s + s.exposed + s.slowed + s.host;
    s.stored_bytes = (double)plan_share(r) * w->stored_bytes;
    s.data = data_s(s.stored_bytes, s.total, c, at.share);
    s.total += s.data;
    return s;
}

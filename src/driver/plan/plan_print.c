/* Prints the plan as tables. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/clock.h"
#include "plan.h"

#include "base/poison.h"

enum { TEXT_BYTES = 32 };

/* ---- Numbers for people ---------------------------------------------------------------------- */

static const char *in_units(double value, double base, const char *const *units, size_t n_units,
                            char out[static TEXT_BYTES])
{
    size_t unit = 0;
    while (unit + 1 < n_units && value >= 999.5) {
        value /= base;
        unit++;
    }
    int decimals = value >= 99.95 || value == 0 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, TEXT_BYTES, "%.*f %s", decimals, value, units[unit]);
    return out;
}

static const char *bytes_text(double bytes, char out[static TEXT_BYTES])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    return in_units(bytes / 1e3, 1e3, units, ARRAY_LENGTH(units), out);
}

static const char *flops_text(double flops, char out[static TEXT_BYTES])
{
    static const char *const units[] = {"MFLOP", "GFLOP", "TFLOP", "PFLOP"};
    return in_units(flops / 1e6, 1e3, units, ARRAY_LENGTH(units), out);
}

static const char *time_text(double seconds, char out[static TEXT_BYTES])
{
    static const char *const small[] = {"us", "ms"};
    if (seconds < 0.9995)
        return in_units(seconds * 1e6, 1e3, small, ARRAY_LENGTH(small), out);
    if (seconds < 99.95)
        snprintf(out, TEXT_BYTES, "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
    else
        clock_format_duration(seconds, out, TEXT_BYTES);
    return out;
}

/* 6,696,134 */
static const char *count_text(double count, char out[static TEXT_BYTES])
{
    char digits[TEXT_BYTES];
    int n = snprintf(digits, sizeof digits, "%.0f", count), at = 0;
    for (int i = 0; i < n && at + 2 < TEXT_BYTES; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* ---- Sections -------------------------------------------------------------------------------- */

static void print_head(FILE *f, const struct plan *p)
{
    char n[TEXT_BYTES];
    const struct config *c = p->request.config;
    fprintf(f, "%s: %s parameters, %d px, %s, %" PRId64 " + %" PRId64 " pictures a step\n", c->name,
            count_text(plan_parameters_all(&p->work), n), c->model.image_size,
            p->precision == PLAN_BF16 ? "bf16" : "fp32", p->run.global_batch, p->run.global_batch);
    fprintf(f, "on %" PRId64 " rank%s, %" PRId64 " + %" PRId64 " pictures each", p->run.ranks,
            PLURAL(p->run.ranks), plan_share(&p->run), plan_share(&p->run));
    if (p->run.accumulate > 1)
        fprintf(f, " in %" PRId64 " pieces", p->run.accumulate);
    fprintf(f, "%s\n", p->run.zero ? ", the optimizer's state shared out" : "");
}

static void print_network_row(FILE *f, const char *name, double parameters, double forward,
                              double backward)
{
    char a[TEXT_BYTES], b[TEXT_BYTES], c[TEXT_BYTES];
    fprintf(f, "  %-24s%14s%16s%16s\n", name, parameters > 0 ? count_text(parameters, a) : "",
            forward > 0 ? flops_text(forward, b) : "", flops_text(backward, c));
}

static void print_network(FILE *f, const struct plan *p)
{
    const struct plan_work *w = &p->work;
    double batch = (double)p->run.global_batch;
    fprintf(f, "\n%-26s%14s%16s%16s\n", "Work of a pair, A and B", "parameters", "forward",
            "backward");
    for (enum plan_part part = 0; part < PLAN_PARTS; part++) {
        double forward = 0, backward = 0;
        for (size_t i = 0; i < w->n_layers; i++) {
            const struct plan_layer *l = &w->layers[i];
            forward += l->part == part ? plan_layer_forward_flops(l) : 0;
            backward += l->part == part ? plan_layer_backward_flops(l) : 0;
        }
        if (forward > 0)
            print_network_row(f, plan_part_name(part), plan_parameters(w, part), forward, backward);
    }
    if (w->losses.forward_flops > 0)
        print_network_row(f, "losses", 0, w->losses.forward_flops, w->losses.backward_flops);
    print_network_row(f, "all", plan_parameters_all(w), plan_forward_flops(w),
                      plan_backward_flops(w));
    double again = p->run.recompute ? plan_recomputed_flops(w) : 0;
    if (again > 0)
        print_network_row(f, "computed again", 0, 0, again);
    print_network_row(f, "a step, over all ranks", 0, batch * plan_forward_flops(w),
                      batch * (plan_backward_flops(w) + again));
}

static void print_pair(FILE *f, const char *name, const char *fp32, const char *bf16)
{
    fprintf(f, "  %-24s%14s%16s\n", name, fp32, bf16);
}

static void print_bytes(FILE *f, const char *name, double fp32, double bf16)
{
    char a[TEXT_BYTES], b[TEXT_BYTES];
    print_pair(f, name, fp32 > 0 ? bytes_text(fp32, a) : "-", bf16 > 0 ? bytes_text(bf16, b) : "-");
}

static void print_verdict(FILE *f, const struct plan *p)
{
    char a[TEXT_BYTES], b[TEXT_BYTES];
    const struct cluster *c = p->request.cluster;
    print_pair(f, c->gpu ? "in a GPU's memory" : "in the node's memory",
               p->fits[PLAN_FP32] ? "fits" : "too much", p->fits[PLAN_BF16] ? "fits" : "too much");
    if (c->gpu)
        fprintf(f, "  a GPU has %s, its node %s; ", bytes_text(c->device.memory_bytes, a),
                bytes_text(c->node.memory_bytes, b));
    else
        fprintf(f, "  a node has %s for %.0f ranks; ", bytes_text(c->node.memory_bytes, a),
                fmin((double)p->run.ranks, c->node.devices));
    fprintf(f, "up to %" PRId64 " pairs at once fit a rank in %s\n", p->micro_max,
            p->precision == PLAN_BF16 ? "bf16" : "fp32");
    if (p->n_advice > 0)
        fprintf(f, "  It does not fit. Change one of:\n");
    for (size_t i = 0; i < p->n_advice; i++)
        fprintf(f, "    %s\n", p->advice[i]);
}

static void print_memory(FILE *f, const struct plan *p)
{
    const struct plan_memory *a = &p->memory[PLAN_FP32], *b = &p->memory[PLAN_BF16];
    char one[TEXT_BYTES], other[TEXT_BYTES];
    fprintf(f, "\n%-26s%14s%16s\n", "Memory of a rank", "fp32", "bf16");
    print_bytes(f, "parameters", a->parameters, b->parameters);
    print_bytes(f, "gradients", a->gradients, b->gradients);
    print_bytes(f, "Adam's moments", a->moments, b->moments);
    print_bytes(f, "bf16 copies of weights", a->casts, b->casts);
    if (a->frozen > 0)
        print_bytes(f, "perceptual network", a->frozen, b->frozen);
    if (a->discriminator > 0)
        print_bytes(f, "discriminators", a->discriminator, b->discriminator);
    print_bytes(f, "activations", a->activations, b->activations);
    print_bytes(f, "pictures and losses", a->pictures, b->pictures);
    print_bytes(f, "backward's workspace", a->workspace, b->workspace);
    if (a->reserved > 0)
        print_bytes(f, "libraries", a->reserved, b->reserved);
    print_bytes(f, "all", a->total, b->total);
    print_bytes(f, "rank 0's saved copy", a->copy, b->copy);
    if (p->request.cluster)
        print_verdict(f, p);
    double n = plan_parameters_all(&p->work), ranks = (double)p->run.ranks;
    double reduced = n * (p->run.bf16_wire ? 2 : 4);
    if (p->run.ranks > 1)
        fprintf(f, "  summed over ranks each step: %s of gradients; a rank sends %s\n",
                bytes_text(reduced, one), bytes_text(2 * (ranks - 1) / ranks * reduced, other));
}

static void print_seconds(FILE *f, const char *name, double fp32, double bf16)
{
    char a[TEXT_BYTES], b[TEXT_BYTES];
    if (fp32 > 0 || bf16 > 0)
        print_pair(f, name, time_text(fp32, a), time_text(bf16, b));
}

static void print_step(FILE *f, const struct plan *p)
{
    const struct plan_step *a = &p->step[PLAN_FP32], *b = &p->step[PLAN_BF16];
    fprintf(f, "\n%-26s%14s%16s   on %s\n", "Time of a step", "fp32", "bf16",
            p->request.cluster->name);
    print_seconds(f, "reading pictures", a->data, b->data);
    print_seconds(f, "augmentation", a->augmentation, b->augmentation);
    print_seconds(f, "forward", a->forward, b->forward);
    print_seconds(f, "losses", a->losses, b->losses);
    print_seconds(f, "backward", a->backward, b->backward);
    print_seconds(f, "slowed by communication", a->slowed, b->slowed);
    print_seconds(f, "waiting for communication", a->exposed, b->exposed);
    print_seconds(f, "optimizer", a->update, b->update);
    print_seconds(f, "host", a->host, b->host);
    print_seconds(f, "all", a->total, b->total);
}

static void print_curve(FILE *f, const struct plan_curve *curve, const char *title)
{
    char step[TEXT_BYTES], epoch[TEXT_BYTES], speed[TEXT_BYTES];
    fprintf(f, "\n%s\n%8s%10s%12s%14s%12s%12s\n", title, "ranks", "batch", "a step", "pictures/s",
            "efficiency", "an epoch");
    for (size_t i = 0; i < curve->n; i++) {
        const struct plan_point *q = &curve->points[i];
        fprintf(f, "%8" PRId64 "%10" PRId64 "%12s%14s%10.0f %%%12s\n", q->ranks, q->global_batch,
                time_text(q->step_s, step), count_text(q->pictures_s, speed), 100 * q->efficiency,
                time_text(q->epoch_s, epoch));
    }
}

void plan_print(FILE *f, const struct plan *p)
{
    char title[160];
    print_head(f, p);
    print_network(f, p);
    print_memory(f, p);
    if (p->request.cluster) {
        print_step(f, p);
        snprintf(title, sizeof title,
                 "Weak scaling: %" PRId64 " + %" PRId64 " pictures a rank, epochs of %" PRId64,
                 plan_share(&p->run), plan_share(&p->run), p->request.pictures);
        print_curve(f, &p->weak, title);
        snprintf(title, sizeof title,
                 "Strong scaling: %" PRId64 " + %" PRId64 " pictures a step over all ranks",
                 p->run.global_batch, p->run.global_batch);
        print_curve(f, &p->strong, title);
    }
}

/* The plan as one JSON object; its keys: docs/plan.md. */
#include "base/checked.h"
#include "base/json.h"
#include "plan.h"

#include "base/poison.h"

static const char *const precision_names[PLAN_PRECISIONS] = {"fp32", "bf16"};

/* If out of memory, a value is NULL; then every object that contains it is NULL. */
static json_t *cost_json(struct plan_cost cost)
{
    return json_pack("{s:f, s:f, s:f}", "flops", cost.flops, "bytes", cost.bytes, "operations",
                     cost.operations);
}

static json_t *layers_json(const struct plan_work *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->n_layers; i++) {
        const struct plan_layer *l = &w->layers[i];
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", l->name,
                                              "parameters", l->parameters, "flops", l->flops, "in",
                                              l->in, "out", l->out));
    }
    return list;
}

static json_t *parameters_json(const struct plan_work *w)
{
    json_t *o = json_object();
    for (enum plan_part part = 0; part < PLAN_NETWORK; part++)
        if (plan_parameters(w, part) > 0)
            json_object_set_new(o, plan_part_name(part),
                                json_integer((json_int_t)plan_parameters(w, part)));
    json_object_set_new(o, "all", json_integer((json_int_t)plan_parameters_all(w)));
    return o;
}

static json_t *memory_json(const struct plan_memory *m)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "parameters",
                     m->parameters, "gradients", m->gradients, "moments", m->moments, "casts",
                     m->casts, "frozen", m->frozen, "adversary", m->discriminator, "activations",
                     m->activations, "pictures", m->pictures, "workspace", m->workspace, "reserved",
                     m->reserved, "total", m->total, "copy", m->copy);
}

static json_t *step_json(const struct plan_step *s)
{
    return json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}",
        "augmentation", s->augmentation, "forward", s->forward, "backward", s->backward, "losses",
        s->losses, "update", s->update, "exposed", s->exposed, "hidden", s->hidden, "slowed",
        s->slowed, "data", s->data, "host", s->host, "total", s->total, "stored_bytes",
        s->stored_bytes, "reduced_bytes", s->reduced_bytes, "sent_bytes", s->sent_bytes, "cost",
        cost_json(s->compute), "network_cost", cost_json(s->arithmetic));
}

static json_t *curve_json(const struct plan_curve *curve)
{
    json_t *list = json_array();
    for (size_t i = 0; i < curve->n; i++) {
        const struct plan_point *q = &curve->points[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "ranks",
                                              (json_int_t)q->ranks, "global_batch",
                                              (json_int_t)q->global_batch, "step_s", q->step_s,
                                              "pictures_s", q->pictures_s, "epoch_s", q->epoch_s,
                                              "efficiency", q->efficiency));
    }
    return list;
}

static json_t *advice_json(const struct plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_advice; i++)
        json_array_append_new(list, json_string(p->advice[i]));
    return list;
}

static json_t *cluster_json(const struct plan *p)
{
    return json_pack("{s:s, s:b, s:b, s:I, s:o, s:{s:o, s:o}}", "name", p->request.cluster->name,
                     "fits_fp32", (int)p->fits[PLAN_FP32], "fits_bf16", (int)p->fits[PLAN_BF16],
                     "micro_max", (json_int_t)p->micro_max, "advice", advice_json(p), "scaling",
                     "weak", curve_json(&p->weak), "strong", curve_json(&p->strong));
}

static json_t *plan_json(const struct plan *p)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:f, s:f, s:o}", "name",
                          p->request.config->name, "image_size",
                          (json_int_t)p->request.config->model.image_size, "ranks",
                          (json_int_t)p->run.ranks, "global_batch", (json_int_t)p->run.global_batch,
                          "share", (json_int_t)plan_share(&p->run), "micro_batch",
                          (json_int_t)plan_micro(&p->run), "precision",
                          precision_names[p->precision], "parameters", parameters_json(&p->work),
                          "forward_flops", plan_forward_flops(&p->work), "backward_flops",
                          plan_backward_flops(&p->work), "layers", layers_json(&p->work));
    json_object_set_new(o, "recomputed_flops",
                        json_real(p->run.recompute ? plan_recomputed_flops(&p->work) : 0));
    json_t *memory = json_object(), *step = json_object();
    for (int i = 0; i < PLAN_PRECISIONS; i++) {
        json_object_set_new(memory, precision_names[i], memory_json(&p->memory[i]));
        json_object_set_new(step, precision_names[i], step_json(&p->step[i]));
    }
    json_object_set_new(o, "memory", memory);
    if (p->request.cluster) {
        json_object_set_new(o, "step", step);
        json_object_set_new(o, "cluster", cluster_json(p));
    } else {
        json_decref(step);
    }
    return o;
}

enum status plan_print_json(FILE *f, const struct plan *p, struct errmsg *em)
{
    return json_print(f, plan_json(p), JSON_INDENT(2) | JSON_REAL_PRECISION(12), em);
}

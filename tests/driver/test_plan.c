/* What bifrons plan computes, held against numbers worked out by hand. */
#include <math.h>

#include "base/file.h"
#include "plan.h"
#include "testing.h"

/* Rates that make times easy to tell apart. */
static const char cluster_text[] =
    "cluster_version = 1\nname = \"test\"\n[node]\ndevices = 4\ncount = 8\nmemory_gb = 100\n"
    "[device]\nkind = \"gpu\"\nmemory_gb = 10\nreserved_gb = 1\nfp32_tflops = 10\n"
    "fp32_fraction = 0.5\nbf16_tflops = 40\nbf16_fraction = 0.5\nbandwidth_gb_s = 1000\n"
    "bandwidth_fraction = 0.5\ndata_gb_s = 100\n"
    "[link]\nwithin_gb_s = 100\nwithin_us = 10\nbetween_gb_s = 10\nbetween_us = 100\n"
    "overlap = 1.0\n";

static enum status read_text(const char *text, struct cluster *out, struct errmsg *em)
{
    static char path[PATH_BYTES_MAX];
    if (!path[0]) {
        char *folder = scratch_new();
        assert_true(path_join(path, sizeof path, folder, "c.toml"));
        free(folder);
    }
    assert_int_equal(file_write_atomic(path, text, strlen(text), em), ST_OK);
    return cluster_read(path, out, em);
}

static struct cluster cluster_of(const char *text)
{
    struct errmsg em = {0};
    struct cluster c;
    assert_ok(read_text(text, &c, &em));
    return c;
}

static struct config light(void)
{
    struct config c;
    config_init(&c);
    return c;
}

static struct plan_work work_of(const struct config *c)
{
    struct errmsg em = {0};
    struct plan_work w;
    assert_ok(plan_work_init(&w, c, &em));
    return w;
}

static struct plan *plan_of(const struct config *config, const struct cluster *cluster,
                            int64_t ranks)
{
    struct errmsg em = {0};
    struct plan *p = NULL;
    struct plan_request q = {config, cluster, ranks, 1000};
    assert_ok(plan_new(&q, &p, &em));
    return p;
}

/* ---- Cluster files --------------------------------------------------------------------------- */

static void cluster_files_are_read_in_their_units(void **state)
{
    (void)state;
    struct cluster c = cluster_of(cluster_text);
    assert_string_equal(c.name, "test");
    assert_true(c.gpu);
    assert_near(c.node.devices, 4, 0);
    assert_near(c.device.memory_bytes, 10e9, 1);
    assert_near(c.device.bf16.peak_flops_per_s, 40e12, 1);
    assert_near(c.between.latency_s, 100e-6, 1e-12);
    assert_near(c.device.launch_s, 0, 0); /* optional */
}

/* cluster_text with one line replaced. */
static void refused(const char *line, const char *replacement, const char *message)
{
    char text[sizeof cluster_text + 256];
    struct errmsg em = {0};
    struct cluster c = {.name = "untouched"};
    const char *at = strstr(cluster_text, line);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - cluster_text), cluster_text, replacement,
             at + strlen(line));
    assert_status(read_text(text, &c, &em), ST_CONFIG);
    assert_text_has(em.text, message);
    assert_string_equal(c.name, "untouched");
}

static void bad_cluster_files_are_refused_with_place_and_key(void **state)
{
    (void)state;
    refused("devices = 4", "device = 4", "c.toml:4:1: unknown key node.device; did you mean");
    refused("devices = 4", "devices = 0", "c.toml:4:11: node.devices must be a number from 1");
    refused("kind = \"gpu\"", "kind = \"tpu\"", "must be \"cpu\" or \"gpu\"");
    refused("data_gb_s = 100\n", "", "c.toml: device.data_gb_s is missing");
    refused("\nmemory_gb = 10\n", "\n", "device.memory_gb is missing");
    refused("reserved_gb = 1\n", "reserved_gb = 10\n", "device.reserved_gb = 10 is not less");
    refused("cluster_version = 1", "cluster_version = 2", "cluster_version must be 1");
    refused("overlap = 1.0", "overlap = 1.5", "link.overlap must be a number from 0 to 1");
    refused("[node]", "[node", "c.toml:3:");
}

/* ---- Work ------------------------------------------------------------------------------------ */

static void the_light_model_is_counted_exactly(void **state)
{
    (void)state;
    struct config c = light();
    struct plan_work w = work_of(&c);
    assert_near(plan_parameters_all(&w), 6696134, 0);
    c.model.mean_codes = true; /* two codes more, of no layer */
    struct plan_work with = work_of(&c);
    assert_near(plan_parameters(&with, PLAN_ENCODER) - plan_parameters(&w, PLAN_ENCODER),
                2 * 128 * 4 * 4, 0);
    c.model.pose =
        MODEL_POSE_PREDICTED; /* two linear layers, and each point's mean and deviation */
    struct plan_work posed = work_of(&c);
    double linear = 2048. * 140;
    assert_near(plan_parameters(&posed, PLAN_POSE), 2 * linear + 2048 + 140 + 2 * 2 * 140, 0);
    assert_near(plan_parameters_all(&posed) - plan_parameters_all(&with),
                plan_parameters(&posed, PLAN_POSE), 0);
    assert_near(plan_forward_flops(&posed) - plan_forward_flops(&with), 2 * 2 * 2 * linear, 0);
    /* 4 x 4 kernels: 2 * 16 FLOPs for each pair of channels and inner pixel, A and B: */
    double encoder = 3. * 64 * 64 * 64 + 64. * 128 * 32 * 32 + 128. * 256 * 16 * 16 +
                     256. * 256 * 8 * 8 + 256. * 128 * 4 * 4;
    assert_near(plan_forward_flops(&w), 2 * 2 * 32 * encoder, 0);
    /* gradients of inputs and weights, but no gradient of the pictures */
    assert_near(plan_backward_flops(&w), 2 * 2 * 2 * 32 * encoder - 2 * 32. * 3 * 64 * 64 * 64, 0);
}

static void what_is_turned_on_costs(void **state)
{
    (void)state;
    struct config plain = light(), c = light();
    struct plan_work without = work_of(&plain);
    c.augment.back_translation = 0.5;
    c.loss.dssim = 1;
    c.augment.surroundings = 0.5;
    struct plan_work with = work_of(&c);
    assert_true(plan_forward_flops(&with) > 2 * plan_forward_flops(&without));
    assert_true(plan_backward_flops(&with) > plan_backward_flops(&without));
    assert_true(with.losses.kept > without.losses.kept);
    assert_true(with.augmentation.forward_moved > without.augmentation.forward_moved);
    c.loss.gradient = 1;
    assert_true(work_of(&c).losses.kept > with.losses.kept);
    c.loss.gradient = 0;
    c.loss.eyes = 2;
    c.model.mask = true;
    c.augment.blur = 0.005;
    struct plan_work more = work_of(&c);
    assert_true(more.losses.kept > with.losses.kept);
    c.augment.blur = 0.02; /* a wider kernel: more shifted pictures to add */
    assert_true(work_of(&c).augmentation.kept > 1.5 * more.augmentation.kept);
    c.augment.blur = 0;
    c.data.masks = false;
    struct plan_work unmasked = work_of(&c);
    assert_near(unmasked.stored_bytes, 2. * 128 * 128 * 3, 0);
    assert_true(unmasked.augmentation.kept < with.augmentation.kept);
}

static double results_of(const struct plan_work *w, enum plan_part part)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_layers; i++)
        sum += w->layers[i].part == part ? w->layers[i].results : 0;
    return sum;
}

/* VGG16 up to relu4_3, 3 x 3 kernels: channels and FLOPs by hand. */
static void the_perceptual_network_costs_and_learns_nothing(void **state)
{
    (void)state;
    struct config plain = light(), c = light();
    c.loss.perceptual = 0.1;
    snprintf(c.loss.perceptual_weights, sizeof c.loss.perceptual_weights, "vgg16.pth");
    struct plan_work without = work_of(&plain), with = work_of(&c);
    double weights[] = {3 * 64. + 64 * 64, 64. * 128 + 128 * 128, 128. * 256 + 2 * 256. * 256,
                        256. * 512 + 2 * 512. * 512};
    double flops = 0, parameters = 64 * 2 + 128 * 2 + 256 * 3 + 512 * 3;
    for (int i = 0; i < 4; i++) {
        flops += 2 * 9 * weights[i] * (128 >> i) * (128 >> i);
        parameters += 9 * weights[i];
    }
    assert_near(plan_parameters(&with, PLAN_PERCEPTUAL), parameters, 0);
    assert_near(plan_parameters_all(&with), plan_parameters_all(&without), 0);
    /* reconstruction and target of two people; gradients reach the reconstructions only */
    assert_near(plan_forward_flops(&with) - plan_forward_flops(&without), 4 * flops, 1);
    assert_near(plan_backward_flops(&with) - plan_backward_flops(&without), 2 * flops, 1);
    struct plan_run run = plan_run_of(&c, 1);
    struct plan_memory a = plan_memory_of(&without, &run, NULL);
    struct plan_memory b = plan_memory_of(&with, &run, NULL);
    assert_near(b.frozen, 4 * parameters, 0);
    assert_near(b.moments, a.moments, 0);
    assert_true(b.activations > 2 * a.activations);
    snprintf(c.loss.perceptual_weights, sizeof c.loss.perceptual_weights, "vgg19.pth");
    struct plan_work deeper = work_of(&c);
    assert_near(plan_parameters(&deeper, PLAN_PERCEPTUAL) - parameters, 9 * 256. * 256 + 256, 0);
    /* convolution and ReLU of 10 or 11, four features compared, three pools of a quarter each */
    assert_near(results_of(&with, PLAN_PERCEPTUAL), 2 * 10 + 4 + 3 * 0.25, 0);
    assert_near(results_of(&deeper, PLAN_PERCEPTUAL), 2 * 11 + 4 + 3 * 0.25, 0);
}

/* 4 x 4 kernels, 3 C 2C 4C 1 channels, at 64, 32, 16 and 15 pixels a side. */
static void discriminators_learn_apart(void **state)
{
    (void)state;
    struct config c = light();
    struct plan_work without = work_of(&c);
    c.loss.adversarial = 0.1;
    c.discriminator.r1 = 0;
    double width = (double)c.discriminator.channels;
    struct plan_work with = work_of(&c);
    const double weights[] = {3 * width, 2 * width * width, 8 * width * width, 4 * width};
    const double sides[] = {64, 32, 16, 15};
    double parameters = 7 * width + 1, flops = 0;
    for (int i = 0; i < 4; i++) {
        parameters += 16 * weights[i];
        flops += 2 * 16 * weights[i] * sides[i] * sides[i];
    }
    double first = 2 * 16 * weights[0] * sides[0] * sides[0];
    assert_near(plan_parameters(&with, PLAN_DISCRIMINATORS), 2 * parameters, 0);
    assert_near(plan_parameters_all(&with), plan_parameters_all(&without), 0);
    assert_near(plan_forward_flops(&with) - plan_forward_flops(&without), 2 * 3 * flops, 1);
    assert_near(plan_backward_flops(&with) - plan_backward_flops(&without),
                2 * (5 * flops - 2 * first), 1);
    c.discriminator.r1 = 1;
    struct plan_work penalised = work_of(&c);
    assert_near(plan_backward_flops(&penalised) - plan_backward_flops(&with), 2 * 3 * flops, 1);

    struct cluster cluster = cluster_of(cluster_text);
    struct plan_run run = plan_run_of(&c, 4);
    struct plan_step a = plan_step_of(&without, &run, &cluster);
    struct plan_step b = plan_step_of(&with, &run, &cluster);
    assert_near(b.reduced_bytes, a.reduced_bytes, 0);
    assert_true(b.exposed >= plan_all_reduce_s(8 * parameters, 4, &cluster));
    assert_near(plan_memory_of(&with, &run, NULL).discriminator, 2 * 16 * parameters, 1e-3);
    assert_near(plan_memory_of(&with, &run, NULL).copy - plan_memory_of(&without, &run, NULL).copy,
                2 * 12 * parameters, 1e-3);
}

/* auto: for models and batches that gain by it, where nothing forbids it. */
static void a_graph_is_for_small_batches(void **state)
{
    (void)state;
    struct config c = light();
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 1);
    assert_true(plan_takes_graph(&w, &run));
    c.train.cuda_graph = GRAPH_OFF;
    run = plan_run_of(&c, 1);
    assert_false(plan_takes_graph(&w, &run));
    c.train.cuda_graph = GRAPH_AUTO;
    c.train.global_batch = 4096;
    run = plan_run_of(&c, 1);
    assert_false(plan_takes_graph(&w, &run));
    run = plan_run_of(&c, 256); /* 16 pairs each */
    assert_true(plan_takes_graph(&w, &run));
    c.train.recompute = true;
    run = plan_run_of(&c, 256);
    assert_false(plan_takes_graph(&w, &run));
    c.train.recompute = false;
    c.loss.adversarial = 1;
    run = plan_run_of(&c, 256);
    assert_false(plan_takes_graph(&w, &run));
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void state_and_activations_are_what_the_configuration_says(void **state)
{
    (void)state;
    struct config c = light();
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 1);
    struct plan_memory one = plan_memory_of(&w, &run, NULL);
    assert_near(one.parameters, 4 * 6696134., 0);
    assert_near(one.gradients + one.moments, 12 * 6696134., 0);
    assert_near(one.copy, 12 * 6696134., 0);
    assert_near(one.casts, 0, 0);

    run.bf16 = true;
    struct plan_memory half = plan_memory_of(&w, &run, NULL);
    assert_near(half.activations, one.activations / 2, 0);
    assert_near(half.casts, 2 * 6696134., 0);
    assert_near(half.parameters, one.parameters, 0);

    run = plan_run_of(&c, 4);
    struct plan_memory quarter = plan_memory_of(&w, &run, NULL);
    assert_near(quarter.activations, one.activations / 4, 0);
    assert_near(quarter.moments, one.moments, 0);
    run.zero = true;
    assert_near(plan_memory_of(&w, &run, NULL).moments, one.moments / 4, 1e-6);
    c.train.ema = 0.999;
    run = plan_run_of(&c, 1);
    assert_near(plan_memory_of(&w, &run, NULL).moments, one.moments * 1.5, 0);
    assert_near(plan_memory_of(&w, &run, NULL).copy, 16 * 6696134., 0);
    run.accumulate = 8;
    assert_near(plan_memory_of(&w, &run, NULL).activations, one.activations / 8, 0);
}

/* Levels hand on 64 x 64 x 64 elements and fewer; backward holds one level's own results at once.
 */
static void recomputation_keeps_what_levels_hand_on(void **state)
{
    (void)state;
    struct config c = light();
    c.model.blocks = 1;
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 1);
    struct plan_memory all = plan_memory_of(&w, &run, NULL);
    run.recompute = true;
    struct plan_memory some = plan_memory_of(&w, &run, NULL);
    double handed_on = 64. * 64 * 64 + 128. * 32 * 32 + 256. * 16 * 16 + 256. * 8 * 8;
    double codes = 128. * 4 * 4 /* of the encoder, and of the decoders' first blocks */,
           heads = 2 * 3. * 128 * 128;
    double plain_head = 2 * heads / 2; /* a head has no activation: one result each */
    assert_near(some.activations, 8 * 4 * (2 * handed_on + 4 * codes + 2 * handed_on + plain_head),
                1e-3);
    assert_true(some.activations < all.activations / 3);
    assert_true(some.workspace > all.workspace);
    assert_true(some.total < all.total);
    struct cluster cluster = cluster_of(cluster_text);
    cluster.device.memory_bytes_per_s = 1e30;
    double again = plan_step_of(&w, &run, &cluster).backward;
    run.recompute = false;
    double once = plan_step_of(&w, &run, &cluster).backward;
    assert_near(again - once, 8 * plan_recomputed_flops(&w) / 5e12, 1e-9);
    assert_true(plan_recomputed_flops(&w) < plan_forward_flops(&w));
    assert_true(plan_recomputed_flops(&w) > 0.8 * plan_forward_flops(&w));
}

static void what_does_not_fit_comes_with_advice_that_fits(void **state)
{
    (void)state;
    struct config c = light();
    struct cluster cluster = cluster_of(cluster_text);
    struct plan *p = plan_of(&c, &cluster, 1);
    assert_true(p->fits[PLAN_FP32]);
    assert_int_equal(p->n_advice, 0);
    int64_t most = p->micro_max;
    plan_free(p);

    c.train.global_batch = most;
    p = plan_of(&c, &cluster, 1);
    assert_true(p->fits[PLAN_FP32]);
    plan_free(p);
    c.train.global_batch = most + 1;
    p = plan_of(&c, &cluster, 1);
    assert_false(p->fits[PLAN_FP32]);
    assert_true(p->n_advice > 0);
    assert_text_has(p->advice[0], "train.accumulate = 2");
    plan_free(p);
    c.train.accumulate = 2;
    p = plan_of(&c, &cluster, 1);
    assert_true(p->fits[PLAN_FP32]);
    plan_free(p);
}

static void a_state_too_large_for_the_device_is_shared_out(void **state)
{
    (void)state;
    struct config c = light();
    struct cluster cluster = cluster_of(cluster_text);
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 4);
    run.zero = true; /* room for a rank with zero, a little less than without */
    cluster.device.memory_bytes = plan_memory_of(&w, &run, &cluster).total + 1;
    struct plan *p = plan_of(&c, &cluster, 4);
    bool zero = false;
    assert_false(p->fits[PLAN_FP32]);
    for (size_t i = 0; i < p->n_advice; i++)
        zero = zero || strncmp(p->advice[i], "train.zero = 1", 14) == 0;
    assert_true(zero);
    plan_free(p);
    c.train.zero = 1;
    p = plan_of(&c, &cluster, 4);
    assert_true(p->fits[PLAN_FP32]);
    plan_free(p);
    cluster.device.memory_bytes = cluster.device.reserved_bytes + 1;
    p = plan_of(&c, &cluster, 4);
    assert_int_equal(p->n_advice, 1);
    assert_text_has(p->advice[0], "more memory");
    plan_free(p);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void sums_go_over_nodes_in_two_levels(void **state)
{
    (void)state;
    struct cluster c = cluster_of(cluster_text);
    assert_near(plan_all_reduce_s(1e9, 1, &c), 0, 0);
    /* 2 (p - 1) / p of the bytes, and 2 log2(p) latencies */
    assert_near(plan_all_reduce_s(1e9, 4, &c), 2 * .75 / 100 + 4 * 10e-6, 1e-12);
    assert_near(plan_all_reduce_s(1e9, 16, &c),
                2 * .75 / 100 + 4 * 10e-6 + 2 * .75 / 10 + 4 * 100e-6, 1e-12);
    struct plan_placement shared = plan_place(64, &c);
    assert_near(shared.nodes, 8, 0);
    assert_near(shared.share, 2, 0);
}

static void a_step_is_its_terms(void **state)
{
    (void)state;
    struct config c = light();
    c.train.global_batch = 64;
    struct cluster cluster = cluster_of(cluster_text);
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 1);
    struct plan_step one = plan_step_of(&w, &run, &cluster);
    assert_near(one.exposed + one.hidden + one.reduced_bytes, 0, 0);
    assert_near(one.total,
                one.augmentation + one.forward + one.losses + one.backward + one.update + one.data +
                    one.host,
                1e-12);
    assert_near(one.data, 0, 0); /* read meanwhile */
    struct cluster slow = cluster;
    slow.device.data_bytes_per_s = 1e6;
    assert_near(plan_step_of(&w, &run, &slow).total, 64 * w.stored_bytes / 1e6, 1e-9);
    slow.device.upload_bytes_per_s = 1e6;
    assert_near(plan_step_of(&w, &run, &slow).total, 2 * 64 * w.stored_bytes / 1e6, 1e-9);
    slow.gpu = false; /* the same cores do both */
    slow.device.upload_bytes_per_s = 0;
    assert_near(plan_step_of(&w, &run, &slow).data, 64 * w.stored_bytes / 1e6, 1e-9);
    /* all of the time of FLOPs: a bandwidth without limit leaves it */
    cluster.device.memory_bytes_per_s = 1e30;
    struct plan_step flops = plan_step_of(&w, &run, &cluster);
    assert_near(flops.forward, 64 * plan_forward_flops(&w) / 5e12, 1e-9);
    assert_near(flops.backward, 64 * plan_backward_flops(&w) / 5e12, 1e-9);
    run.bf16 = true;
    assert_near(plan_step_of(&w, &run, &cluster).forward, flops.forward / 4, 1e-9);
    /* beside a GPU, what the host needs longer for all operations */
    run.graph = GRAPH_OFF;
    cluster.device.launch_s = 1;
    struct plan_step host = plan_step_of(&w, &run, &cluster);
    assert_near(host.forward, flops.forward / 4, 1e-9);
    assert_near(host.total, host.compute.operations, 1e-3);
    run.graph = GRAPH_ON;
    assert_near(plan_step_of(&w, &run, &cluster).host, 0, 0);
    run.graph = GRAPH_OFF;
    cluster.gpu = false; /* on a CPU, all of it */
    host = plan_step_of(&w, &run, &cluster);
    assert_near(host.host, host.compute.operations, 1e-9);
}

/* Matrix units that work on 32 channels at once: 3 cost as many. */
static void channels_are_rounded_up_to_tiles(void **state)
{
    (void)state;
    struct config c = light();
    struct cluster cluster = cluster_of(cluster_text);
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 1);
    cluster.device.memory_bytes_per_s = 1e30;
    double plain = plan_step_of(&w, &run, &cluster).forward;
    cluster.device.channel_tile = 32;
    double outermost =
        8 * 2 * 32. * 3 * 64 * 64 * 64 / 5e12; /* of the encoder, and of both decoders */
    assert_near(plan_step_of(&w, &run, &cluster).forward - plain, 2 * outermost * (32. / 3 - 1),
                1e-9);
}

static void communication_hides_behind_backward_as_far_as_it_can(void **state)
{
    (void)state;
    struct config c = light();
    c.train.global_batch = 64;
    struct cluster cluster = cluster_of(cluster_text);
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 4);
    double whole = plan_all_reduce_s(4 * 6696134., 4, &cluster);
    struct plan_step s = plan_step_of(&w, &run, &cluster);
    assert_near(s.reduced_bytes, 4 * 6696134., 0);
    assert_near(s.sent_bytes, 1.5 * 4 * 6696134., 1e-3);
    assert_true(s.exposed > 0 && s.exposed < whole);
    assert_near(s.slowed, 0, 0);
    run.overlapped = false;
    assert_near(plan_step_of(&w, &run, &cluster).exposed, whole, 1e-12);
    run.overlapped = true;
    run.zero = true; /* half the sum behind backward, the other half after the update */
    assert_true(plan_step_of(&w, &run, &cluster).exposed > whole / 2);
    run.zero = false;
    run.bf16_wire = true;
    assert_near(plan_step_of(&w, &run, &cluster).reduced_bytes, 2 * 6696134., 0);
    cluster.overlap = 0; /* what is hidden takes the device's own time */
    s = plan_step_of(&w, &run, &cluster);
    assert_near(s.slowed, s.hidden, 0);
    assert_true(s.hidden > 0);
}

static void ranks_that_share_a_device_take_turns(void **state)
{
    (void)state;
    struct config c = light();
    struct cluster cluster = cluster_of(cluster_text);
    cluster.node.count = 1;
    struct plan_work w = work_of(&c);
    struct plan_run run = plan_run_of(&c, 4);
    double four = plan_step_of(&w, &run, &cluster).forward;
    run.ranks = 8;
    run.global_batch *= 2;
    assert_near(plan_step_of(&w, &run, &cluster).forward, 2 * four, 1e-12);
}

static void curves_reach_all_devices(void **state)
{
    (void)state;
    struct config c = light();
    c.train.global_batch = 8;
    struct cluster cluster = cluster_of(cluster_text);
    struct plan *p = plan_of(&c, &cluster, 4);
    assert_int_equal(p->weak.n, 6); /* 1 to 32 */
    assert_int_equal(p->weak.points[5].ranks, 32);
    assert_int_equal(p->weak.points[5].global_batch, 64);
    assert_int_equal(p->strong.n, 4); /* 1 to 8: a pair each */
    assert_int_equal(p->strong.points[3].global_batch, 8);
    assert_near(p->weak.points[0].efficiency, 1, 0);
    for (size_t i = 1; i < p->weak.n; i++) {
        assert_true(p->weak.points[i].efficiency <= p->weak.points[i - 1].efficiency);
        assert_true(p->weak.points[i].pictures_s > p->weak.points[i - 1].pictures_s);
    }
    assert_near(p->weak.points[2].step_s, p->step[PLAN_FP32].total, 1e-12);
    assert_near(p->weak.points[5].epoch_s, 16 * p->weak.points[5].step_s, 1e-12); /* of 1000 */
    plan_free(p);
}

static void sizes_that_train_refuses_are_refused(void **state)
{
    (void)state;
    struct config c = light();
    struct errmsg em = {0};
    struct plan *p = NULL;
    struct plan_request q = {&c, NULL, 9, 1000};
    assert_status(plan_new(&q, &p, &em), ST_CONFIG);
    assert_text_has(em.text, "train.global_batch = 8");
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_files_are_read_in_their_units),
        cmocka_unit_test(bad_cluster_files_are_refused_with_place_and_key),
        cmocka_unit_test(the_light_model_is_counted_exactly),
        cmocka_unit_test(what_is_turned_on_costs),
        cmocka_unit_test(the_perceptual_network_costs_and_learns_nothing),
        cmocka_unit_test(discriminators_learn_apart),
        cmocka_unit_test(a_graph_is_for_small_batches),
        cmocka_unit_test(state_and_activations_are_what_the_configuration_says),
        cmocka_unit_test(recomputation_keeps_what_levels_hand_on),
        cmocka_unit_test(what_does_not_fit_comes_with_advice_that_fits),
        cmocka_unit_test(a_state_too_large_for_the_device_is_shared_out),
        cmocka_unit_test(sums_go_over_nodes_in_two_levels),
        cmocka_unit_test(a_step_is_its_terms),
        cmocka_unit_test(channels_are_rounded_up_to_tiles),
        cmocka_unit_test(communication_hides_behind_backward_as_far_as_it_can),
        cmocka_unit_test(ranks_that_share_a_device_take_turns),
        cmocka_unit_test(curves_reach_all_devices),
        cmocka_unit_test(sizes_that_train_refuses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

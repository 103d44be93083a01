/* Checkpoints: everything comes back, and nothing else is taken for one. */
#include "model/checkpoint.h"

#include <math.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fixture.h"
#include "shim/archive.h"

static struct errmsg em;
static char *folder, path[PATH_BYTES_MAX];

static int open_folder(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    folder = scratch_new();
    snprintf(path, sizeof path, "%s/step.pt", folder);
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    free(folder);
    return 0;
}

static struct model_options options(void)
{
    return small_options(MODEL_FP32);
}

static void train(struct model *m, int64_t first, int64_t last)
{
    static struct pictures pictures;
    draw_pictures(&pictures);
    struct batch b = part_of(&pictures, 0, 2);
    struct model_losses l;
    for (int64_t step = first; step <= last; step++) {
        assert_ok(model_zero_gradients(m, &em));
        assert_ok(model_backward(m, &b, 2, &l, &em));
        assert_ok(model_update(m, &(struct model_step){.lr = 1e-3, .step = step}, &em));
    }
}

static const struct checkpoint_facts facts = {
    .epoch = 3,
    .step = 4,
    .position = 1ull << 50,
    .loss = 0.25,
    .val_loss = 0.5,
    .lr = 1e-3,
    .config = (char *)"[model]\nlatent = 16 # \xc3\xa4\n",
    .meta = (char *)"{\"run\": 7}",
};

/* A trained model, and its checkpoint at `path`. */
static struct model *model_with_checkpoint(void)
{
    struct model_options o = options();
    struct model *m = model_make(&o);
    train(m, 1, 4);
    assert_ok(checkpoint_write(m, &facts, path, &em));
    return m;
}

static void assert_same_state(const struct model *a, const struct model *b)
{
    size_t n = model_flat(a)->count * sizeof(float);
    assert_memory_equal(model_flat(a)->parameters, model_flat(b)->parameters, n);
    assert_memory_equal(model_flat(a)->exp_avg, model_flat(b)->exp_avg, n);
    assert_memory_equal(model_flat(a)->exp_avg_sq, model_flat(b)->exp_avg_sq, n);
}

static void a_restored_model_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    struct checkpoint *c;
    struct model *m = model_with_checkpoint();
    struct model_options o = options();
    o.seed = 999;
    struct model *again = model_make(&o);
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_restore(c, again, true, true, &em));
    assert_same_state(m, again);
    const struct checkpoint_facts *f = checkpoint_get_facts(c);
    assert_int_equal(f->epoch, 3);
    assert_int_equal(f->step, 4);
    assert_true(f->position == 1ull << 50);
    assert_true(f->loss == 0.25 && f->val_loss == 0.5 && f->lr == 1e-3);
    assert_string_equal(f->config, facts.config);
    assert_string_equal(f->meta, facts.meta);
    assert_int_equal(checkpoint_get_config(c).image_size, SIDE);
    assert_int_equal(checkpoint_get_config(c).latent, 16);
    checkpoint_free(c);

    train(m, 5, 6);
    train(again, 5, 6);
    assert_same_state(m, again);
    model_free(m);
    model_free(again);
}

/* Training goes on while it is written: what was taken is what is there. */
static void a_snapshot_is_the_state_it_was_taken_of(void **state)
{
    (void)state;
    struct checkpoint *c;
    struct checkpoint_snapshot *s;
    struct hash128 hash, of_file;
    struct model_options o = options();
    struct model *m = model_make(&o), *then = model_make(&o), *again = model_make(&o);
    train(m, 1, 4);
    train(then, 1, 4);
    assert_ok(checkpoint_snapshot_new(m, &s, &em));
    assert_ok(checkpoint_snapshot_take(s, &em));
    train(m, 5, 6);
    assert_ok(checkpoint_snapshot_write(s, &facts, path, &hash, &em));
    assert_ok(hash128_file(path, &of_file, &em));
    assert_true(hash.high == of_file.high && hash.low == of_file.low);
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_restore(c, again, true, true, &em));
    assert_string_equal(checkpoint_get_facts(c)->meta, facts.meta);
    assert_same_state(then, again);
    checkpoint_free(c);
    assert_ok(checkpoint_snapshot_restore(s, m, &em)); /* and it can be gone back to */
    assert_same_state(then, m);
    checkpoint_snapshot_free(s);
    model_free(m);
    model_free(then);
    model_free(again);
}

static void moments_may_be_left_out(void **state)
{
    (void)state;
    struct checkpoint *c;
    struct model *m = model_with_checkpoint();
    struct model_options o = options();
    struct model *again = model_make(&o);
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_restore(c, again, false, false, &em));
    size_t n = model_flat(m)->count;
    assert_memory_equal(model_flat(m)->parameters, model_flat(again)->parameters,
                        n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        assert_true(((float *)model_flat(again)->exp_avg)[i] == 0);
    checkpoint_free(c);
    model_free(m);
    model_free(again);
}

static void a_loss_that_is_none_yet_is_kept(void **state)
{
    (void)state;
    struct checkpoint *c;
    struct model_options o = options();
    struct model *m = model_make(&o);
    struct checkpoint_facts none = {.loss = NAN, .val_loss = INFINITY};
    assert_ok(checkpoint_write(m, &none, path, &em));
    assert_ok(checkpoint_open(path, &c, &em));
    assert_true(isnan(checkpoint_get_facts(c)->loss));
    assert_true(isinf(checkpoint_get_facts(c)->val_loss));
    assert_string_equal(checkpoint_get_facts(c)->config, "");
    checkpoint_free(c);
    model_free(m);
}

static void another_architecture_is_refused_with_both(void **state)
{
    (void)state;
    struct checkpoint *c;
    model_free(model_with_checkpoint());
    struct model_options o = options();
    o.config.latent = 8;
    struct model *other = model_make(&o);
    float first = *(float *)model_flat(other)->parameters;
    assert_ok(checkpoint_open(path, &c, &em));
    assert_status(checkpoint_restore(c, other, true, true, &em), ST_DATA);
    assert_text_has(em.text, "model.latent: 16 -> 8");
    assert_true(*(float *)model_flat(other)->parameters == first);
    checkpoint_free(c);
    model_free(other);
}

static void weights_that_are_not_finite_are_refused_by_name(void **state)
{
    (void)state;
    struct checkpoint *c;
    const struct model_tensor *t;
    struct model *m = model_with_checkpoint();
    size_t last = model_layout(m, &t) - 1;
    ((float *)model_flat(m)->parameters)[t[last].offset] = NAN;
    assert_ok(checkpoint_write(m, &facts, path, &em));
    struct model_options o = options();
    struct model *again = model_make(&o);
    float first = *(float *)model_flat(again)->parameters;
    assert_ok(checkpoint_open(path, &c, &em));
    assert_status(checkpoint_restore(c, again, true, true, &em), ST_DATA);
    assert_text_has(em.text, "decoder_b.r64.bias");
    assert_true(*(float *)model_flat(again)->parameters == first); /* nothing half done */
    checkpoint_free(c);
    model_free(m);
    model_free(again);
}

/* Writes a .pt of a few keys; the checkpoint's tensors left out or of a wrong shape. */
static void write_crippled(bool weights)
{
    struct shim_archive *a;
    assert_ok(shim_archive_new(&a, &em));
    struct shim_value *root = shim_archive_root(a), *config = shim_value_dict(a),
                      *state = shim_value_dict(a);
    shim_put(a, config, "image_size", shim_value_int(a, SIDE));
    shim_put(a, config, "latent", shim_value_int(a, 16));
    shim_put(a, config, "width", shim_value_int(a, 16));
    shim_put(a, config, "width_max", shim_value_int(a, 64));
    shim_put(a, root, "format", shim_value_string(a, "bifrons-checkpoint"));
    shim_put(a, root, "format_version", shim_value_int(a, 1));
    shim_put(a, root, "model", config);
    if (weights)
        shim_put(a, state, "encoder.r64.weight",
                 shim_value_tensor(a, SHIM_F32, (float[]){1, 2}, 4, (int64_t[]){1, 1, 1, 2}));
    shim_put(a, root, "model_state_dict", state);
    static const char *const numbers[] = {"epoch", "step", "position", "loss", "val_loss"};
    for (int i = 0; i < 5; i++)
        shim_put(a, root, numbers[i], shim_value_int(a, i));
    shim_put(a, root, "config", shim_value_string(a, ""));
    shim_put(a, root, "meta", shim_value_string(a, ""));
    assert_ok(shim_archive_write(a, path, NULL, NULL, 0, NULL, &em));
    shim_archive_free(a);
}

static void missing_and_misshapen_tensors_are_named(void **state)
{
    (void)state;
    struct model_options o = options();
    struct model *m = model_make(&o);
    for (int misshapen = 0; misshapen < 2; misshapen++) {
        struct checkpoint *c;
        em = (struct errmsg){0};
        write_crippled(misshapen);
        assert_ok(checkpoint_open(path, &c, &em));
        assert_status(checkpoint_restore(c, m, false, false, &em), ST_DATA);
        assert_text_has(em.text, "encoder.r64.weight");
        assert_text_has(em.text, "missing or of another shape");
        checkpoint_free(c);
    }
    model_free(m);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    struct checkpoint *c = NULL;
    assert_status(checkpoint_open(path, &c, &em), ST_NOINPUT);
    assert_text_has(em.text, path);
    em = (struct errmsg){0};
    assert_status(checkpoint_open(folder, &c, &em), ST_NOINPUT);
    em = (struct errmsg){0};
    assert_ok(file_write_atomic(path, "PK\3\4 not really", 15, &em));
    assert_status(checkpoint_open(path, &c, &em), ST_DATA);
    em = (struct errmsg){0};
    assert_ok(file_write_atomic(path, "", 0, &em));
    assert_status(checkpoint_open(path, &c, &em), ST_DATA);

    struct shim_archive *a; /* somebody else's .pt */
    em = (struct errmsg){0};
    assert_ok(shim_archive_new(&a, &em));
    shim_put(a, shim_archive_root(a), "model", shim_value_int(a, 1));
    assert_ok(shim_archive_write(a, path, NULL, NULL, 0, NULL, &em));
    shim_archive_free(a);
    assert_status(checkpoint_open(path, &c, &em), ST_DATA);
    assert_text_has(em.text, "no checkpoint of bifrons");
    assert_null(c);
}

/* Flips one bit of the file in place. */
static void flip(long at, uint8_t bit)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_true(fputc(byte ^ bit, f) != EOF);
    assert_int_equal(fclose(f), 0);
}

/* Opens and restores what lies at path; ST_OK only where m's state came back whole. */
static enum status read_back(const struct model *m, struct model *again)
{
    struct checkpoint *c = NULL;
    struct errmsg why = {0};
    enum status st = checkpoint_open(path, &c, &why);
    if (st == ST_OK)
        st = checkpoint_restore(c, again, true, false, &why);
    if (st == ST_OK)
        assert_same_state(m, again);
    else
        assert_text_has(why.text, path);
    checkpoint_free(c);
    return st;
}

/* A flipped bit or a missing end is refused, or (in padding) changes nothing. */
static void damage_is_noticed(void **state)
{
    (void)state;
    enum { FLIPS = 48, ENDS = 8, NEAR = 6000 };
    struct model *m = model_with_checkpoint();
    struct model_options o = options();
    struct model *again = model_make(&o);
    struct stat whole;
    int refused = 0;
    assert_int_equal(stat(path, &whole), 0);
    struct philox p = philox_at(1, PHILOX_FAULT, 0);
    for (int i = 0; i < FLIPS; i++) {
        /* mostly in the pickle at the start and the directory at the end, where it hurts most */
        long size = (long)whole.st_size, at;
        at = (long)philox_below(&p, (uint64_t)(i % 8 == 0 ? size : NEAR));
        at = i % 2 ? size - 1 - at : at;
        uint8_t bit = (uint8_t)(1u << philox_below(&p, 8));
        flip(at, bit);
        enum status st = read_back(m, again);
        assert_true(st == ST_OK || st == ST_DATA);
        refused += st != ST_OK;
        flip(at, bit);
    }
    assert_true(refused > FLIPS / 2);
    for (int i = ENDS - 1; i >= 0; i--) {
        assert_int_equal(truncate(path, whole.st_size * i / ENDS), 0);
        assert_int_equal(read_back(m, again), ST_DATA);
    }
    model_free(m);
    model_free(again);
}

static void a_full_disk_is_said_so(void **state)
{
    (void)state;
    struct model_options o = options();
    struct model *m = model_make(&o);
    assert_status(checkpoint_write(m, &facts, "/dev/full", &em), ST_IO);
    assert_text_has(em.text, "/dev/full");
    em = (struct errmsg){0};
    assert_status(checkpoint_write(m, &facts, "/nowhere/at/all.pt", &em), ST_IO);
    model_free(m);
}

static void assert_same(const float *a, const float *b, const struct model *m)
{
    assert_non_null(a);
    assert_memory_equal(a, b, model_flat(m)->count * sizeof *a);
}

/* To go on the average comes back beside the parameters; to look at pictures, in their place. */
static void the_average_comes_back(void **state)
{
    (void)state;
    struct model_options o = options();
    o.ema = 0.9;
    struct model *m = model_make(&o), *again = model_make(&o), *seen = NULL;
    struct checkpoint *c = NULL;
    train(m, 1, 4);
    const struct model_flat *flat = model_flat(m);
    assert_true(memcmp(flat->average, flat->parameters, flat->count * sizeof(float)) != 0);
    assert_ok(checkpoint_write(m, &facts, path, &em));
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_restore(c, again, true, false, &em));
    assert_same(model_flat(again)->average, flat->average, m);
    assert_same(model_flat(again)->parameters, flat->parameters, m);
    train(m, 5, 5);
    train(again, 5, 5);
    assert_same(model_flat(again)->average, flat->average, m);
    struct model_options plain = options();
    seen = model_make(&plain);
    assert_ok(checkpoint_restore(c, seen, false, true, &em));
    assert_null(model_flat(seen)->average);
    train(seen, 5, 5); /* and goes on without one */
    checkpoint_free(c);
    assert_ok(checkpoint_write(seen, &facts, path, &em));
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_restore(c, again, true, false, &em));
    assert_same(model_flat(again)->average, model_flat(seen)->parameters, m);
    checkpoint_free(c);
    model_free(m);
    model_free(again);
    model_free(seen);
}

/* One step from equal parameters: average = start + (1 - d)(parameters - start), d = 2 / 11. */
static void the_average_soon_forgets_its_start(void **state)
{
    (void)state;
    struct model_options o = options();
    o.ema = 0.999;
    struct model *m = model_make(&o);
    float *start = malloc(model_flat(m)->count * sizeof *start);
    assert_non_null(start);
    memcpy(start, model_flat(m)->parameters, model_flat(m)->count * sizeof *start);
    train(m, 1, 1);
    const float *now = model_flat(m)->parameters, *average = model_flat(m)->average;
    for (size_t i = 0; i < model_flat(m)->count; i++)
        assert_true(fabsf(average[i] - (start[i] + 9.0f / 11.0f * (now[i] - start[i]))) < 1e-6f);
    free(start);
    model_free(m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        T(a_restored_model_goes_on_with_the_same_bits),
        T(a_snapshot_is_the_state_it_was_taken_of),
        T(moments_may_be_left_out),
        T(a_loss_that_is_none_yet_is_kept),
        T(another_architecture_is_refused_with_both),
        T(weights_that_are_not_finite_are_refused_by_name),
        T(missing_and_misshapen_tensors_are_named),
        T(other_files_are_refused),
        T(damage_is_noticed),
        T(a_full_disk_is_said_so),
        T(the_average_comes_back),
        T(the_average_soon_forgets_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

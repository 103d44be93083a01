/* Archives: written, read back, and refused. torch.load's view of them is tests/python's. */
#include "shim/archive.h"

#include <math.h>
#include <sys/stat.h>

#include "base/file.h"
#include "testing.h"

static struct errmsg em;
static char *folder, path[PATH_BYTES_MAX];

static int open_folder(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    folder = scratch_new();
    snprintf(path, sizeof path, "%s/a.pt", folder);
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

static void write_sample(void)
{
    struct shim_archive *a;
    const float weights[] = {1, 2, 3, 4, 5, 6};
    assert_ok(shim_archive_new(&a, &em));
    struct shim_value *root = shim_archive_root(a), *inner = shim_value_dict(a),
                      *list = shim_value_list(a);
    shim_put(a, root, "epoch", shim_value_int(a, 1L << 40));
    shim_put(a, root, "loss", shim_value_double(a, 0.125));
    shim_put(a, root, "text", shim_value_string(a, "J\xc3\xa1nus"));
    shim_put(a, root, "flag", shim_value_bool(a, true));
    shim_put(a, root, "nothing", shim_value_none(a));
    shim_put_at(a, inner, 7, shim_value_tensor(a, SHIM_F32, weights, 2, (int64_t[]){2, 3}));
    shim_put_at(a, inner, 8, shim_value_tensor(a, SHIM_F32, weights, 0, NULL));
    shim_put(a, root, "state", inner);
    shim_append(a, list, shim_value_pair(a, 0.9, 0.999));
    shim_append(a, list, shim_value_int(a, 3));
    shim_put(a, root, "list", list);
    assert_ok(shim_archive_write(a, path, "note.json", "{}", 2, NULL, &em));
    shim_archive_free(a);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct shim_archive *a;
    int64_t epoch = 0, dims[SHIM_DIMS_MAX];
    double loss = 0, beta = 0, weights[6] = {0};
    enum shim_dtype dtype;
    size_t n_dims;
    bool flag = false;
    write_sample();
    assert_ok(shim_archive_read(path, &a, &em));
    struct shim_value *root = shim_archive_root(a);
    assert_true(shim_get_int(shim_get(a, root, "epoch"), &epoch));
    assert_int_equal(epoch, 1L << 40);
    assert_true(shim_get_double(shim_get(a, root, "loss"), &loss));
    assert_true(loss == 0.125);
    assert_string_equal(shim_get_string(shim_get(a, root, "text")), "J\xc3\xa1nus");
    assert_true(shim_get_bool(shim_get(a, root, "flag"), &flag) && flag);
    assert_non_null(shim_get(a, root, "nothing"));
    assert_null(shim_get_string(shim_get(a, root, "nothing")));
    struct shim_value *w = shim_get_at(a, shim_get(a, root, "state"), 7);
    assert_true(shim_get_tensor(w, &dtype, &n_dims, dims));
    assert_true(dtype == SHIM_F32 && n_dims == 2 && dims[0] == 2 && dims[1] == 3);
    assert_ok(shim_read_tensor(w, SHIM_F64, weights, 6, &em));
    assert_true(weights[0] == 1 && weights[5] == 6);
    struct shim_value *list = shim_get(a, root, "list");
    assert_true(shim_get_double(shim_get_at(a, shim_get_at(a, list, 0), 1), &beta));
    assert_true(beta == 0.999);

    /* asked the wrong question, it says no */
    assert_null(shim_get(a, root, "absent"));
    assert_null(shim_get(a, w, "epoch"));
    assert_null(shim_get_at(a, list, 2));
    assert_null(shim_get_at(a, list, -1));
    assert_null(shim_get_string(w));
    assert_false(shim_get_int(shim_get(a, root, "loss"), &epoch));
    assert_status(shim_read_tensor(w, SHIM_F64, weights, 5, &em), ST_DATA);
    shim_archive_free(a);
}

static void the_first_mistake_stays(void **state)
{
    (void)state;
    struct shim_archive *a;
    assert_ok(shim_archive_new(&a, &em));
    struct shim_value *root = shim_archive_root(a);
    shim_append(a, root, shim_value_int(a, 1)); /* a dict is no list */
    assert_null(shim_value_int(a, 2));
    assert_status(shim_archive_check(a, &em), ST_TORCH);
    em = (struct errmsg){0};
    assert_status(shim_archive_write(a, path, NULL, NULL, 0, NULL, &em), ST_TORCH);
    assert_false(file_exists(path));
    shim_archive_free(a);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct shim_archive *a;
    char nowhere[PATH_BYTES_MAX];
    snprintf(nowhere, sizeof nowhere, "%s/absent/a.pt", folder);
    assert_ok(shim_archive_new(&a, &em));
    assert_status(shim_archive_write(a, nowhere, NULL, NULL, 0, NULL, &em), ST_IO);
    assert_text_has(em.text, "absent");
    em = (struct errmsg){0};
    float *large = calloc(1 << 20, sizeof *large);
    shim_put(a, shim_archive_root(a), "x",
             shim_value_tensor(a, SHIM_F32, large, 1, (int64_t[]){1 << 20}));
    if (file_exists("/dev/full")) {
        assert_status(shim_archive_write(a, "/dev/full", NULL, NULL, 0, NULL, &em), ST_IO);
        assert_text_has(em.text, "No space left");
    }
    free(large);
    shim_archive_free(a);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    struct shim_archive *a = NULL;
    assert_status(shim_archive_read(path, &a, &em), ST_NOINPUT);
    em = (struct errmsg){0};
    assert_ok(file_write_atomic(path, "not a zip", 9, &em));
    assert_status(shim_archive_read(path, &a, &em), ST_DATA);
    assert_text_has(em.text, path);
    assert_null(a);

    em = (struct errmsg){0};
    write_sample();
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size / 2), 0);
    assert_status(shim_archive_read(path, &a, &em), ST_DATA);
    assert_null(a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_read),
        T(the_first_mistake_stays),
        T(a_place_that_cannot_be_written_is_named),
        T(other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

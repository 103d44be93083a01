#include "testing.h"

#include <jansson.h>
#include <math.h>

#include "base/file.h"
#include "run_record.h"

static char *folder;
static char path[PATH_BYTES_MAX], damaged[PATH_BYTES_MAX];

static int set_up(void **unused)
{
    (void)unused;
    folder = scratch_new();
    return path_join(path, sizeof path, folder, "run.json") &&
                   path_join(damaged, sizeof damaged, folder, "run.json.damaged")
               ? 0
               : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    unlink(path);
    unlink(damaged);
    rmdir(folder);
    free(folder);
    return 0;
}

static const char *const hosts[] = {"alpha", "beta"};

static struct run_record_facts facts(void)
{
    return (struct run_record_facts){
        .torch_version = "2.13.0",
        .mpi_version = "Open MPI 4.1.4",
        .config_path = "configs/demo.toml",
        .device = "cpu",
        .precision = "bf16",
        .backend = "mpi",
        .reducer = "3 buckets",
        .seed = 42,
        .world_size = 2,
        .hosts = hosts,
        .people = {{.person = "Ada",
                    .set_path = "a.h5",
                    .consent = "drawn, nobody's face",
                    .fingerprint = "fedc000000000001",
                    .pictures = 500},
                   {.person = "Bo", .set_path = "b.h5", .pictures = 501}},
    };
}

static struct run_record *start(const struct run_record_facts *f)
{
    struct errmsg em = {0};
    struct run_record *r = NULL;
    assert_ok(run_record_new(path, f, &r, &em));
    assert_ok(run_record_write(r, &em));
    return r;
}

static json_t *load(void)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        fail_msg("%s: %s", path, where.text);
    return root;
}

static const char *text_of(json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "(none)";
}

static void the_start_is_recorded(void **unused)
{
    (void)unused;
    struct run_record_facts f = facts();
    run_record_free(start(&f));
    json_t *root = load();
    assert_string_equal(text_of(json_object_get(root, "bifrons"), "commit"), run_record_commit());
    json_t *libraries = json_object_get(root, "libraries");
    assert_string_equal(text_of(libraries, "mpi"), "Open MPI 4.1.4");
    assert_true(json_is_null(json_object_get(libraries, "hdf5"))); /* not given */
    assert_int_equal(json_integer_value(json_object_get(root, "seed")), 42);
    assert_string_equal(json_string_value(json_object_get(root, "precision")), "bf16");
    json_t *rank = json_array_get(json_object_get(root, "ranks"), 1);
    assert_int_equal(json_integer_value(json_object_get(rank, "rank")), 1);
    assert_string_equal(text_of(rank, "host"), "beta");
    json_t *ada = json_array_get(json_object_get(root, "people"), 0);
    assert_string_equal(text_of(ada, "person"), "Ada");
    assert_string_equal(text_of(ada, "consent"), "drawn, nobody's face");
    assert_string_equal(text_of(ada, "fingerprint"), "fedc000000000001");
    assert_int_equal(json_array_size(json_object_get(root, "resumes")), 0);
    assert_true(json_is_null(json_object_get(root, "ended")));
    assert_true(json_is_null(json_object_get(root, "exit")));
    json_decref(root);
}

static void the_end_is_recorded(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct run_record_facts f = facts();
    struct run_record *r = start(&f);
    struct errmsg reason = {0};
    struct run_record_outcome end = {
        .stage = 2,
        .status = FAIL(&reason, ST_AGAIN, "stopped by SIGUSR1"),
        .error = &reason,
        .step = 100,
        .epoch = 2,
        .seconds = 12.5,
        .images_per_s = NAN,
    };
    assert_ok(run_record_end(r, &end, &em));
    assert_ok(run_record_write(r, &em));
    run_record_free(r);
    json_t *root = load();
    assert_string_equal(text_of(root, "exit"), status_name(ST_AGAIN));
    assert_string_equal(text_of(root, "message"), "stopped by SIGUSR1");
    char where[sizeof reason.where + 16];
    snprintf(where, sizeof where, "%s:%d", __func__, reason.line);
    assert_string_equal(text_of(root, "where"), where);
    assert_int_equal(strlen(text_of(root, "ended")), strlen("2026-01-31T12:00:00Z"));
    assert_int_equal(json_integer_value(json_object_get(root, "stage")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "step")), 100);
    assert_true(json_real_value(json_object_get(root, "seconds")) == 12.5);
    assert_true(json_is_null(json_object_get(root, "images_per_s"))); /* JSON has no NaN */
    json_decref(root);
}

static void every_resume_is_kept(void **unused)
{
    (void)unused;
    struct run_record_facts f = facts();
    setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
    run_record_free(start(&f));
    unsetenv("SOURCE_DATE_EPOCH");
    f.resumed = true;
    for (int i = 1; i <= 2; i++) {
        f.from_step = 100 * i;
        f.world_size = i;
        run_record_free(start(&f));
    }
    json_t *root = load();
    assert_string_equal(text_of(root, "started"), "2001-09-09T01:46:40Z");
    json_t *resumes = json_object_get(root, "resumes");
    assert_int_equal(json_array_size(resumes), 2);
    json_t *second = json_array_get(resumes, 1);
    assert_int_equal(json_integer_value(json_object_get(second, "from_step")), 200);
    assert_int_equal(json_integer_value(json_object_get(second, "world_size")), 2);
    assert_string_not_equal(text_of(second, "started"), "2001-09-09T01:46:40Z");
    json_decref(root);

    f.resumed = false; /* a new run in the same folder begins anew */
    run_record_free(start(&f));
    root = load();
    assert_int_equal(json_array_size(json_object_get(root, "resumes")), 0);
    assert_string_not_equal(text_of(root, "started"), "2001-09-09T01:46:40Z");
    json_decref(root);
}

static void a_damaged_record_is_set_aside(void **unused)
{
    (void)unused;
    static const char *const contents[] = {"", "{\"started\": \"2001", "[1, 2]",
                                           "{\"started\": 5, \"resumes\": []}"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct errmsg em = {0};
        assert_ok(file_write_atomic(path, contents[i], strlen(contents[i]), &em));
        struct run_record_facts f = facts();
        f.resumed = true;
        f.from_step = 7;
        run_record_free(start(&f));
        json_t *root = load();
        assert_int_equal(json_array_size(json_object_get(root, "resumes")), 1);
        json_decref(root);
        uint8_t *bytes = NULL;
        size_t n;
        assert_ok(file_read_all(damaged, 1000, &bytes, &n, &em));
        assert_string_equal((char *)bytes, contents[i]);
        free(bytes);
    }
}

static void text_that_is_not_utf8_is_recorded_all_the_same(void **unused)
{
    (void)unused;
    struct run_record_facts f = facts();
    f.people[0].person = "Zo\xEB"; /* Latin-1 */
    f.people[1].person = "\xE3\x81\x82";
    run_record_free(start(&f));
    json_t *root = load(), *people = json_object_get(root, "people");
    assert_string_equal(text_of(json_array_get(people, 0), "person"), "Zo?");
    assert_string_equal(text_of(json_array_get(people, 1), "person"), "\xE3\x81\x82");
    json_decref(root);
}

static void a_folder_that_is_gone_is_a_status(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct run_record_facts f = facts();
    struct run_record *r = NULL;
    assert_ok(run_record_new("/nonexistent/run.json", &f, &r, &em));
    assert_status(run_record_write(r, &em), ST_IO);
    assert_text_has(em.text, "/nonexistent/run.json");
    run_record_free(r);
    run_record_free(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_start_is_recorded),
        TEST(the_end_is_recorded),
        TEST(every_resume_is_kept),
        TEST(a_damaged_record_is_set_aside),
        TEST(text_that_is_not_utf8_is_recorded_all_the_same),
        TEST(a_folder_that_is_gone_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

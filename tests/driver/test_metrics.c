#include "lines_file.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "metrics.h"

static int set_up(void **unused)
{
    (void)unused;
    return make_file("metrics.jsonl");
}

static struct metrics_row row_of_step(int64_t step)
{
    struct metrics_row row = {
        .kind = METRICS_TRAIN,
        .step = step,
        .epoch = 2,
        .position = (uint64_t)step * 16,
        .time_s = 1.5,
        .lr = 1e-4,
        .grad_norm = 0.375,
        .images_per_s = 193.25,
        .step_ms = 82.5,
        .data_wait_ms = 0.25,
        .sum_wait_ms = 1.75,
    };
    row.losses.total = 0.75;
    row.losses.term[MODEL_A][MODEL_LOSS_L1] = 0.125;
    row.losses.term[MODEL_A][MODEL_LOSS_DSSIM] = 0.25;
    row.losses.term[MODEL_B][MODEL_LOSS_L1] = 0.0625;
    row.losses.term[MODEL_B][MODEL_LOSS_DSSIM] = 0.5;
    for (int i = 0; i < MODEL_LOSSES; i++)
        row.absent[i] = i != MODEL_LOSS_L1 && i != MODEL_LOSS_DSSIM;
    return row;
}

static char *content(void)
{
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t n;
    assert_ok(file_read_all(path, 1 << 20, &bytes, &n, &em));
    return (char *)bytes;
}

static void assert_content(const char *wanted)
{
    char *text = content();
    assert_string_equal(text, wanted);
    free(text);
}

static void put_text(const char *text)
{
    struct errmsg em = {0};
    assert_ok(file_write_atomic(path, text, strlen(text), &em));
}

static struct metrics *open_at(int64_t truncate_at)
{
    struct errmsg em = {0};
    struct metrics *m = NULL;
    assert_ok(metrics_open(path, truncate_at, &m, &em));
    return m;
}

static void write_step(struct metrics *m, int64_t step)
{
    struct errmsg em = {0};
    struct metrics_row row = row_of_step(step);
    assert_ok(metrics_write(m, &row, &em));
}

static void a_row_is_one_line_of_json(void **unused)
{
    (void)unused;
    struct metrics *m = open_at(0);
    write_step(m, 20);
    metrics_close(m);
    assert_content("{\"kind\":\"train\",\"step\":20,\"epoch\":2,\"position\":320,\"time\":1.5,"
                   "\"loss\":{\"total\":0.75,\"a\":{\"l1\":0.125,\"dssim\":0.25},"
                   "\"b\":{\"l1\":0.0625,\"dssim\":0.5}},"
                   "\"lr\":0.0001,\"grad_norm\":0.375,\"images_per_s\":193.25,\"step_ms\":82.5,"
                   "\"data_wait_ms\":0.25,\"sum_wait_ms\":1.75}\n");
}

static void a_row_of_a_stage_names_it(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    struct metrics_row row = row_of_step(20);
    row.stage = 3;
    assert_ok(metrics_write(m, &row, &em));
    metrics_close(m);
    char *text = content();
    assert_text_has(text, "{\"kind\":\"train\",\"stage\":3,\"step\":20,");
    free(text);
}

static void a_validation_row_has_no_speed(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    struct metrics_row row = row_of_step(20);
    row.kind = METRICS_VAL;
    val_metrics_clear(&row.val_metrics);
    row.val_metrics.number[val_metrics_mean(VAL_SWAP, VAL_L1)] = 0.5;
    row.val_metrics.number[val_metrics_mean(VAL_RECON, VAL_SSIM) + 1] = 0.25;
    assert_ok(metrics_write(m, &row, &em));
    metrics_close(m);
    char *text = content();
    assert_text_has(text, "\"kind\":\"val\"");
    assert_text_has(text, "\"metrics\":{\"recon_ssim_a\":0.25,\"swap_l1\":0.5}");
    assert_null(strstr(text, "step_ms"));
    assert_null(strstr(text, "lr"));
    free(text);
}

static void a_row_of_faces_has_no_losses(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    const struct metrics_number faces[] = {
        {"found_a",    1    },
        {"identity_a", 0.875}
    };
    const struct metrics_row row = {.kind = METRICS_FACES,
                                    .step = 20,
                                    .epoch = 2,
                                    .position = 320,
                                    .time_s = 1.5,
                                    .faces = faces,
                                    .n_faces = 2};
    assert_ok(metrics_write(m, &row, &em));
    metrics_close(m);
    assert_content("{\"kind\":\"faces\",\"step\":20,\"epoch\":2,\"position\":320,\"time\":1.5,"
                   "\"faces\":{\"found_a\":1.0,\"identity_a\":0.875}}\n");
}

static void numbers_that_json_lacks_are_null_and_flagged(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    struct metrics_row row = row_of_step(1);
    row.losses.total = NAN;
    row.losses.term[MODEL_B][MODEL_LOSS_L1] = INFINITY;
    assert_ok(metrics_write(m, &row, &em));
    write_step(m, 2);
    metrics_close(m);
    char *text = content();
    assert_text_has(text, "{\"total\":null,");
    assert_text_has(text, "\"b\":{\"l1\":null,\"dssim\":0.5}");
    assert_text_has(text, "\"nonfinite\":true}\n");
    assert_null(strstr(strchr(text, '\n'), "nonfinite"));
    free(text);
}

static void a_resumed_file_equals_an_uninterrupted_one(void **unused)
{
    (void)unused;
    struct metrics *m = open_at(0);
    for (int step = 1; step <= 6; step++)
        write_step(m, step);
    metrics_close(m);
    char *uninterrupted = content();

    m = open_at(0);
    for (int step = 1; step <= 3; step++)
        write_step(m, step);
    int64_t checkpointed = metrics_offset(m);
    write_step(m, 4); /* after the checkpoint: will be done again */
    metrics_close(m);

    m = open_at(checkpointed);
    assert_int_equal(metrics_offset(m), checkpointed);
    for (int step = 4; step <= 6; step++)
        write_step(m, step);
    metrics_close(m);
    assert_content(uninterrupted);
    free(uninterrupted);
}

static void a_torn_last_line_is_cut(void **unused)
{
    (void)unused;
    put_text("{\"step\":1}\n{\"step\":2}\n{\"ste");
    struct metrics *m = open_at(INT64_MAX);
    assert_int_equal(metrics_offset(m), 22);
    metrics_close(m);
    assert_content("{\"step\":1}\n{\"step\":2}\n");
}

static void a_file_of_one_long_torn_line_becomes_empty(void **unused)
{
    (void)unused;
    static char text[3 * 4096 + 7];
    memset(text, 'x', sizeof text - 1);
    put_text(text);
    metrics_close(open_at(INT64_MAX));
    assert_content("");
    text[4095] = '\n'; /* and one whose only line ends at a piece's border */
    put_text(text);
    struct metrics *m = open_at(INT64_MAX);
    assert_int_equal(metrics_offset(m), 4096);
    metrics_close(m);
}

static void an_offset_inside_a_line_or_beyond_the_end_leaves_whole_lines(void **unused)
{
    (void)unused;
    put_text("{\"step\":1}\n{\"step\":2}\n");
    struct metrics *m = open_at(1000);
    assert_int_equal(metrics_offset(m), 22);
    metrics_close(m);
    m = open_at(15);
    assert_int_equal(metrics_offset(m), 11);
    metrics_close(m);
    assert_content("{\"step\":1}\n");
}

static void a_full_disk_loses_rows_but_tears_none(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    write_step(m, 1);
    int64_t end = metrics_offset(m);

    struct rlimit before, small = {.rlim_cur = (rlim_t)end + 40};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct metrics_row row = row_of_step(2);
    enum status st = metrics_write(m, &row, &em);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_status(st, ST_IO);
    assert_text_has(em.text, path);
    assert_int_equal(metrics_offset(m), end);

    char *text = content();
    assert_int_equal(strlen(text), end);
    free(text);
    write_step(m, 3);
    metrics_close(m);
    text = content();
    assert_text_has(text, "}\n{\"kind\":\"train\",\"step\":3");
    free(text);
}

static void a_removed_file_is_reported(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = open_at(0);
    assert_int_equal(unlink(path), 0);
    struct metrics_row row = row_of_step(1);
    assert_status(metrics_write(m, &row, &em), ST_IO);
    assert_text_has(em.text, "removed");
    metrics_close(m);
}

static void a_folder_that_is_not_there_is_a_status(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct metrics *m = NULL;
    assert_status(metrics_open("/nonexistent/metrics.jsonl", 0, &m, &em), ST_IO);
    assert_null(m);
    metrics_close(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_is_one_line_of_json),
        TEST(a_row_of_a_stage_names_it),
        TEST(a_validation_row_has_no_speed),
        TEST(a_row_of_faces_has_no_losses),
        TEST(numbers_that_json_lacks_are_null_and_flagged),
        TEST(a_resumed_file_equals_an_uninterrupted_one),
        TEST(a_torn_last_line_is_cut),
        TEST(a_file_of_one_long_torn_line_becomes_empty),
        TEST(an_offset_inside_a_line_or_beyond_the_end_leaves_whole_lines),
        TEST(a_full_disk_loses_rows_but_tears_none),
        TEST(a_removed_file_is_reported),
        TEST(a_folder_that_is_not_there_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

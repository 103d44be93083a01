#include "testing.h"

#include <dirent.h>
#include <math.h>

#include "base/file.h"
#include "metrics.h"
#include "tensorboard.h"
#include "tfevent.pb-c.h"

enum { EVENTS_MAX = 16 };

/* What a reader finds in a file. */
struct events {
    size_t n;
    Tfevent__Event *event[EVENTS_MAX];
};

static char *folder;

static int set_up(void **unused)
{
    (void)unused;
    folder = scratch_new();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    DIR *d = opendir(folder);
    char path[PATH_BYTES_MAX];
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && path_join(path, sizeof path, folder, e->d_name))
            unlink(path);
    if (d)
        closedir(d);
    rmdir(folder);
    free(folder);
    return 0;
}

/* RFC 3720, appendix B.4, bit by bit: shares nothing with the code under test. */
static uint32_t plain_crc32c(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static uint32_t mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static uint64_t little_endian(const uint8_t *p, int n)
{
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static void read_events(const char *path, struct events *out)
{
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    out->n = 0;
    assert_ok(file_read_all(path, 1 << 20, &bytes, &size, &em));
    for (size_t at = 0; at < size;) {
        assert_true(size - at >= 16);
        const uint8_t *head = bytes + at;
        uint64_t n = little_endian(head, 8);
        assert_true(n <= size - at - 16);
        assert_int_equal(little_endian(head + 8, 4), mask(plain_crc32c(head, 8)));
        assert_int_equal(little_endian(head + 12 + n, 4), mask(plain_crc32c(head + 12, n)));
        assert_true(out->n < EVENTS_MAX);
        out->event[out->n] = tfevent__event__unpack(NULL, n, head + 12);
        assert_non_null(out->event[out->n]);
        out->n++;
        at += n + 16;
    }
    free(bytes);
}

static void free_events(struct events *e)
{
    for (size_t i = 0; i < e->n; i++)
        tfevent__event__free_unpacked(e->event[i], NULL);
}

enum { FILES_MAX = 8, NAME_BYTES = 256 };

/* The files of the folder. */
static int list(char names[FILES_MAX][NAME_BYTES])
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            assert_true(n < FILES_MAX);
            snprintf(names[n++], NAME_BYTES, "%s", e->d_name);
        }
    closedir(d);
    return n;
}

/* path: the file that is new in the folder. */
static struct tensorboard *open_here(char path[static PATH_BYTES_MAX])
{
    struct errmsg em = {0};
    struct tensorboard *tb = NULL;
    char before[FILES_MAX][NAME_BYTES], after[FILES_MAX][NAME_BYTES];
    int n_before = list(before);
    assert_ok(tensorboard_open(folder, &tb, &em));
    int n_after = list(after), found = 0;
    assert_int_equal(n_after, n_before + 1);
    for (int i = 0; i < n_after; i++) {
        bool old = false;
        for (int k = 0; k < n_before; k++)
            old = old || strcmp(after[i], before[k]) == 0;
        found = old ? found : i;
    }
    assert_true(path_join(path, PATH_BYTES_MAX, folder, after[found]));
    return tb;
}

static void our_own_checksum_is_right(void **unused)
{
    (void)unused;
    assert_int_equal(plain_crc32c((const uint8_t *)"123456789", 9), 0xE3069283u);
}

static void a_file_begins_with_its_version(void **unused)
{
    (void)unused;
    char path[PATH_BYTES_MAX];
    tensorboard_close(open_here(path));
    struct events e;
    read_events(path, &e);
    assert_int_equal(e.n, 1);
    assert_string_equal(e.event[0]->file_version, "brain.Event:2");
    assert_true(e.event[0]->wall_time > 1.5e9);
    assert_text_has(path_name(path), "events.out.tfevents.");
    free_events(&e);
}

static void two_starts_in_one_second_are_two_files(void **unused)
{
    (void)unused;
    char first[PATH_BYTES_MAX], second[PATH_BYTES_MAX];
    struct tensorboard *a = open_here(first), *b = open_here(second);
    assert_string_not_equal(first, second);
    tensorboard_close(a);
    tensorboard_close(b);
}

/* The clock stood in 2096 at the last start. */
static void a_later_start_has_the_later_name_whatever_the_clock(void **unused)
{
    (void)unused;
    char before[PATH_BYTES_MAX], name[PATH_BYTES_MAX];
    assert_true(
        path_join(before, sizeof before, folder, "events.out.tfevents.4000000000.host.1.0"));
    FILE *f = fopen(before, "w");
    assert_non_null(f);
    fclose(f);
    tensorboard_close(open_here(name));
    assert_true(strcmp(name, before) > 0);
}

static void scalars_of_a_step_come_back(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct tensorboard *tb = open_here(path);
    struct tensorboard_scalar s[] = {
        {"loss/total", 0.0412},
        {"zero",       0.0   },
        {"nan",        NAN   }
    };
    assert_ok(tensorboard_scalars(tb, 0, s, 1, &em));
    assert_ok(tensorboard_scalars(tb, INT64_C(1) << 40, s, 3, &em));
    tensorboard_close(tb);
    struct events e;
    read_events(path, &e);
    assert_int_equal(e.n, 3);
    assert_int_equal(e.event[1]->step, 0);
    assert_int_equal(e.event[2]->step, INT64_C(1) << 40);
    assert_int_equal(e.event[2]->summary->n_value, 3);
    Tfevent__Value **v = e.event[2]->summary->value;
    assert_string_equal(v[0]->tag, "loss/total");
    assert_true(v[0]->simple_value == 0.0412f);
    assert_int_equal(v[1]->value_case, TFEVENT__VALUE__VALUE_SIMPLE_VALUE); /* a zero is there */
    assert_true(isnan(v[2]->simple_value));
    free_events(&e);
}

static void more_scalars_than_a_record_holds_are_all_written(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct tensorboard *tb = open_here(path);
    struct tensorboard_scalar s[150];
    for (int i = 0; i < 150; i++)
        s[i] = (struct tensorboard_scalar){"x", i};
    assert_ok(tensorboard_scalars(tb, 1, s, 150, &em));
    tensorboard_close(tb);
    struct events e;
    read_events(path, &e);
    int next = 0;
    for (size_t i = 1; i < e.n; i++)
        for (size_t j = 0; j < e.event[i]->summary->n_value; j++)
            assert_true(e.event[i]->summary->value[j]->simple_value == (float)next++);
    assert_int_equal(next, 150);
    free_events(&e);
}

static void faces_have_a_group_of_their_own(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct tensorboard *tb = open_here(path);
    const struct metrics_number faces[] = {
        {"found_a",    1    },
        {"identity_b", 0.875}
    };
    assert_ok(tensorboard_metrics(
        tb, &(struct metrics_row){.kind = METRICS_FACES, .step = 7, .faces = faces, .n_faces = 2},
        &em));
    tensorboard_close(tb);
    struct events e;
    read_events(path, &e);
    assert_int_equal(e.n, 2);
    assert_int_equal(e.event[1]->step, 7);
    assert_int_equal(e.event[1]->summary->n_value, 2);
    Tfevent__Value **v = e.event[1]->summary->value;
    assert_string_equal(v[0]->tag, "faces/found_a");
    assert_string_equal(v[1]->tag, "faces/identity_b");
    assert_true(v[1]->simple_value == 0.875f);
    free_events(&e);
}

static void a_picture_comes_back(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 0, 1, 2};
    struct tensorboard *tb = open_here(path);
    assert_ok(tensorboard_image(tb, "preview/grid", 7, png, sizeof png, 300, 200, &em));
    tensorboard_close(tb);
    struct events e;
    read_events(path, &e);
    assert_int_equal(e.n, 2);
    const Tfevent__Value *picture = e.event[1]->summary->value[0];
    assert_int_equal(picture->value_case, TFEVENT__VALUE__VALUE_IMAGE);
    assert_int_equal(picture->image->width, 300);
    assert_int_equal(picture->image->height, 200);
    assert_int_equal(picture->image->encoded_image_string.len, sizeof png);
    assert_memory_equal(picture->image->encoded_image_string.data, png, sizeof png);
    free_events(&e);
}

static bool has_scalar(const Tfevent__Event *e, const char *tag, float value)
{
    for (size_t i = 0; i < e->summary->n_value; i++)
        if (!strcmp(e->summary->value[i]->tag, tag))
            return e->summary->value[i]->simple_value == value;
    return false;
}

static void metrics_rows_have_their_tags(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct tensorboard *tb = open_here(path);
    struct metrics_row row = {.kind = METRICS_TRAIN, .step = 5, .lr = 0.5, .images_per_s = 193.0};
    row.losses.total = 0.25;
    row.losses.term[MODEL_A][MODEL_LOSS_L1] = 0.125;
    row.losses.term[MODEL_B][MODEL_LOSS_DSSIM] = 0.0625;
    assert_ok(tensorboard_metrics(tb, &row, &em));
    row.kind = METRICS_VAL;
    val_metrics_clear(&row.val_metrics);
    row.val_metrics.number[val_metrics_mean(VAL_SWAP, VAL_SSIM)] = 0.75;
    row.absent[MODEL_LOSS_PERCEPTUAL] = true;
    assert_ok(tensorboard_metrics(tb, &row, &em));
    tensorboard_close(tb);
    struct events e;
    read_events(path, &e);
    assert_int_equal(e.event[1]->step, 5);
    assert_true(has_scalar(e.event[1], "loss/total", 0.25f));
    assert_true(has_scalar(e.event[1], "loss/a_l1", 0.125f));
    assert_true(has_scalar(e.event[1], "loss/b_dssim", 0.0625f));
    assert_true(has_scalar(e.event[1], "train/lr", 0.5f));
    assert_true(has_scalar(e.event[1], "perf/images_per_s", 193.0f));
    assert_true(has_scalar(e.event[2], "val/a_l1", 0.125f));
    assert_true(has_scalar(e.event[1], "loss/b_perceptual", 0.0f));
    assert_int_equal(e.event[2]->summary->n_value, 1 + MODEL_PEOPLE * (MODEL_LOSSES - 1) + 1);
    assert_true(has_scalar(e.event[2], "val/swap_ssim", 0.75f));
    free_events(&e);
}

static void a_missing_folder_is_a_status(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct tensorboard *tb = NULL;
    assert_status(tensorboard_open("/nonexistent", &tb, &em), ST_IO);
    assert_text_has(em.text, "/nonexistent");
    assert_null(tb);
    tensorboard_close(NULL);
}

int main(void)
{
    if (!tensorboard_available())
        return 77; /* skipped */
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(our_own_checksum_is_right),
        TEST(a_file_begins_with_its_version),
        TEST(two_starts_in_one_second_are_two_files),
        TEST(a_later_start_has_the_later_name_whatever_the_clock),
        TEST(scalars_of_a_step_come_back),
        TEST(more_scalars_than_a_record_holds_are_all_written),
        TEST(faces_have_a_group_of_their_own),
        TEST(a_picture_comes_back),
        TEST(metrics_rows_have_their_tags),
        TEST(a_missing_folder_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

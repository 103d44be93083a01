/* Sets: written and read back, refused when they are not what they say, safe when damaged. */
#include "base/file.h"
#include "base/philox.h"
#include "data/set.h"
#include "small_sets.h"
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <sys/stat.h>

enum { N = 7, SIZE = 16, PIXELS = SIZE * SIZE };

static char *folder;

static void path_of(char out[PATH_BYTES_MAX], const char *name)
{
    assert_true(path_join(out, PATH_BYTES_MAX, folder, name));
}

static uint8_t byte_of(int row, int part, int i)
{
    return (uint8_t)(row * 37 + part * 101 + i * 7 + i / 256);
}

static void write_set(const char *path, bool all_parts)
{
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = N,
                                .size = SIZE,
                                .person = "Ánna",
                                .consent = "drawn",
                                .source_hash = "abc",
                                .masks = all_parts,
                                .landmarks = all_parts,
                                .points = all_parts,
                                .matrix = all_parts,
                                .truth = all_parts};
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int k = 0; k < N; k++) {
        int row = (k * 3) % N; /* any order */
        uint8_t image[PIXELS * 3], mask[PIXELS], truth[PIXELS * 3];
        float landmarks[SET_LANDMARKS][2], matrix[2][3] = {
                                               {1, 0, (float)row},
                                               {0, 1, 0         }
        };
        float points[FACE_POINTS][2];
        char name[32];
        for (int i = 0; i < FACE_POINTS; i++) /* one is known */
            points[i][0] = points[i][1] = i == 5 ? (float)row : NAN;
        for (int i = 0; i < PIXELS * 3; i++) {
            image[i] = byte_of(row, 0, i);
            truth[i] = byte_of(row, 1, i);
            mask[i % PIXELS] = byte_of(row, 2, i % PIXELS);
        }
        for (int i = 0; i < SET_LANDMARKS; i++)
            landmarks[i][0] = (float)(row + i), landmarks[i][1] = (float)i;
        snprintf(name, sizeof name, "bild-%d.png", row);
        struct set_row data = {.name = name,
                               .image = image,
                               .mask = mask,
                               .truth = truth,
                               .landmarks = (const float(*)[2])landmarks,
                               .points = (const float(*)[2])points,
                               .matrix = (const float(*)[3])matrix};
        assert_ok(set_writer_put(w, row, &data, &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct set *s;
    path_of(path, "full.h5");
    write_set(path, true);
    assert_ok(set_open(path, &s, &em));
    const struct set_info *info = set_get_info(s);
    assert_int_equal(info->n, N);
    assert_int_equal(info->size, SIZE);
    assert_string_equal(info->person, "Ánna");
    assert_string_equal(info->consent, "drawn");
    assert_string_equal(info->source_hash, "abc");
    assert_true(info->has_masks && info->has_truth && info->has_landmarks && info->has_matrix);
    assert_true(info->has_points && !info->landmarks_derived);
    assert_true(info->has_hashes && info->direct);
    for (int row = 0; row < N; row++) {
        uint8_t image[PIXELS * 3], mask[PIXELS];
        float landmarks[SET_LANDMARKS][2], points[FACE_POINTS][2];
        char name[32];
        snprintf(name, sizeof name, "bild-%d.png", row);
        assert_string_equal(set_name(s, row), name);
        assert_ok(set_read_image(s, row, image, &em));
        assert_ok(set_read_mask(s, row, mask, &em));
        assert_ok(set_read_landmarks(s, row, landmarks, &em));
        assert_ok(set_read_points(s, row, points, &em));
        assert_int_equal(image[300], byte_of(row, 0, 300));
        assert_int_equal(mask[255], byte_of(row, 2, 255));
        assert_true(landmarks[4][0] == (float)(row + 4));
        assert_true(points[5][1] == (float)row && isnan(points[4][0]) && isnan(points[69][1]));
        assert_ok(set_read_truth(s, row, image, &em));
        assert_int_equal(image[767], byte_of(row, 1, 767));
    }
    assert_ok(set_verify(s, &em));
    set_free(s);
}

static uint64_t hash_parts(const char *path)
{
    struct errmsg em = {0};
    struct set *s;
    uint64_t hash;
    assert_ok(set_open(path, &s, &em));
    assert_ok(set_hash_parts(s, &hash, &em));
    set_free(s);
    return hash;
}

static void the_hash_of_parts_is_of_all_but_the_pictures(void **state)
{
    (void)state;
    uint8_t pixels[3][PIXELS];
    const float landmark[] = {6, 0, 7, 1}, point[] = {3, 3, NAN};
    char path[PATH_BYTES_MAX];
    path_of(path, "parts.h5");
    for (int part = 0; part < 3; part++)
        for (int i = 0; i < PIXELS; i++)
            pixels[part][i] = byte_of(N - 1, part, i);
    write_set(path, true);
    uint64_t before = hash_parts(path);
    change_bytes(path, pixels[0], PIXELS); /* a picture's, which has a hash of its own */
    assert_true(hash_parts(path) == before);
    const struct {
        const void *bytes;
        size_t n;
    } changed[] = {
        {pixels[1], PIXELS         },
        {pixels[2], PIXELS         },
        {landmark,  sizeof landmark},
        {point,     sizeof point   }
    };
    for (size_t k = 0; k < sizeof changed / sizeof *changed; k++) {
        change_bytes(path, changed[k].bytes, changed[k].n);
        uint64_t now = hash_parts(path);
        assert_true(now != before);
        before = now;
    }
}

static void names_of_many_pictures_take_little_memory(void **state)
{
    (void)state;
    enum { MANY = 70 * 1000 }; /* names are read in parts of a sixteenth */
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX], name[32];
    struct set_writer *w;
    struct set *s;
    struct set_description d = {.n = MANY, .size = 1, .person = "x", .consent = "drawn"};
    path_of(path, "many.h5");
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int row = 0; row < MANY; row++) {
        const uint8_t image[3] = {(uint8_t)row};
        snprintf(name, sizeof name, "%d.png", row * 7919 % 65537);
        assert_ok(set_writer_put(w, row, &(struct set_row){.name = name, .image = image}, &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    struct mallinfo2 before = mallinfo2(); /* zeros with AddressSanitizer */
    assert_ok(set_open(path, &s, &em));
    struct mallinfo2 after = mallinfo2();
    assert_true(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd < MANY * 64);
    for (int row = 0; row < MANY; row++) {
        snprintf(name, sizeof name, "%d.png", row * 7919 % 65537);
        assert_string_equal(set_name(s, row), name);
    }
    set_free(s);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[2][PATH_BYTES_MAX];
    uint8_t *bytes[2];
    size_t n[2];
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    for (int i = 0; i < 2; i++) {
        path_of(path[i], i ? "twin2.h5" : "twin1.h5");
        write_set(path[i], true);
        assert_ok(file_read_all(path[i], 1 << 24, &bytes[i], &n[i], &em));
    }
    unsetenv("SOURCE_DATE_EPOCH");
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x20, f);
    fclose(f);
}

static void a_flipped_pixel_is_found_and_named(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct set *s;
    path_of(path, "flip.h5");
    write_set(path, false);
    flip_byte(path, 4096 + 3 * PIXELS * 3 + 5); /* row 3: /images begins at the first 4096 */
    assert_ok(set_open(path, &s, &em));
    assert_status(set_verify(s, &em), ST_DATA);
    assert_text_has(em.text, "row 3 (bild-3.png)");
    set_free(s);
}

static void copy_file(const char *from, const char *to, size_t keep)
{
    struct errmsg em = {0};
    uint8_t *bytes;
    size_t n;
    assert_ok(file_read_all(from, 1 << 24, &bytes, &n, &em));
    assert_ok(file_write_atomic(to, bytes, keep < n ? keep : n, &em));
    free(bytes);
}

/* Wherever a byte is wrong or the file ends, opening answers; it never crashes, never hangs. */
static void damage_never_gets_through(void **state)
{
    (void)state;
    char whole[PATH_BYTES_MAX], damaged[PATH_BYTES_MAX];
    struct stat info;
    int refused = 0;
    path_of(whole, "whole.h5");
    path_of(damaged, "damaged.h5");
    write_set(whole, true);
    assert_int_equal(stat(whole, &info), 0);
    struct philox p = philox_at(11, PHILOX_FAULT, 0);
    for (int i = 0; i < 120; i++) {
        struct errmsg em = {0};
        struct set *s = NULL;
        bool cut = i % 4 == 0;
        size_t at = (size_t)philox_below(&p, i % 2 ? 4096 : (uint64_t)info.st_size);
        copy_file(whole, damaged, cut ? at : SIZE_MAX);
        if (!cut)
            flip_byte(damaged, (long)at);
        enum status st = set_open(damaged, &s, &em);
        if (st != ST_OK) {
            assert_int_equal(st, ST_DATA);
            assert_text_has(em.text, "damaged.h5");
            refused++;
            continue;
        }
        assert_int_equal(set_get_info(s)->size, SIZE);
        uint8_t image[PIXELS * 3];
        for (int64_t row = 0; row < set_get_info(s)->n; row++)
            if (set_read_image(s, row, image, &em) != ST_OK)
                refused++;
        set_free(s);
    }
    assert_true(refused > 20); /* the damage is real */
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX];
    struct set *s;
    path_of(path, "none.h5");
    assert_status(set_open(path, &s, &em), ST_NOINPUT);
    em = (struct errmsg){0};
    assert_ok(file_write_atomic(path, "hello", 5, &em));
    assert_status(set_open(path, &s, &em), ST_DATA);
    assert_text_has(em.text, "no HDF5 file");
}

static void consent_and_a_writable_folder_are_needed(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = 1, .size = 8, .person = "x", .consent = ""};
    char path[PATH_BYTES_MAX];
    path_of(path, "none.h5/x.h5");
    assert_status(set_writer_open(path, &d, &w, &em), ST_USAGE);
    em = (struct errmsg){0};
    d.consent = "yes";
    assert_status(set_writer_open(path, &d, &w, &em), ST_IO);
    assert_text_has(em.text, path);
}

static void an_unfinished_set_leaves_nothing(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = 1, .size = 8, .person = "x", .consent = "yes"};
    char path[PATH_BYTES_MAX], temporary[PATH_BYTES_MAX + 32];
    path_of(path, "unfinished.h5");
    assert_ok(set_writer_open(path, &d, &w, &em));
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    assert_true(file_exists(temporary));
    set_writer_free(w);
    assert_false(file_exists(temporary) || file_exists(path));
}

/* --- points ----------------------------------------------------------------------------------- */

/* One picture of 16 px; landmarks may be NULL. */
static enum status open_with_points(const float points[FACE_POINTS][2],
                                    const float landmarks[SET_LANDMARKS][2], struct set **out,
                                    struct errmsg *told)
{
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = 1,
                                .size = SIZE,
                                .person = "x",
                                .consent = "drawn",
                                .landmarks = landmarks != NULL,
                                .points = true};
    const uint8_t image[PIXELS * 3] = {0};
    struct set_row data = {.name = "a.png",
                           .image = image,
                           .landmarks = landmarks,
                           .points = points};
    char path[PATH_BYTES_MAX];
    path_of(path, "points.h5");
    assert_ok(set_writer_open(path, &d, &w, &em));
    assert_ok(set_writer_put(w, 0, &data, &em));
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    *told = (struct errmsg){0};
    return set_open(path, out, told);
}

/* A face whose landmarks are (4, 5), (12, 5), (8, 8), (5, 12), (11, 12). */
static void face(float points[FACE_POINTS][2])
{
    for (int i = 0; i < FACE_POINTS; i++)
        points[i][0] = points[i][1] = NAN;
    for (int i = 0; i < 6; i++) {
        points[POINT_LEFT_EYE + i][0] = (float)(i + 1.5);
        points[POINT_RIGHT_EYE + i][0] = (float)(i + 9.5);
        points[POINT_LEFT_EYE + i][1] = points[POINT_RIGHT_EYE + i][1] = 5;
    }
    points[POINT_NOSE_TIP][0] = points[POINT_NOSE_TIP][1] = 8;
    points[POINT_MOUTH_LEFT][0] = 5;
    points[POINT_MOUTH_RIGHT][0] = 11;
    points[POINT_MOUTH_LEFT][1] = points[POINT_MOUTH_RIGHT][1] = 12;
}

static const float five[SET_LANDMARKS][2] = {
    {4,  5 },
    {12, 5 },
    {8,  8 },
    {5,  12},
    {11, 12}
};

static void landmarks_come_from_points_where_there_are_none(void **state)
{
    (void)state;
    struct errmsg em;
    struct set *s;
    float points[FACE_POINTS][2], got[SET_LANDMARKS][2];
    face(points);
    points[0][0] = 3; /* y is not known: neither is the point */
    assert_ok(open_with_points((const float(*)[2])points, NULL, &s, &em));
    assert_true(set_get_info(s)->has_landmarks && set_get_info(s)->landmarks_derived);
    assert_ok(set_read_landmarks(s, 0, got, &em));
    assert_memory_equal(got, five, sizeof got);
    assert_ok(set_read_points(s, 0, points, &em));
    assert_true(isnan(points[0][0]) && points[POINT_NOSE_TIP][0] == 8);
    set_free(s);
}

static void landmarks_and_points_must_agree(void **state)
{
    (void)state;
    struct errmsg em;
    struct set *s;
    float points[FACE_POINTS][2], landmarks[SET_LANDMARKS][2];
    face(points);
    memcpy(landmarks, five, sizeof landmarks);
    landmarks[2][1] += 1.9f; /* a quarter of 8, the distance of the eyes, is allowed */
    assert_ok(open_with_points((const float(*)[2])points, (const float(*)[2])landmarks, &s, &em));
    set_free(s);
    landmarks[2][1] += .2f;
    assert_status(open_with_points((const float(*)[2])points, (const float(*)[2])landmarks, &s,
                                   &em),
                  ST_DATA);
    assert_text_has(em.text, "row 0 (a.png)");
    assert_text_has(em.text, "the nose at (8.0, 10.1), /points at (8.0, 8.0)");
    points[POINT_NOSE_TIP][0] = NAN; /* then there is nothing to compare */
    assert_ok(open_with_points((const float(*)[2])points, (const float(*)[2])landmarks, &s, &em));
    set_free(s);
}

static void points_that_are_no_places_are_refused(void **state)
{
    (void)state;
    static const struct {
        float at;
        const char *told; /* NULL: fine */
    } all[] = {
        {INFINITY,  "y of point 37 (eye) is infinite"     },
        {-INFINITY, "row 0 (a.png)"                       },
        {-129,      "y of point 37 (eye) is -129"         },
        {1e30f,     "from -128 to 144 (8 times its 16 px)"},
        {-128,      NULL                                  },
        {144,       NULL                                  },
        {NAN,       NULL                                  },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct errmsg em;
        struct set *s;
        float points[FACE_POINTS][2];
        face(points);
        points[37][1] = all[i].at;
        enum status st = open_with_points((const float(*)[2])points, NULL, &s, &em);
        assert_status(st, all[i].told ? ST_DATA : ST_OK);
        if (all[i].told)
            assert_text_has(em.text, all[i].told);
        else
            set_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_hash_of_parts_is_of_all_but_the_pictures),
        cmocka_unit_test(names_of_many_pictures_take_little_memory),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(a_flipped_pixel_is_found_and_named),
        cmocka_unit_test(damage_never_gets_through),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(consent_and_a_writable_folder_are_needed),
        cmocka_unit_test(an_unfinished_set_leaves_nothing),
        cmocka_unit_test(landmarks_come_from_points_where_there_are_none),
        cmocka_unit_test(landmarks_and_points_must_agree),
        cmocka_unit_test(points_that_are_no_places_are_refused),
    };
    folder = scratch_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(folder);
    return failed;
}

/* Takes a face out of a folder of cuts.h, also where a kill came between any two of its steps. */
#include "stored.h"

#include <math.h>

#include "base/checked.h"
#include "base/file.h"
#include "testing.h"

enum { FRAMES = 3, SIZE = 8, HASH = 7 };
#define UNLIKE_PICTURE "000003-c.png"

/* In the order in which stored_drop replaces or removes them. */
static const char *const files[] = {"identity.csv", "points.csv",   "faces.csv",
                                    "progress",     UNLIKE_PICTURE, "masks/" UNLIKE_PICTURE};

static struct cuts_options options_of(const char *folder)
{
    return (struct cuts_options){
        .folder = folder, .person = "Ada", .consent = "yes", .hash = HASH, .size = SIZE};
}

static void add(struct cuts *c, const char *path, int i)
{
    struct errmsg em = {0};
    struct picture p = {0};
    struct cut *cut = calloc(1, sizeof *cut);
    assert_non_null(cut);
    *cut = (struct cut){.verdict = KEPT, .map.a = 1, .distance = NAN};
    cut->identity[0] = (float)i;
    assert_ok(picture_init(&p, SIZE, SIZE, &em));
    assert_ok(picture_encode_png(&p, NULL, &cut->picture, &cut->picture_bytes, &em));
    assert_ok(picture_encode_png(&p, NULL, &cut->mask, &cut->mask_bytes, &em));
    picture_release(&p);
    struct sight s = {.path = path, .time_s = NAN, .verdict = KEPT, .cuts = cut, .n = 1};
    assert_ok(cuts_add(c, &s, &em));
    sight_release(&s);
}

/* A folder with three faces, as extract leaves it after the last frame. */
static void make(const char *folder)
{
    static const char *const paths[FRAMES] = {"a.jpg", "b.jpg", "c.jpg"};
    struct cuts c;
    struct errmsg em = {0};
    const struct cuts_options o = options_of(folder);
    assert_ok(cuts_open(&c, &o, &em));
    for (int i = 0; i < FRAMES; i++)
        add(&c, paths[i], i);
    cuts_close(&c);
}

static void drop(const char *folder)
{
    struct cuts_state state;
    struct errmsg em = {0};
    assert_ok(cuts_load(folder, &state, &em));
    assert_ok(stored_drop(folder, UNLIKE_PICTURE, &state, &em));
}

static void place(const char *folder, const char *name, char out[static PATH_BYTES_MAX])
{
    assert_true(path_join(out, PATH_BYTES_MAX, folder, name));
}

/* Puts the file of one folder into another one; removes it if the first has none. */
static void take(const char *from, const char *to, const char *name)
{
    char source[PATH_BYTES_MAX], target[PATH_BYTES_MAX];
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct errmsg em = {0};
    place(from, name, source);
    place(to, name, target);
    if (!file_exists(source)) {
        assert_int_equal(unlink(target), 0);
        return;
    }
    assert_ok(file_read_all(source, 1 << 20, &bytes, &n, &em));
    assert_ok(file_write_atomic(target, bytes, n, &em));
    free(bytes);
}

static void assert_same(const char *a, const char *b, const char *name)
{
    char paths[2][PATH_BYTES_MAX];
    uint8_t *bytes[2] = {0};
    size_t n[2] = {0};
    struct errmsg em = {0};
    place(a, name, paths[0]);
    place(b, name, paths[1]);
    assert_int_equal(file_exists(paths[0]), file_exists(paths[1]));
    if (!file_exists(paths[0]))
        return;
    for (int i = 0; i < 2; i++)
        assert_ok(file_read_all(paths[i], 1 << 20, &bytes[i], &n[i], &em));
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void a_dropped_face_is_in_no_list(void **state)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    struct stored_reader r;
    struct stored_identities identities;
    struct errmsg em = {0};
    (void)state;
    char *scratch = scratch_new();
    place(scratch, "whole", folder);
    free(scratch);
    make(folder);
    drop(folder);
    int n = 0;
    assert_ok(stored_open(&r, folder, &em));
    for (; stored_next(&r); n++)
        assert_string_not_equal(r.name, UNLIKE_PICTURE);
    stored_close(&r);
    assert_int_equal(n, FRAMES - 1);
    assert_ok(stored_identities_read(folder, &identities, &em));
    assert_int_equal(identities.n, FRAMES - 1);
    stored_identities_release(&identities);
    static const char *const gone[] = {UNLIKE_PICTURE, "masks/" UNLIKE_PICTURE, "drop"};
    for (size_t i = 0; i < ARRAY_LENGTH(gone); i++) {
        place(folder, gone[i], path);
        assert_false(file_exists(path));
    }
}

static void a_kill_between_two_steps_loses_and_doubles_nothing(void **state)
{
    char before[PATH_BYTES_MAX], after[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    char *scratch = scratch_new();
    struct errmsg em = {0};
    (void)state;
    place(scratch, "after", after);
    make(after);
    drop(after);
    for (size_t done = 0; done <= ARRAY_LENGTH(files); done++) {
        char name[32];
        struct cuts c;
        snprintf(name, sizeof name, "before-%zu", done);
        place(scratch, name, before);
        make(before);
        place(before, "drop", path);
        assert_ok(file_write_atomic(path, UNLIKE_PICTURE, strlen(UNLIKE_PICTURE), &em));
        for (size_t i = 0; i < done; i++)
            take(after, before, files[i]);
        assert_ok(stored_drop_again(before, &em));
        for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
            assert_same(before, after, files[i]);
        assert_false(file_exists(path));
        const struct cuts_options o = options_of(before);
        assert_ok(cuts_open(&c, &o, &em));
        assert_int_equal(c.state.counts[UNLIKE], 1);
        assert_int_equal(c.state.counts[KEPT], FRAMES - 1);
        cuts_close(&c);
        assert_ok(stored_drop_again(before, &em)); /* nothing is left to do */
    }
    free(scratch);
}

static void a_damaged_note_of_a_drop_is_told(void **state)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    struct errmsg em = {0};
    (void)state;
    char *scratch = scratch_new();
    place(scratch, "damaged", folder);
    free(scratch);
    make(folder);
    place(folder, "drop", path);
    assert_ok(file_write_atomic(path, "../a.png", 8, &em));
    assert_status(stored_drop_again(folder, &em), ST_DATA);
    assert_text_has(em.text, "drop is damaged");
}

/* Its faces would stay among those of the new beginning. */
static void progress_of_another_version_is_refused(void **state)
{
    (void)state;
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    struct cuts c;
    struct errmsg em = {0};
    make(folder);
    place(folder, "progress", path);
    assert_int_equal(truncate(path, 100), 0);
    const struct cuts_options o = options_of(folder);
    assert_status(cuts_open(&c, &o, &em), ST_DATA);
    assert_text_has(em.text, "of another version of bifrons");
    assert_int_equal(truncate(path, 0), 0); /* killed before the first frame */
    em = (struct errmsg){0};
    assert_ok(cuts_open(&c, &o, &em));
    assert_int_equal(c.state.frames, 0);
    cuts_close(&c);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dropped_face_is_in_no_list),
        cmocka_unit_test(a_kill_between_two_steps_loses_and_doubles_nothing),
        cmocka_unit_test(a_damaged_note_of_a_drop_is_told),
        cmocka_unit_test(progress_of_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

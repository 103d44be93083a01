/* What face networks see of a preview's swaps, on two rendered people. Skipped where scripts/setup
 * --photographs has not been run. The argument is the folder of their pictures. */
#include "preview_faces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "finder.h"
#include "testing.h"

enum { SIZE = 256, BYTES = SIZE * SIZE * 3, PICTURES = 2 };

static const char *folder;
static struct session session;
static uint8_t *pictures[MODEL_PEOPLE]; /* (PICTURES, SIZE, SIZE, 3): the same scenes of both */

static void read_pictures(int person)
{
    static const char *const names[PICTURES] = {"0003", "0009"};
    struct errmsg em = {0};
    pictures[person] = malloc((size_t)PICTURES * BYTES);
    assert_non_null(pictures[person]);
    for (int i = 0; i < PICTURES; i++) {
        char name[16], path[PATH_BYTES_MAX];
        struct picture p;
        snprintf(name, sizeof name, "%c%s.jpg", 'a' + person, names[i]);
        assert_true(path_join(path, sizeof path, folder, name));
        assert_ok(picture_read(path, &p, &em));
        assert_int_equal(p.width, SIZE);
        memcpy(pictures[person] + (ptrdiff_t)i * BYTES, p.rgb, BYTES);
        picture_release(&p);
    }
}

static void open_set(int person, const uint8_t *rgb)
{
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = PICTURES, .size = SIZE, .person = "p", .consent = "rendered"};
    char *scratch = scratch_new(), path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, scratch, "set.h5"));
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int i = 0; i < PICTURES; i++)
        assert_ok(set_writer_put(
            w, i, &(struct set_row){.name = "x", .image = rgb + (ptrdiff_t)i * BYTES}, &em));
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, &session.run.sets[person], &em));
    assert_ok(order_new(set_hashes(session.run.sets[person]), PICTURES, 0, 1,
                        (enum order_person)person, &session.run.orders[person], &em));
    free(scratch);
}

static void open_session(const uint8_t *a, const uint8_t *b)
{
    struct errmsg em = {0};
    session = (struct session){.run.config.log.faces = FACES_ON};
    open_set(MODEL_A, a);
    open_set(MODEL_B, b);
    const struct loader_source sources[2] = {
        {session.run.sets[0], session.run.orders[0]},
        {session.run.sets[1], session.run.orders[1]}
    };
    assert_ok(loader_new(sources, &session.run.config.augment, 1, &session.stage.loader, &em));
}

static void close_session(void)
{
    loader_free(session.stage.loader);
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        order_free(session.run.orders[p]);
        set_free(session.run.sets[p]);
    }
}

static void measure(struct preview_faces *f, const uint8_t *swap_a, const uint8_t *swap_b,
                    struct likeness_sum out[MODEL_PEOPLE])
{
    struct errmsg em = {0};
    const struct preview_pictures p = {
        .n = PICTURES,
        .size = SIZE,
        .original = {pictures[0], pictures[1]},
        .swap = {swap_a,      swap_b     }
    };
    memset(out, 0, MODEL_PEOPLE * sizeof *out);
    assert_ok(preview_faces_measure(f, &session, &p, out, &em));
}

static void true_swaps_are_the_other_person_in_the_same_pose(void **unused)
{
    (void)unused;
    struct likeness_sum of[MODEL_PEOPLE], again[MODEL_PEOPLE];
    open_session(pictures[MODEL_A], pictures[MODEL_B]);
    struct preview_faces *f = preview_faces_open(&session.run);
    assert_non_null(f);
    assert_true(preview_faces_are_due(f));
    measure(f, pictures[MODEL_B], pictures[MODEL_A], of);
    assert_false(preview_faces_are_due(f)); /* it has just taken more than 5 % of no time */
    measure(f, pictures[MODEL_B], pictures[MODEL_A], again);
    assert_memory_equal(of, again, sizeof of);
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        assert_int_equal(of[p].looked, PICTURES);
        assert_int_equal(of[p].found, PICTURES);
        assert_true(fabs(likeness_mean(&of[p], LIKENESS_IDENTITY) - 1) < 0.01);
        assert_true(likeness_mean(&of[p], LIKENESS_POSE) < 10);
        assert_true(likeness_mean(&of[p], LIKENESS_MOUTH) < 1);
    }
    preview_faces_free(f);
    close_session();
}

static void pictures_left_as_they_are_are_the_same_person(void **unused)
{
    (void)unused;
    struct likeness_sum of[MODEL_PEOPLE];
    uint8_t *grey = malloc((size_t)PICTURES * BYTES);
    assert_non_null(grey);
    memset(grey, 128, (size_t)PICTURES * BYTES);
    open_session(pictures[MODEL_A], pictures[MODEL_B]);
    struct preview_faces *f = preview_faces_open(&session.run);
    assert_non_null(f);
    measure(f, pictures[MODEL_A], grey, of);
    assert_true(fabs(likeness_mean(&of[MODEL_A], LIKENESS_IDENTITY)) < 0.01);
    assert_true(likeness_mean(&of[MODEL_A], LIKENESS_POSE) == 0);
    assert_int_equal(of[MODEL_B].looked, PICTURES);
    assert_int_equal(of[MODEL_B].found, 0);
    assert_true(isnan(likeness_mean(&of[MODEL_B], LIKENESS_IDENTITY)));
    preview_faces_free(f);
    close_session();
    free(grey);
}

static void a_set_without_faces_is_named(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct likeness_sum of[MODEL_PEOPLE] = {0};
    uint8_t *grey = malloc((size_t)PICTURES * BYTES);
    assert_non_null(grey);
    memset(grey, 128, (size_t)PICTURES * BYTES);
    open_session(grey, pictures[MODEL_B]);
    struct preview_faces *f = preview_faces_open(&session.run);
    assert_non_null(f);
    const struct preview_pictures p = {
        .n = PICTURES, .size = SIZE, .original = {grey, grey},
                .swap = {grey, grey}
    };
    assert_int_equal(preview_faces_measure(f, &session, &p, of, &em), ST_DATA);
    assert_text_has(em.text, "in 0 of 2 pictures of ");
    assert_text_has(em.text, set_path(session.run.sets[MODEL_A]));
    preview_faces_free(f);
    close_session();
    free(grey);
}

static void sets_without_identity_are_measured_only_on_request(void **unused)
{
    (void)unused;
    open_session(pictures[MODEL_A], pictures[MODEL_B]);
    session.run.config.log.faces = FACES_AUTO;
    assert_null(preview_faces_open(&session.run));
    session.run.config.log.faces = FACES_OFF;
    assert_null(preview_faces_open(&session.run));
    close_session();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_swaps_are_the_other_person_in_the_same_pose),
        cmocka_unit_test(pictures_left_as_they_are_are_the_same_person),
        cmocka_unit_test(a_set_without_faces_is_named),
        cmocka_unit_test(sets_without_identity_are_measured_only_on_request),
    };
    folder = argc > 1 ? argv[1] : ".";
    if (!finder_is_installed()) {
        puts("skipped: the networks come with scripts/setup --photographs");
        return 77;
    }
    read_pictures(MODEL_A);
    read_pictures(MODEL_B);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(pictures[MODEL_A]);
    free(pictures[MODEL_B]);
    return failed;
}

/* Frames that several threads examine are written once each, in their order, whatever fails. What
 * frames, the face networks and the folder do is replaced below. */
#include "watch.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>

#include "data/picture_folder.h"
#include "testing.h"

enum { FRAMES = 200, THREADS = 4, NONE = -1 };

static struct errmsg em;

static struct {
    int next;                                                  /* frame that frames_next gives */
    int unreadable, fails_in_finder, fails_in_folder, several; /* frames, or NONE */
    atomic_int finders, frames, sights;                        /* given and not released */
    atomic_int examining, examining_most;                      /* threads at once */
    int written[FRAMES], n_written;
    enum verdict verdicts[FRAMES];
    int stop_after; /* frames written */
} now;

enum status __wrap_frames_next(struct frames *f, struct frame *out, bool *more_out,
                               struct errmsg *why);
double __wrap_frames_share(const struct frames *f);
void __wrap_frame_release(struct frame *frame);
enum status __wrap_finder_open(const char *folder, const char *device, struct finder **out,
                               struct errmsg *why);
void __wrap_finder_free(struct finder *f);
enum status __wrap_sight_look(struct finder *f, const struct sight_rules *rules,
                              struct frame *frame, struct sight *out, struct errmsg *why);
void __wrap_sight_release(struct sight *s);
enum status __wrap_cuts_add(struct cuts *c, struct sight *s, struct errmsg *why);

enum status __wrap_frames_next(struct frames *f, struct frame *out, bool *more_out,
                               struct errmsg *why)
{
    (void)f;
    *more_out = now.next < FRAMES;
    if (!*more_out)
        return ST_OK;
    int i = now.next++;
    *out = (struct frame){.path = "video.mp4", .time_s = i};
    if (i == now.unreadable)
        return FAIL(why, ST_DATA, "frame %d is damaged", i);
    out->picture.rgb = malloc(1);
    assert_non_null(out->picture.rgb);
    atomic_fetch_add(&now.frames, 1);
    return ST_OK;
}

double __wrap_frames_share(const struct frames *f)
{
    (void)f;
    return (double)now.next / FRAMES;
}

void __wrap_frame_release(struct frame *frame)
{
    if (frame->picture.rgb)
        atomic_fetch_sub(&now.frames, 1);
    free(frame->picture.rgb);
    *frame = (struct frame){0};
}

enum status __wrap_finder_open(const char *folder, const char *device, struct finder **out,
                               struct errmsg *why)
{
    (void)folder, (void)device, (void)why;
    *out = malloc(1);
    assert_non_null(*out);
    atomic_fetch_add(&now.finders, 1);
    return ST_OK;
}

void __wrap_finder_free(struct finder *f)
{
    if (f)
        atomic_fetch_sub(&now.finders, 1);
    free(f);
}

/* Every third frame takes longer than its neighbours. */
enum status __wrap_sight_look(struct finder *f, const struct sight_rules *rules,
                              struct frame *frame, struct sight *out, struct errmsg *why)
{
    (void)f, (void)rules;
    int i = (int)frame->time_s, at_once = 1 + atomic_fetch_add(&now.examining, 1);
    for (int most = now.examining_most;
         at_once > most && !atomic_compare_exchange_weak(&now.examining_most, &most, at_once);)
        continue;
    for (int turns = i % 3 == 0 ? 2000 : 20; turns > 0; turns--)
        sched_yield();
    atomic_fetch_sub(&now.examining, 1);
    if (i == now.fails_in_finder)
        return FAIL(why, ST_TORCH, "frame %d cannot be examined", i);
    out->cuts = calloc(1, sizeof *out->cuts);
    assert_non_null(out->cuts);
    out->n = 1;
    out->verdict = KEPT;
    atomic_fetch_add(&now.sights, 1);
    return ST_OK;
}

void __wrap_sight_release(struct sight *s)
{
    if (s->cuts)
        atomic_fetch_sub(&now.sights, 1);
    free(s->cuts);
    s->cuts = NULL;
    s->n = 0;
}

enum status __wrap_cuts_add(struct cuts *c, struct sight *s, struct errmsg *why)
{
    int i = (int)s->time_s;
    if (i == now.fails_in_folder)
        return FAIL(why, ST_IO, "frame %d cannot be written", i);
    now.verdicts[now.n_written] = s->verdict;
    now.written[now.n_written++] = i;
    if (i == now.several && c->state.several++ == 0)
        c->state.first_several = c->state.frames;
    c->state.frames++;
    return ST_OK;
}

static bool stop(void)
{
    return now.n_written >= now.stop_after;
}

static enum status watch_frames(int threads, uint64_t done)
{
    static struct people nobody;
    static struct extract_arguments a = {.rules.people = &nobody};
    struct name_list left[VERDICTS] = {0}, profiles = {0};
    struct cuts cuts = {.state.frames = done};
    struct watch_options o = {.arguments = &a, .stop = stop, .left = left, .profiles = &profiles};
    a.threads = threads;
    enum status st = watch(&o, &cuts, &em);
    assert_int_equal(cuts.state.frames, done + (uint64_t)now.n_written);
    assert_int_equal(now.frames, 0);
    assert_int_equal(now.sights, 0);
    assert_int_equal(now.finders, 0);
    return st;
}

/* Every frame from `first` on, n of them. */
static void assert_written(int first, int n)
{
    assert_int_equal(now.n_written, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(now.written[i], first + i);
}

static int begin(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    now.unreadable = now.fails_in_finder = now.fails_in_folder = now.several = NONE;
    now.stop_after = FRAMES + 1;
    em = (struct errmsg){0};
    return 0;
}

static void frames_are_written_in_their_order(void **state)
{
    (void)state;
    assert_ok(watch_frames(THREADS, 0));
    assert_written(0, FRAMES);
    assert_true(now.examining_most > 1);
}

static void one_thread_writes_the_same(void **state)
{
    (void)state;
    assert_ok(watch_frames(1, 0));
    assert_written(0, FRAMES);
    assert_int_equal(now.examining_most, 1);
}

static void it_goes_on_after_the_frames_at_hand(void **state)
{
    (void)state;
    assert_ok(watch_frames(THREADS, 70));
    assert_written(70, FRAMES - 70);
}

static void a_frame_that_cannot_be_read_keeps_its_place(void **state)
{
    (void)state;
    now.unreadable = 20;
    assert_ok(watch_frames(THREADS, 0));
    assert_written(0, FRAMES);
    for (int i = 0; i < FRAMES; i++)
        assert_int_equal(now.verdicts[i], i == 20 ? UNREADABLE : KEPT);
}

static void frames_before_a_failure_are_written(void **state)
{
    (void)state;
    now.fails_in_finder = 50;
    assert_status(watch_frames(THREADS, 0), ST_TORCH);
    assert_text_has(em.text, "frame 50 cannot be examined");
    assert_written(0, 50);
}

static void nothing_is_written_after_the_folder_failed(void **state)
{
    (void)state;
    now.fails_in_folder = 40;
    assert_status(watch_frames(THREADS, 0), ST_IO);
    assert_text_has(em.text, "frame 40 cannot be written");
    assert_written(0, 40);
}

static void stopped_it_writes_what_was_begun(void **state)
{
    (void)state;
    now.stop_after = 30;
    assert_status(watch_frames(THREADS, 0), ST_AGAIN);
    assert_true(now.n_written >= 30 && now.n_written <= 30 + 2 * THREADS);
    assert_written(0, now.n_written);
}

static void after_several_people_it_ends_early(void **state)
{
    (void)state;
    now.several = 20;
    assert_ok(watch_frames(THREADS, 0));
    assert_true(now.n_written >= 140 && now.n_written <= 140 + 2 * THREADS);
    assert_written(0, now.n_written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_are_written_in_their_order, begin),
        cmocka_unit_test_setup(one_thread_writes_the_same, begin),
        cmocka_unit_test_setup(it_goes_on_after_the_frames_at_hand, begin),
        cmocka_unit_test_setup(a_frame_that_cannot_be_read_keeps_its_place, begin),
        cmocka_unit_test_setup(frames_before_a_failure_are_written, begin),
        cmocka_unit_test_setup(nothing_is_written_after_the_folder_failed, begin),
        cmocka_unit_test_setup(stopped_it_writes_what_was_begun, begin),
        cmocka_unit_test_setup(after_several_people_it_ends_early, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "swap_video.h"

#include <inttypes.h>
#include <math.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "command.h"
#include "composite_note.h"
#include "data/video_writer.h"
#include "results.h"

#include "base/poison.h"

enum { RUNS = 3 };

/* Frames that follow each other and are as they were. */
struct run_of_frames {
    double from_s, to_s; /* of the first and the last one */
    int64_t frames;      /* 0: none */
};

struct work {
    const struct swap_video *o;
    struct video *in;
    struct video_writer *out;
    struct into_report all; /* of all frames; its numbers are of faces */
    int64_t frames, composites, no_face, nobody, unsure, followed; /* frames */
    struct run_of_frames left, longest[RUNS];                      /* the present one; by length */
    double begun_s, shown_s, first_s;
    int64_t last_ticks, end_ticks; /* when the last frame begins and ends */
    bool out_failed;
};

static struct picture_mark mark_of(const struct work *w)
{
    return (struct picture_mark){.source = PICTURE_SOURCE_COMPOSITE,
                                 .checkpoint_hash = w->o->loaded->hash};
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static enum status open_output(struct work *w, const struct video_frame *first, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    const struct video_info *i = video_get_info(w->in);
    const struct picture_mark mark = mark_of(w);
    const struct video_output o = {
        .width = i->width,
        .height = i->height,
        .base_num = i->base_num,
        .base_den = i->base_den,
        .fps = i->fps,
        .from_ticks = w->o->from_s > 0 ? first->ticks : 0,
        .to_s = w->o->to_s,
        .sound_of = i->sound && !w->o->no_sound ? w->o->input : NULL,
        .mark = &mark,
    };
    w->first_s = first->time_s;
    path_folder(w->o->out, folder, sizeof folder);
    enum status st = folder_make(folder, em);
    return st == ST_OK ? video_writer_open(w->o->out, &o, &w->out, em) : st;
}

/* Sorts the present run into the longest ones. */
static void end_run(struct work *w)
{
    struct run_of_frames run = w->left;
    for (int i = 0; i < RUNS; i++)
        if (run.frames > w->longest[i].frames) {
            struct run_of_frames shorter = w->longest[i];
            w->longest[i] = run;
            run = shorter;
        }
    w->left.frames = 0;
}

static void count(struct work *w, const struct into_report *r, const struct video_frame *f)
{
    if (r->n_replaced > 0)
        end_run(w);
    else if (w->left.frames++ == 0)
        w->left.from_s = f->time_s;
    w->left.to_s = f->time_s;
    w->last_ticks = f->ticks;
    w->end_ticks = f->ticks + f->duration;
    w->frames++;
    w->composites += r->n_replaced > 0;
    w->no_face += r->n_faces == 0;
    w->nobody += r->n_faces > 0 && r->n_replaced == 0;
    w->unsure += r->n_unsure > 0;
    w->followed += r->n_followed > 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        w->all.replaced[who] = w->all.replaced[who] || r->replaced[who];
}

static void show_progress(struct work *w, double time_s)
{
    const struct video_info *i = video_get_info(w->in);
    double now = clock_seconds(), end_s = i->duration_s; /* 0: not known */
    double rate = (double)w->frames / (now - w->begun_s);
    char left[32];
    if (now - w->shown_s < 1)
        return;
    w->shown_s = now;
    if (w->o->to_s > 0 && (w->o->to_s < end_s || end_s <= 0))
        end_s = w->o->to_s;
    double done = time_s - w->first_s;
    if (done <= 0 || end_s <= time_s) {
        log_progress("%" PRId64 " frames, up to %.1f s, %.1f frames a second", w->frames, time_s,
                     rate);
        return;
    }
    clock_format_duration((now - w->begun_s) * (end_s - time_s) / done, left, sizeof left);
    log_progress("%" PRId64 " frames, %.1f of %.1f s, %.1f frames a second, %s left", w->frames,
                 time_s, end_s, rate, left);
}

static enum status work_on(struct work *w, const struct video_frame *f, struct errmsg *em)
{
    struct picture result = {0};
    struct into_report report;
    enum status st = w->out ? ST_OK : open_output(w, f, em);
    if (st == ST_OK)
        st = into_frame(w->o->into, &f->picture, f->time_s, &result, &report, em);
    if (st == ST_OK) {
        st = video_writer_add(w->out, &result, f->ticks, f->duration, em);
        w->out_failed = st != ST_OK;
    }
    if (st == ST_OK)
        count(w, &report, f);
    picture_release(&result);
    return st;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void log_frames_left(struct work *w)
{
    char runs[RUNS][64] = {{0}};
    end_run(w);
    for (int i = 0; i < RUNS && w->longest[i].frames > 0; i++)
        snprintf(runs[i], sizeof runs[i], "%s%.2f to %.2f s (%" PRId64 " frame%s)",
                 i > 0 ? ", " : "", w->longest[i].from_s, w->longest[i].to_s, w->longest[i].frames,
                 PLURAL(w->longest[i].frames));
    if (w->no_face + w->nobody > 0)
        log_warn("%" PRId64 " frames are as they were: %" PRId64 " without a face, %" PRId64
                 " without one of %s; the longest parts: %s%s%s",
                 w->no_face + w->nobody, w->no_face, w->nobody, w->o->who, runs[0], runs[1],
                 runs[2]);
    if (w->followed > 0)
        log_info("in %" PRId64
                 " frames a face was recognised by its place and by the frame before, "
                 "because it is less like %s there",
                 w->followed, w->o->who);
}

static void log_outcome(struct work *w, const struct video_written *done)
{
    const struct video_info *i = video_get_info(w->in);
    if (i->converted[0])
        log_info("%s: converted to standard pictures: %s", w->o->input, i->converted);
    if (video_problems(w->in)[0])
        log_warn("%s: %s", w->o->input, video_problems(w->in));
    log_frames_left(w);
    if (w->unsure > 0)
        log_warn("in %" PRId64 " frames a face is perhaps of %s and was left alone. More pictures "
                 "with --reference, and of other people with --other, make it surer",
                 w->unsure, w->o->who);
    if (done->sound_moved > 0)
        log_warn("%s: %" PRId64
                 " packet%s of its sound had times that go back or are missing: each "
                 "now follows the one before",
                 w->o->input, done->sound_moved, PLURAL(done->sound_moved));
    if (done->sound_lost > 0)
        log_warn("%s: left out: %" PRId64 " packet%s of its sound, which %s does not take",
                 w->o->input, done->sound_lost, PLURAL(done->sound_lost), w->o->out);
    if (done->left > 0)
        log_info("left out: %" PRId64 " streams of %s that are neither video nor sound", done->left,
                 w->o->input);
    log_info("%s: %" PRId64 " frames, %" PRId64
             " of them composites (%s, %s), with a note beside it",
             w->o->out, w->frames, w->composites, done->codec,
             done->sounds > 0             ? "sound copied"
             : w->o->no_sound && i->sound ? "sound left out"
                                          : "no sound");
}

static enum status finish(struct work *w, struct errmsg *em)
{
    struct video_written done;
    struct name_list generated = {0};
    struct earlier_results earlier = {0};
    earlier_results_look(&earlier, w->o->out, w->composites == 0);
    if (w->composites == 0) {
        earlier_results_log(&earlier, "composite");
        return FAIL(em, ST_DATA,
                    "no face of %s was found in %" PRId64 " frame%s of %s: nothing was written%s%s",
                    w->o->who, w->frames, PLURAL(w->frames), w->o->input,
                    video_problems(w->in)[0] ? "; " : "", video_problems(w->in));
    }
    enum status st = video_writer_finish(w->out, &done, em);
    generated_inputs_add(&generated, w->o->input);
    if (st == ST_OK) /* before the video has its name: no composite may be without a note */
        st = composite_note_write(w->o->out, w->o->input, w->o->loaded, &w->all, em);
    if (st == ST_OK)
        st = video_writer_commit(w->out, em);
    if (st != ST_OK)
        return st;
    log_outcome(w, &done);
    generated_inputs_log(&generated);
    earlier_results_log(&earlier, "composite");
    return ST_OK;
}

/* What is finished of a video whose frames ended early, because of *em. An earlier composite is
 * worth more than a part of a new one. */
static enum status finish_part(struct work *w, struct errmsg *em)
{
    const struct video_info *i = video_get_info(w->in);
    const struct errmsg why = *em;
    if (file_exists(w->o->out)) {
        log_warn("%s is left as it was: %" PRId64 " new frames are dropped", w->o->out, w->frames);
        return why.code;
    }
    *em = (struct errmsg){0};
    video_writer_end_sound(w->out, w->end_ticks);
    enum status st = finish(w, em);
    if (st != ST_OK) {
        log_warn("%s", why.text);
        return st;
    }
    const double tick_s = (double)i->base_num / (double)i->base_den;
    /* after the last frame and before the next: durations in files may be wrong */
    double from_s = (floor(1000 * (double)w->last_ticks * tick_s) + 1) / 1000;
    return FAIL(em, why.code,
                "%s ends at %.3f s of %s: %s. --from %.3f writes the rest, to another -o",
                w->o->out, (double)w->end_ticks * tick_s, w->o->input, why.text, from_s);
}

static enum status next_frame(struct work *w, struct video_frame *f, struct errmsg *em)
{
    if (command_stop_wanted())
        return FAIL(em, ST_AGAIN, "stopped on request%s",
                    w->composites > 0 ? "" : ": nothing was written");
    return video_next(w->in, f, em);
}

enum status swap_video(const struct swap_video *o, struct errmsg *em)
{
    struct work w = {.o = o, .begun_s = clock_seconds()};
    const struct video_options options = {.from_s = o->from_s, .to_s = o->to_s};
    struct video_frame f = {0};
    command_stop_on_signals();
    enum status st = video_open(o->input, &options, &w.in, em);
    while (st == ST_OK && (st = next_frame(&w, &f, em)) == ST_OK && f.picture.rgb) {
        show_progress(&w, f.time_s);
        st = work_on(&w, &f, em);
    }
    log_progress("%s", "");
    if (st == ST_OK)
        st = finish(&w, em);
    else if (w.composites > 0 && !w.out_failed)
        st = finish_part(&w, em);
    video_writer_free(w.out);
    video_frame_release(&f);
    video_free(w.in);
    return st;
}

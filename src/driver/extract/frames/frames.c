#include "frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/log.h"
#include "data/file_kind.h"
#include "inputs.h"

#include "base/poison.h"

struct frames {
    struct inputs inputs;
    struct video_options which; /* frames of videos */
    size_t next;                /* of inputs */
    struct video *video;        /* the one that is being read; NULL: none */
    double from_s, to_s, now_s; /* its part that is read; the time of its last frame */
};

static void close_video(struct frames *f)
{
    video_free(f->video);
    f->video = NULL;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    close_video(f);
    inputs_release(&f->inputs);
    free(f);
}

/* Options that nothing uses are refused, not ignored. */
static enum status check_options(const struct frames *f, const char *word, struct errmsg *em)
{
    const struct video_options *v = &f->which;
    bool given = v->from_s > 0 || v->to_s > 0 || v->every > 1 || v->fps > 0;
    return given && f->inputs.n_videos == 0
               ? FAIL(em, ST_USAGE,
                      "--from, --to, --every and --fps are for videos, and %s holds none", word)
               : ST_OK;
}

enum status frames_open(const char *const *words, size_t n_words, const struct video_options *video,
                        struct frames **out, struct errmsg *em)
{
    struct frames *f = calloc(1, sizeof *f);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    f->which = *video;
    enum status st = inputs_list(words, n_words, &f->inputs, em);
    if (st == ST_OK)
        st = check_options(f, words[0], em);
    if (st == ST_OK)
        *out = f;
    else
        frames_free(f);
    return st;
}

static enum status open_video(struct frames *f, const char *path, struct errmsg *em)
{
    enum status st = video_open(path, &f->which, &f->video, em);
    if (st != ST_OK)
        return st;
    const struct video_info *i = video_get_info(f->video);
    if (i->converted[0])
        log_info("%s: converted to standard pictures: %s", path, i->converted);
    f->now_s = f->from_s = f->which.from_s;
    f->to_s = f->which.to_s > 0 && f->which.to_s < i->duration_s ? f->which.to_s : i->duration_s;
    return ST_OK;
}

/* The next frame of the open video; *more_out = false: it has no more. */
static enum status next_of_video(struct frames *f, struct frame *out, bool *more_out,
                                 struct errmsg *em)
{
    struct video_frame next = {0};
    out->path = f->inputs.paths[f->next - 1];
    enum status st = video_next(f->video, &next, em);
    *more_out = st == ST_OK && next.picture.rgb;
    if (*more_out) {
        out->picture = next.picture;
        out->time_s = f->now_s = next.time_s;
        return ST_OK;
    }
    if (st == ST_OK && video_problems(f->video)[0])
        log_warn("%s: %s", out->path, video_problems(f->video));
    video_frame_release(&next);
    close_video(f);
    return st;
}

/* False also for what cannot be read: frame_load says why. */
static bool is_video(const char *path)
{
    const struct file_kind *kind;
    struct errmsg ignored = {0};
    return file_kind_read(path, &kind, &ignored) == ST_OK && kind->group == FILE_VIDEO;
}

enum status frames_next(struct frames *f, struct frame *out, bool *more_out, struct errmsg *em)
{
    *out = (struct frame){.time_s = NAN};
    for (;;) {
        bool more = false;
        enum status st = f->video ? next_of_video(f, out, &more, em) : ST_OK;
        *more_out = more || f->next < f->inputs.n;
        if (st != ST_OK || more || !*more_out)
            return st;
        const char *path = f->inputs.paths[f->next++];
        *out = (struct frame){.path = path, .time_s = NAN};
        if (!is_video(path) || (st = open_video(f, path, em)) != ST_OK)
            return st;
    }
}

enum status frame_load(struct frame *frame, struct errmsg *em)
{
    return frame->picture.rgb ? ST_OK : picture_read(frame->path, &frame->picture, em);
}

void frame_release(struct frame *frame)
{
    picture_release(&frame->picture);
    *frame = (struct frame){0};
}

double frames_share(const struct frames *f)
{
    double read = f->to_s > f->from_s ? (f->now_s - f->from_s) / (f->to_s - f->from_s) : 0;
    double left = f->video ? 1 - MAX(MIN(read, 1), 0) : 0;
    return ((double)f->next - left) / (double)f->inputs.n;
}

uint64_t frames_hash(const struct frames *f)
{
    const struct video_options *v = &f->which;
    const double which[] = {v->from_s, v->to_s, v->every, v->fps};
    uint64_t hash = hash64(which, sizeof which, 0);
    for (size_t i = 0; i < f->inputs.n; i++) {
        struct stat about;
        const char *path = f->inputs.paths[i];
        hash = hash64(path, strlen(path), hash);
        if (stat(path, &about) != 0)
            continue;
        const int64_t facts[] = {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
        hash = hash64(facts, sizeof facts, hash);
    }
    return hash;
}

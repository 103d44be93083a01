#include "video_frames.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"

#include "base/poison.h"

struct open_video {
    struct video *video;
    const char *path;
    double from_s, to_s; /* of the part that is read */
    double now_s;        /* of the last frame */
};

static void close_video(void *state)
{
    struct open_video *o = state;
    video_free(o->video);
    free(o);
}

static enum status open_video(const char *path, const struct video_options *options,
                              void **state_out, struct errmsg *em)
{
    struct open_video *o = calloc(1, sizeof *o);
    if (!o)
        return FAIL(em, ST_MEMORY, "out of memory");
    o->path = path;
    enum status st = video_open(path, options, &o->video, em);
    if (st != ST_OK) {
        close_video(o);
        return st;
    }
    const struct video_info *i = video_get_info(o->video);
    if (i->converted[0])
        log_info("%s: converted to standard pictures: %s", path, i->converted);
    o->now_s = o->from_s = options->from_s;
    o->to_s = options->to_s > 0 && options->to_s < i->duration_s ? options->to_s : i->duration_s;
    *state_out = o;
    return ST_OK;
}

static enum status next_frame(void *state, struct frame *out, bool *more_out, struct errmsg *em)
{
    struct open_video *o = state;
    struct video_frame f = {0};
    enum status st = video_next(o->video, &f, em);
    if (st != ST_OK) {
        video_frame_release(&f);
        return st;
    }
    *more_out = f.picture.rgb != NULL;
    if (*more_out) {
        out->picture = f.picture;
        out->time_s = o->now_s = f.time_s;
    } else if (video_problems(o->video)[0]) {
        log_warn("%s: %s", o->path, video_problems(o->video));
    }
    return ST_OK;
}

static double share_read(const void *state)
{
    const struct open_video *o = state;
    double share = o->to_s > o->from_s ? (o->now_s - o->from_s) / (o->to_s - o->from_s) : 0;
    return MAX(MIN(share, 1), 0);
}

const struct frame_reader video_frames = {
    .open = open_video,
    .next = next_frame,
    .share = share_read,
    .close = close_video,
};

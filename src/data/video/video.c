#include "data/video.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/file_kind.h"
#include "video_helper.h"

#include "base/poison.h"

enum { NUMBER_BYTES = 32 };
#define END_SLACK_S 0.5 /* a file may end this much earlier than it says */

struct video {
    struct helper helper;
    char *path;
    struct video_info info;
    int64_t last; /* ticks of the last frame */
    bool ended;
    char problems[VIDEO_PLACES_BYTES];
};

bool video_available(void)
{
    char path[PATH_BYTES_MAX];
    return helper_find(NULL, path, NULL) == ST_OK;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static enum status start_helper(struct video *v, const struct video_options *o, struct errmsg *em)
{
    char from[NUMBER_BYTES], to[NUMBER_BYTES], every[NUMBER_BYTES], fps[NUMBER_BYTES];
    const char *words[] = {"read", v->path, from, to, every, fps, NULL};
    snprintf(from, sizeof from, "%.17g", o->from_s);
    snprintf(to, sizeof to, "%.17g", o->to_s > 0 ? o->to_s : INFINITY);
    snprintf(every, sizeof every, "%d", MAX(o->every, 1));
    snprintf(fps, sizeof fps, "%.17g", o->fps);
    return helper_start(o->program, words, &v->helper, em);
}

/* True if a bool that the helper sent is the byte 0 or 1: using any other byte as a bool is
 * undefined. The helper reads untrusted bytes, so it may send any byte. */
static bool bool_fits(const bool *sent)
{
    return *(const unsigned char *)sent <= 1;
}

static bool head_fits(struct video_info *i)
{
    i->codec[sizeof i->codec - 1] = i->converted[sizeof i->converted - 1] = '\0';
    return i->width > 0 && i->height > 0 && i->width <= PICTURE_SIDE_MAX &&
           i->height <= PICTURE_SIDE_MAX && (int64_t)i->width * i->height <= VIDEO_PIXELS_MAX &&
           i->base_num > 0 && i->base_den > 0 && i->base_num <= INT32_MAX &&
           i->base_den <= INT32_MAX && i->duration_s >= 0 && i->fps >= 0 && bool_fits(&i->sound);
}

enum status video_open(const char *path, const struct video_options *o, struct video **out,
                       struct errmsg *em)
{
    const struct file_kind *kind;
    enum status st = file_check_readable(path, em);
    if (st == ST_OK)
        st = file_kind_read(path, &kind, em);
    if (st != ST_OK)
        return st;
    if (kind->group != FILE_VIDEO)
        return FAIL(em, ST_DATA, "%s is no video: it is %s", path, kind->name);
    struct video *v = calloc(1, sizeof *v);
    if (!v || !(v->path = strdup(path))) {
        free(v);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    v->last = -1; /* times count from the start */
    v->helper = (struct helper){.path = v->path,
                                .within_s = o->within_s > 0 ? o->within_s : HELPER_WITHIN_S};
    st = start_helper(v, o, em);
    if (st == ST_OK)
        st = helper_expect(&v->helper, VIDEO_HEAD, &v->info, sizeof v->info, em);
    if (st == ST_OK && !head_fits(&v->info))
        st = FAIL(em, ST_DATA, "%s: bifrons-video sent an invalid head", path);
    if (st != ST_OK) {
        video_free(v);
        return st;
    }
    *out = v;
    return ST_OK;
}

const struct video_info *video_get_info(const struct video *v)
{
    return &v->info;
}

void video_free(struct video *v)
{
    if (!v)
        return;
    helper_end(&v->helper, 0);
    free(v->path);
    free(v);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void add_problem(struct video *v, const char *text)
{
    size_t n = strlen(v->problems);
    snprintf(v->problems + n, sizeof v->problems - n, "%s%s", n > 0 ? "; " : "", text);
}

static enum status take_end(struct video *v, const struct video_message *m, struct errmsg *em)
{
    struct video_end e;
    char text[VIDEO_PLACES_BYTES / 3];
    bool fits = m->bytes == sizeof e;
    enum status st = fits ? helper_receive_bytes(&v->helper, &e, sizeof e, em) : ST_OK;
    if (st != ST_OK)
        return st;
    if (!fits || !bool_fits(&e.whole) || !bool_fits(&e.wide))
        return FAIL(em, ST_DATA, "%s: bifrons-video sent an invalid end", v->path);
    v->ended = true;
    if (e.whole && v->info.duration_s > e.end_s + END_SLACK_S) {
        snprintf(text, sizeof text, "it ends after %.1f s, but says that it lasts %.1f s", e.end_s,
                 v->info.duration_s);
        add_problem(v, text);
    }
    if (e.damaged > 0) {
        snprintf(text, sizeof text, "%lld places in it are damaged", (long long)e.damaged);
        add_problem(v, text);
    }
    if (e.untimed > 0) {
        snprintf(text, sizeof text,
                 "%lld frames have no time stamp; theirs follow from the frame rate",
                 (long long)e.untimed);
        add_problem(v, text);
    }
    if (e.wide)
        add_problem(v, "its colours, of BT.2020 or P3, are read as BT.709's and come out too pale");
    return ST_OK;
}

/* Allocates the picture's memory once; all frames use it. */
static enum status allocate_picture(const struct video *v, struct video_frame *f, struct errmsg *em)
{
    if (f->picture.rgb && f->picture.width == v->info.width && f->picture.height == v->info.height)
        return ST_OK;
    picture_release(&f->picture);
    return picture_init(&f->picture, v->info.width, v->info.height, em);
}

enum status video_next(struct video *v, struct video_frame *f, struct errmsg *em)
{
    struct video_message m = {.kind = VIDEO_END};
    enum status st = v->ended ? ST_OK : helper_receive(&v->helper, &m, em);
    size_t bytes = (size_t)v->info.width * (size_t)v->info.height * 3;
    if (st == ST_OK && m.kind == VIDEO_END) {
        video_frame_release(f);
        return v->ended ? ST_OK : take_end(v, &m, em);
    }
    if (st == ST_OK && (m.kind != VIDEO_FRAME || m.bytes != bytes || m.ticks <= v->last))
        st = FAIL(em, ST_DATA, "%s: bifrons-video sent an invalid frame", v->path);
    if (st == ST_OK)
        st = allocate_picture(v, f, em);
    if (st == ST_OK)
        st = helper_receive_bytes(&v->helper, f->picture.rgb, bytes, em);
    if (st != ST_OK)
        return st;
    v->last = f->ticks = m.ticks;
    f->duration = MAX(m.duration, 0);
    f->time_s = (double)m.ticks * (double)v->info.base_num / (double)v->info.base_den;
    return ST_OK;
}

void video_frame_release(struct video_frame *f)
{
    picture_release(&f->picture);
    *f = (struct video_frame){0};
}

const char *video_problems(const struct video *v)
{
    return v->problems;
}

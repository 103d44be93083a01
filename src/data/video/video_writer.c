#include "data/video_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "mark.h"
#include "video_helper.h"

#include "base/poison.h"

enum { BOX_HEAD_BYTES = 24, END_WAIT_S = 10 };

struct video_writer {
    struct helper helper;
    char path[PATH_BYTES_MAX], temporary[PATH_BYTES_MAX];
    int width, height;
    int64_t from_ticks;
    int64_t sound_ticks;                          /* the end of the sound; 0: all of it */
    uint8_t xmp[BOX_HEAD_BYTES + MARK_XMP_BYTES]; /* the box with the mark */
    size_t xmp_bytes;                             /* 0: unmarked */
    bool done;
};

/* XMP in ISO base media files: a box "uuid" with this identifier (XMP specification, part 3). */
static const uint8_t xmp_box[16] = {0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8,
                                    0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC};

enum status video_check_output(const char *path, struct errmsg *em)
{
    const char *extension = path_extension(path);
    if (strcasecmp(extension, ".mp4") != 0 && strcasecmp(extension, ".mov") != 0)
        return FAIL(em, ST_USAGE, "-o %s: videos are written as .mp4 or .mov: name such a file",
                    path);
    static const char ours[] = "<xmp:CreatorTool>Bifrons";
    return file_check_ours(path, -(BOX_HEAD_BYTES + MARK_XMP_BYTES), ours, sizeof ours - 1,
                           "video that Bifrons made", em);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void make_xmp(struct video_writer *w, const struct picture_mark *mark)
{
    memcpy(w->xmp + 4, "uuid", 4);
    memcpy(w->xmp + 8, xmp_box, sizeof xmp_box);
    w->xmp_bytes = BOX_HEAD_BYTES + mark_xmp(mark, (char *)w->xmp + BOX_HEAD_BYTES);
    for (int i = 0; i < 4; i++)
        w->xmp[i] = (uint8_t)(w->xmp_bytes >> (24 - 8 * i));
}

static enum status send_head(struct video_writer *w, const struct video_output *o,
                             struct errmsg *em)
{
    struct video_head h = {.width = o->width,
                           .height = o->height,
                           .base_num = o->base_num,
                           .base_den = o->base_den,
                           .fps = o->fps,
                           .from_ticks = o->from_ticks,
                           .to_s = o->to_s};
    const struct video_message m = {.magic = VIDEO_MAGIC, .kind = VIDEO_HEAD, .bytes = sizeof h};
    snprintf(h.codec, sizeof h.codec, "%s", o->codec ? o->codec : "");
    if (o->mark && o->mark->source != PICTURE_SOURCE_UNMARKED)
        snprintf(h.comment, sizeof h.comment,
                 "Made with Bifrons: pictures in it come from a trained model (%s%s%s)",
                 mark_source_name(o->mark), o->mark->checkpoint_hash ? ", checkpoint " : "",
                 o->mark->checkpoint_hash ? o->mark->checkpoint_hash : "");
    return helper_send(&w->helper, &m, &h, em);
}

enum status video_writer_open(const char *path, const struct video_output *o,
                              struct video_writer **out, struct errmsg *em)
{
    enum status st = video_check_output(path, em);
    struct video_writer *w = st == ST_OK ? calloc(1, sizeof *w) : NULL;
    if (st == ST_OK && !w)
        st = FAIL(em, ST_MEMORY, "out of memory");
    if (st != ST_OK)
        return st;
    /* NOLINTNEXTLINE(analyzer-possible-null-dereference): st says that it is there */
    w->width = o->width;
    w->height = o->height;
    w->from_ticks = o->from_ticks;
    if (o->mark && o->mark->source != PICTURE_SOURCE_UNMARKED)
        make_xmp(w, o->mark);
    w->helper = (struct helper){.path = w->path, .within_s = HELPER_WITHIN_S};
    int n = snprintf(w->temporary, sizeof w->temporary, "%s.tmp.%ld", path, (long)getpid());
    snprintf(w->path, sizeof w->path, "%s", path);
    if (n >= (int)sizeof w->temporary)
        st = FAIL(em, ST_IO, "path too long: %s", path);
    const char *words[] = {"write", w->temporary,
                           strcasecmp(path_extension(path), ".mov") == 0 ? "mov" : "mp4",
                           o->sound_of ? o->sound_of : "", NULL};
    if (st == ST_OK)
        st = helper_start(o->program, words, &w->helper, em);
    if (st == ST_OK)
        st = send_head(w, o, em);
    if (st == ST_OK)
        *out = w;
    else
        video_writer_free(w);
    return st;
}

/* ---- Frames and the end ---------------------------------------------------------------------- */

enum status video_writer_add(struct video_writer *w, const struct picture *p, int64_t ticks,
                             int64_t duration, struct errmsg *em)
{
    BUG_ON(p->width != w->width || p->height != w->height || ticks < w->from_ticks);
    const struct video_message m = {.magic = VIDEO_MAGIC,
                                    .kind = VIDEO_FRAME,
                                    .bytes = (size_t)p->width * (size_t)p->height * 3,
                                    .ticks = ticks - w->from_ticks,
                                    .duration = duration};
    return helper_send(&w->helper, &m, p->rgb, em);
}

/* Adds the XMP at the end of the finished file, where readers look for boxes, too. */
static enum status append_xmp(const struct video_writer *w, struct errmsg *em)
{
    if (w->xmp_bytes == 0)
        return ST_OK;
    int fd = open(w->temporary, O_WRONLY | O_APPEND | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, w->xmp, w->xmp_bytes) : -1;
    int reason = written < 0 ? errno : ENOSPC;
    if (fd >= 0)
        close(fd);
    return written == (ssize_t)w->xmp_bytes
               ? ST_OK
               : FAIL_ERRNO(em, ST_IO, reason, "cannot write %s", w->temporary);
}

void video_writer_end_sound(struct video_writer *w, int64_t ticks)
{
    w->sound_ticks = ticks - w->from_ticks;
}

enum status video_writer_finish(struct video_writer *w, struct video_written *done,
                                struct errmsg *em)
{
    const struct video_message m = {.magic = VIDEO_MAGIC,
                                    .kind = VIDEO_END,
                                    .ticks = w->sound_ticks};
    enum status st = helper_send(&w->helper, &m, NULL, em);
    if (st == ST_OK)
        st = helper_expect(&w->helper, VIDEO_END, done, sizeof *done, em);
    if (st == ST_OK)
        st = append_xmp(w, em);
    if (st != ST_OK)
        return st;
    done->codec[sizeof done->codec - 1] = '\0';
    return ST_OK;
}

enum status video_writer_commit(struct video_writer *w, struct errmsg *em)
{
    enum status st = file_commit(w->temporary, w->path, em);
    w->done = st == ST_OK;
    return st;
}

void video_writer_free(struct video_writer *w)
{
    if (!w)
        return;
    helper_end(&w->helper, END_WAIT_S);
    if (!w->done)
        unlink(w->temporary);
    free(w);
}

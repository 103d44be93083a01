/*
 * Writes pictures as a marked video, with the sound of another file, through the helper program
 * bifrons-video (data/video.h).
 *
 *     struct video_output o = {.width = 640, .height = 360, .base_num = 1, .base_den = 25,
 *                              .sound_of = "walk.mp4", .mark = &mark};
 *     struct video_writer *w;
 *     struct video_written done;
 *     if (video_writer_open("swapped.mp4", &o, &w, &em) == ST_OK) {
 *         st = video_writer_add(w, &picture, 0, 1, &em);     // at tick 0, for one tick
 *         if (st == ST_OK)
 *             st = video_writer_finish(w, &done, &em);       // all frames and sounds are written
 *         if (st == ST_OK)
 *             st = video_writer_commit(w, &em);              // only now swapped.mp4 is there
 *         video_writer_free(w);
 *     }
 *
 * H.264 where libavcodec has libx264, else VP9 or MPEG-4. The file has the frames' exact times and
 * size. Sound is copied undecoded; subtitles and other streams are counted and left out, and so are
 * the source's tags, which may say where and when it was recorded.
 *
 * The mark is written into the container's tag "comment" and as XMP (a box "uuid", as the XMP
 * specification says, part 3). If it asks for the visible label, the caller draws that into the
 * frames that show a decoded face (picture_draw_label).
 *
 * One thread. If this process ends before video_writer_finish, the helper removes the unfinished
 * file.
 */
#ifndef BIFRONS_DATA_VIDEO_WRITER_H
#define BIFRONS_DATA_VIDEO_WRITER_H

#include "data/video.h"

struct video_output {
    int width, height;
    int64_t base_num, base_den; /* a tick in seconds, as in struct video_info */
    double fps;                 /* on average; 0: unknown */
    int64_t from_ticks;         /* becomes time 0; the sound before is left out */
    double to_s;          /* sound from this time of its file on is left out; 0: keep all of it */
    const char *sound_of; /* NULL: no sound */
    const struct picture_mark *mark; /* NULL: unmarked */
    const char *codec;               /* an encoder of libavcodec's; NULL: chosen */
    const char *program;             /* as in struct video_options */
};

struct video_written {
    int64_t frames, sounds, left; /* frames; streams of sound; other streams, which are left out */
    int64_t sound_moved; /* packets of sound whose times went back or were missing: each was
                            made to follow the one before */
    int64_t sound_lost;  /* packets of sound that the file did not take */
    char codec[VIDEO_NAME_BYTES];
};

struct video_writer;

/* ST_OK if a video may be written to this path: it ends with .mp4 or .mov, and either no file is
 * there, or a video that Bifrons made. */
enum status video_check_output(const char *path, struct errmsg *em) MUST_CHECK;

/* `o` may be released after the call. ST_USAGE: video_check_output; ST_NODEVICE: no helper
 * program. */
enum status video_writer_open(const char *path, const struct video_output *o,
                              struct video_writer **out, struct errmsg *em) MUST_CHECK;
/* ticks: at least from_ticks, and more than those of the frame before. duration 0: unknown. ST_IO,
 * ST_DATA. */
enum status video_writer_add(struct video_writer *w, const struct picture *p, int64_t ticks,
                             int64_t duration, struct errmsg *em) MUST_CHECK;
/* Leaves out the sound from this tick on: for a video that ends before its source. */
void video_writer_end_sound(struct video_writer *w, int64_t ticks);
/* Writes the rest of the file, under its temporary name. ST_IO, ST_DATA. */
enum status video_writer_finish(struct video_writer *w, struct video_written *done,
                                struct errmsg *em) MUST_CHECK;
/* Puts the finished file in its place. ST_IO. */
enum status video_writer_commit(struct video_writer *w, struct errmsg *em) MUST_CHECK;
/* Without video_writer_commit, nothing is left behind. */
void video_writer_free(struct video_writer *w);

#endif

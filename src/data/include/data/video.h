/*
 * Reads the pictures of an untrusted video, one after the other, from a helper program
 * (bifrons-video, which is linked with FFmpeg's libraries).
 *
 *     struct video *v;
 *     struct video_frame frame = {0};
 *     if (video_open("walk.mp4", &(struct video_options){.every = 10}, &v, &em) == ST_OK) {
 *         while (video_next(v, &frame, &em) == ST_OK && frame.picture.rgb)
 *             log_info("%.3f s: %d x %d", frame.time_s, frame.picture.width, frame.picture.height);
 *         video_frame_release(&frame);
 *         video_free(v);
 *     }
 *
 * Pictures are as a player shows them: upright (rotated as the file says), with square pixels,
 * progressive, 8-bit RGB. The matrix (BT.601, BT.709, BT.2020) and the range of the file are
 * applied; HDR (PQ, HLG) is mapped to standard range. Other formats are refused with a message that
 * names them.
 *
 * Times are whole ticks of base_num / base_den seconds, as in the file, counted from its start. A
 * variable frame rate stays variable. Times always increase.
 *
 * A handle belongs to one thread. The kernel ends the helper when the thread that opened it ends.
 * No call waits for the helper longer than `within_s`. All messages name the file.
 */
#ifndef BIFRONS_DATA_VIDEO_H
#define BIFRONS_DATA_VIDEO_H

#include <stdint.h>

#include "base/status.h"
#include "data/picture.h"

enum { VIDEO_NAME_BYTES = 48, VIDEO_PLACES_BYTES = 512 };

/* {0}: every frame from time 0 on. */
struct video_options {
    double from_s, to_s; /* frames with from <= time < to; to 0: to the end */
    int every;           /* 10: the first wanted frame and every 10th after it; 0 and 1: all */
    double fps;          /* at most this many frames a second; 0: all */
    double within_s;     /* the longest wait for an answer; 0: 60 */
    const char *program; /* NULL: bifrons-video beside this program's file */
};

struct video_info {
    int width, height;          /* of the pictures, upright */
    int64_t base_num, base_den; /* a tick in seconds */
    double duration_s;          /* as the file says, which may be wrong; 0: unknown */
    double fps;                 /* frames a second on average, as the file says; 0: unknown */
    int rotation;               /* degrees, clockwise, that were applied: 0, 90, 180, 270 */
    bool sound;
    char codec[VIDEO_NAME_BYTES];     /* "h264" */
    char converted[VIDEO_NAME_BYTES]; /* "HDR (PQ), interlaced", or "" */
};

struct video_frame {
    struct picture picture;  /* memory is used again for the next frame */
    int64_t ticks, duration; /* duration 0: unknown */
    double time_s;
};

struct video;

/* True if the helper program is beside this program's file. */
bool video_available(void);

/* ST_NOINPUT: no such file. ST_DATA: not a video, no picture in it, or an unsupported kind.
 * ST_NODEVICE: no helper program. */
enum status video_open(const char *path, const struct video_options *o, struct video **out,
                       struct errmsg *em) MUST_CHECK;
const struct video_info *video_get_info(const struct video *v);

/* The next wanted frame; at the end picture.rgb is NULL and the frame is empty. ST_DATA: the helper
 * crashed, hung or gave up; ST_MEMORY. */
enum status video_next(struct video *v, struct video_frame *frame, struct errmsg *em) MUST_CHECK;
void video_frame_release(struct video_frame *f); /* leaves {0} behind */

/* Call after the last frame. Faults of the file that did not stop reading, such as "it ends after
 * 1.2 s, but says that it lasts 9.0 s"; "": none. Borrowed. */
const char *video_problems(const struct video *v);

void video_free(struct video *v);

#endif

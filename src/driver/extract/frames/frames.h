/*
 * The frames that bifrons extract looks at, one by one: photographs, and the frames of videos.
 *
 *     struct frames *frames;
 *     struct frame frame = {0};
 *     bool more = true;
 *     enum status st = frames_open(words, n_words, &video, &frames, &em);
 *     if (st != ST_OK)
 *         return st;
 *     while (st == ST_OK && more) {
 *         st = frames_next(frames, &frame, &more, &em);
 *         if (st == ST_OK && more)
 *             st = frame_load(&frame, &em);         // any thread
 *         if (st == ST_OK && more)
 *             keep(&frame.picture);
 *         frame_release(&frame);
 *     }
 *     frames_free(frames);
 *
 * Only one frame and the list of the files' paths are in memory. The same words give the same
 * frames in the same order, as long as the files stay as they are.
 *
 * THREADS: frames_next by one thread at a time; frame_load and frame_release by any thread.
 */
#ifndef BIFRONS_DRIVER_EXTRACT_FRAMES_H
#define BIFRONS_DRIVER_EXTRACT_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/video.h"

struct frame {
    const char *path; /* of the file; borrowed from the frames */
    double time_s;    /* from the video's start; NaN: a photograph */
    struct picture
        picture; /* upright, square pixels, sRGB; of a photograph empty before frame_load */
};

struct frames;

/* words: files, and folders with their sub-folders; video: which frames of videos. ST_NOINPUT,
 * ST_DATA, ST_MEMORY as of inputs_list; ST_USAGE: options of videos, and no video. */
enum status frames_open(const char *const *words, size_t n_words, const struct video_options *video,
                        struct frames **out, struct errmsg *em) MUST_CHECK;
void frames_free(struct frames *f);
/*
 * Gives the next frame, the caller's to release; *more_out = false: there is none. ST_NOINPUT,
 * ST_DATA, ST_IO: the file out->path, or the rest of it, cannot be read; the next call goes on
 * with the next file. ST_NODEVICE, ST_MEMORY.
 */
enum status frames_next(struct frames *f, struct frame *out, bool *more_out,
                        struct errmsg *em) MUST_CHECK;
/* Decodes a photograph; does nothing if the picture is there. ST_NOINPUT, ST_DATA, ST_IO,
 * ST_MEMORY. */
enum status frame_load(struct frame *frame, struct errmsg *em) MUST_CHECK;
void frame_release(struct frame *frame); /* leaves {0} behind */

/* The share of all files that was returned, 0 to 1. */
double frames_share(const struct frames *f);
/* A hash of the files' paths, sizes and times of change, and of which frames are read. */
uint64_t frames_hash(const struct frames *f);

#endif

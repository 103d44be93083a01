/*
 * Copies the packets of a file's sound into another file, undecoded.
 *
 *     struct sound s = {0};
 *     st = sound_open(&s, "walk.mp4", part, output, &em); // adds streams; before output's header
 *     st = sound_copy(&s, 1.5, &em);                      // what belongs before 1.5 s
 *     st = sound_copy(&s, INFINITY, &em);
 *     sound_release(&s);
 */
#ifndef BIFRONS_VIDEO_SOUND_H
#define BIFRONS_VIDEO_SOUND_H

#include <libavformat/avformat.h>

#include "base/status.h"

/* The part that is copied, in seconds from the start of `in`; `from_s` becomes time 0. Outside of
 * the part, only at most 10 s before it are read, and what lies between its packets. */
struct sound_part {
    double from_s, to_s; /* {0, INFINITY}: all of it, with packets before 0 */
};

struct sound {
    AVFormatContext *in, *out; /* in NULL: there is none to copy */
    AVPacket *packet;
    struct sound_part part;
    int streams; /* of `in` when it was opened; some containers add streams while they are read */
    struct sound_stream {
        int to;       /* the stream of `out`; -1: not copied */
        bool over;    /* a packet after the part was read */
        int64_t last; /* dts of its last packet in `out` */
    } * of;           /* (streams) */
    int copied;       /* streams of sound */
    bool video;       /* `in` has a video */
    bool waiting;     /* the packet is read and not yet written */
    int64_t moved;    /* packets whose times did not increase and were changed */
    int64_t lost;     /* packets that could not be written */
};

/* ST_DATA: `out` cannot hold sound of this kind. */
enum status sound_open(struct sound *s, const char *path, struct sound_part part,
                       AVFormatContext *out, struct errmsg *em) MUST_CHECK;
/* Packets that `out` does not take are left out and counted, so that they never cost the video. */
enum status sound_copy(struct sound *s, double until_s, struct errmsg *em) MUST_CHECK;
/* How many streams of `in`, as far as it was read, are neither copied nor the video. */
int sound_left(const struct sound *s);
void sound_release(struct sound *s);

#endif

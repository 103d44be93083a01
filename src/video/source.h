/*
 * Decodes the frames of a file's video, in the order of their times.
 *
 *     struct source s;
 *     bool got;
 *     if (source_open("walk.mp4", &s, &em) == ST_OK) {
 *         while (source_next(&s, &got, &em) == ST_OK && got)
 *             use(s.frame);                        // its pts: ticks from the file's start
 *         source_release(&s);
 *     }
 *
 * Errors in single packets are counted, not fatal.
 */
#ifndef BIFRONS_VIDEO_SOURCE_H
#define BIFRONS_VIDEO_SOURCE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "video_wire.h"

struct source {
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    int64_t last;  /* time of the last frame; INT64_MIN: none yet */
    bool drained;  /* the decoder got the end */
    bool held;     /* source_hold: source_next gives this frame again */
    bool seek_key; /* packets before the next key frame are not decoded */
    struct video_end end;
};

/* Opens a container of a kind that bifrons knows. Opens no other file, even if this one refers to
 * some. ST_DATA, ST_NOINPUT, ST_MEMORY. */
enum status source_open_format(const char *path, AVFormatContext **out,
                               struct errmsg *em) MUST_CHECK;
/* Where the file starts, in ticks of `base`. Times count from there. */
int64_t source_start(const AVFormatContext *format, AVRational base);

enum status source_open(const char *path, struct source *s, struct errmsg *em) MUST_CHECK;
/* Goes to a place from which decoding gives every frame from ticks on: source_next then gives a
 * frame at or before ticks, or the first one. Some containers (MPEG) are entered between two key
 * frames: then it tries earlier places. ST_DATA, ST_MEMORY. */
enum status source_seek(struct source *s, int64_t ticks, struct errmsg *em) MUST_CHECK;
enum status source_next(struct source *s, bool *got, struct errmsg *em) MUST_CHECK;
/* Makes source_next return the current frame again. */
void source_hold(struct source *s);
void source_release(struct source *s);

#endif

/*
 * Converts frames with a graph of libavfilter: to upright RGB with square pixels, or from RGB to
 * what an encoder takes.
 *
 *     struct convert c = {.width = 1280, .height = 720, .take = send_picture, .context = &reader};
 *     st = convert_frame(&c, frame, &em);           // calls take for each frame that comes out
 *     st = convert_frame(&c, NULL, &em);            // the end: the last frames
 *     convert_release(&c);
 *
 * The graph is built for the first frame, and again when a frame has another size, format, matrix,
 * range or transfer. An interlaced frame comes out one frame later.
 */
#ifndef BIFRONS_VIDEO_CONVERT_H
#define BIFRONS_VIDEO_CONVERT_H

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#include "data/video.h"

/* What a graph was built for. */
struct convert_from {
    int width, height, format, matrix, range, transfer, interlaced;
};

struct convert {
    AVRational base;        /* of the frames' times */
    int width, height;      /* of the result, before it is turned */
    const char *turn;       /* filters that turn it, as "transpose=clock,"; NULL: none */
    enum AVPixelFormat out; /* RGB24; else an encoder's, as BT.709 of limited range */
    enum status (*take)(void *context, AVFrame *f, struct errmsg *em);
    void *context;

    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVFrame *result;
    struct convert_from from;
};

/* Names what has to be converted: "HDR (PQ), interlaced"; "": nothing. ST_DATA, ST_NODEVICE: what
 * cannot be converted; the message names it. */
enum status convert_check(const AVFrame *f, char converted[static VIDEO_NAME_BYTES],
                          struct errmsg *em) MUST_CHECK;
/* True if its primaries are BT.2020's or P3's, and convert_frame reads them as BT.709's. */
bool convert_leaves_wide(const AVFrame *f);
/* Converts a frame, which stays the caller's, or with NULL the frames that are still inside. */
enum status convert_frame(struct convert *c, AVFrame *f, struct errmsg *em) MUST_CHECK;
void convert_release(struct convert *c);

#endif

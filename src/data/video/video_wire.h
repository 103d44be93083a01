/*
 * The messages between bifrons and its helper program bifrons-video. They go over a socket, which
 * is the helper's standard input and output. Both are of one build and run on one machine, so
 * structs travel as they are.
 *
 * Reading: bifrons-video read PATH FROM TO EVERY FPS
 *     helper: HEAD (struct video_info), then FRAMEs (RGB rows) and WORKINGs, then END (struct
 *     video_end) or FAILED (struct errmsg). After its last message the helper closes the link.
 * Writing: bifrons-video write TEMPORARY FORMAT SOUND
 *     bifrons: HEAD (struct video_head), then FRAMEs, then END (nothing)
 *     helper: after bifrons's END: WORKINGs, then END (struct video_written); FAILED at any time,
 *     which bifrons reads when a send fails or after its own END. Without that END, the helper
 *     removes TEMPORARY.
 */
#ifndef BIFRONS_DATA_VIDEO_WIRE_H
#define BIFRONS_DATA_VIDEO_WIRE_H

#include "data/video_writer.h"

/* A frame of 67 megapixels, which is twice 8K. */
#define VIDEO_PIXELS_MAX ((int64_t)1 << 26)

enum { VIDEO_MAGIC = 0x42694656, VIDEO_COMMENT_BYTES = 256 };

enum video_kind {
    VIDEO_HEAD = 1,
    VIDEO_FRAME,
    VIDEO_WORKING, /* no result yet; sent at most once a second, so that no deadline passes */
    VIDEO_END,
    VIDEO_FAILED,
};

struct video_message {
    uint32_t magic, kind;
    uint64_t bytes;          /* that follow */
    int64_t ticks, duration; /* of a frame; of VIDEO_END for a writer: the sound ends at this tick
                                of the file; 0: at its own end */
};

/* How reading ended. */
struct video_end {
    int64_t damaged; /* packets or frames with errors */
    int64_t untimed; /* frames whose times were missing or did not increase */
    double end_s;    /* of the last packet of any stream */
    bool whole;      /* the end of the file was reached, not only the end of the wanted part */
    bool wide;       /* its primaries, BT.2020's or P3's, were not converted */
};

struct video_head {
    int width, height;
    int64_t base_num, base_den;
    double fps;
    int64_t from_ticks;                /* of the source: time 0 of the file */
    double to_s;                       /* of the source: where its sound ends; 0: at its end */
    char codec[VIDEO_NAME_BYTES];      /* an encoder of libavcodec's; "": the first of a list */
    char comment[VIDEO_COMMENT_BYTES]; /* the container's tag "comment" */
};

#endif

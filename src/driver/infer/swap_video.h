/*
 * bifrons swap --into on a video: each frame with the person's face becomes a composite with the
 * visible label; the others are written unchanged. The result is one video of the same size, with
 * the same frames at the same times and the same sound, marked in its container, and a note beside
 * it.
 */
#ifndef BIFRONS_DRIVER_INFER_SWAP_VIDEO_H
#define BIFRONS_DRIVER_INFER_SWAP_VIDEO_H

#include "into.h"
#include "loaded.h"

struct swap_video {
    const char *input, *out;
    double from_s, to_s; /* the part that is written; to 0: to the end */
    bool no_sound;
    const struct loaded *loaded;
    struct into *into;
    const char *who; /* whose faces are replaced, for messages */
};

/* If the frames end early after a composite, what is finished is still written, but not over an
 * earlier composite. The status is then that of the cause: ST_AGAIN after Ctrl-C, ST_DATA, …
 * ST_DATA: not a video that can be read, or no face of the person in it: nothing is written then.
 * ST_NODEVICE: no bifrons-video; ST_IO, ST_MEMORY, ST_TORCH. */
enum status swap_video(const struct swap_video *o, struct errmsg *em) MUST_CHECK;

#endif

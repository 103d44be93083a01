/* The frames of a video for bifrons extract: a row of `readers` in frames.c. */
#ifndef BIFRONS_DRIVER_EXTRACT_VIDEO_FRAMES_H
#define BIFRONS_DRIVER_EXTRACT_VIDEO_FRAMES_H

#include "frames.h"

extern const struct frame_reader video_frames;

#endif

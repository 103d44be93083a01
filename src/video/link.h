/* The helper's end of the link (video_wire.h): standard input and output. */
#ifndef BIFRONS_VIDEO_LINK_H
#define BIFRONS_VIDEO_LINK_H

#include "video_wire.h"

/* Ctrl-C, and what else goes to all processes of a job, is for bifrons to answer: it may read and
 * write on. */
void link_ignore_signals(void);

/* Ends the process if bifrons has gone. */
void link_send(const struct video_message *m, const void *bytes);
void link_send_kind(enum video_kind kind, const void *bytes, size_t n);
/* Sends WORKING if nothing was sent for a second, and bifrons reads: what it does not read fills
 * the socket, and then both would wait for each other. */
void link_working(void);

/* false: bifrons has gone, or sent something else than a message. */
bool link_receive(struct video_message *out) MUST_CHECK;
bool link_receive_bytes(void *bytes, size_t n) MUST_CHECK;

#endif

/* The helper's end of the link (video_wire.h): standard input and output. */
#ifndef BIFRONS_VIDEO_LINK_H
#define BIFRONS_VIDEO_LINK_H

#include "video_wire.h"

/* Ignores Ctrl-C and the other signals that go to all processes of a job. bifrons handles them, and
 * may still need this program. */
void link_ignore_signals(void);

/* Ends the process if bifrons has gone. */
void link_send(const struct video_message *m, const void *bytes);
void link_send_kind(enum video_kind kind, const void *bytes, size_t n);
/* Sends WORKING if nothing was sent for a second. While bifrons sends frames it does not read; then
 * nothing is sent, because a full socket would make both wait for each other. */
void link_working(void);

/* false: bifrons has gone, or sent something that is not a message. */
bool link_receive(struct video_message *out) MUST_CHECK;
bool link_receive_bytes(void *bytes, size_t n) MUST_CHECK;

#endif

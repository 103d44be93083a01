/* Starts the helper program bifrons-video as a child process, and exchanges messages with it. */
#ifndef BIFRONS_DATA_VIDEO_HELPER_H
#define BIFRONS_DATA_VIDEO_HELPER_H

#include "base/child.h"
#include "base/file.h"
#include "video_wire.h"

enum { HELPER_WITHIN_S = 60 };

struct helper {
    struct child child;
    const char *path; /* the video, for messages; borrowed */
    double within_s;  /* the longest wait for an answer */
};

/* The path of the helper: `program`, or, with NULL, beside this program's file. ST_NODEVICE. */
enum status helper_find(const char *program, char path[static PATH_BYTES_MAX],
                        struct errmsg *em) MUST_CHECK;
/* Starts it. program NULL: beside this program's file; arguments: NULL at the end, without the
 * program. ST_NODEVICE: this build has none. */
enum status helper_start(const char *program, const char *const *arguments, struct helper *h,
                         struct errmsg *em) MUST_CHECK;
/* The next message that is not WORKING. FAILED becomes its status, with the path before its text.
 * ST_DATA: the helper crashed or hung. */
enum status helper_receive(struct helper *h, struct video_message *out,
                           struct errmsg *em) MUST_CHECK;
/* The bytes of a message. */
enum status helper_receive_bytes(struct helper *h, void *bytes, size_t n,
                                 struct errmsg *em) MUST_CHECK;
/* Receives the next message, which must be of this kind and have n bytes. */
enum status helper_expect(struct helper *h, enum video_kind kind, void *bytes, size_t n,
                          struct errmsg *em) MUST_CHECK;
enum status helper_send(struct helper *h, const struct video_message *m, const void *bytes,
                        struct errmsg *em) MUST_CHECK;
/* within_s: how long it may take to end by itself. */
void helper_end(struct helper *h, double within_s);

#endif

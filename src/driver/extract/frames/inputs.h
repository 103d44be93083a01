/*
 * Lists the pictures and videos that bifrons extract reads: files, and folders with their
 * sub-folders. Used only by frames.h.
 *
 *     struct inputs in;
 *     enum status st = inputs_list(words, n_words, &in, &em);
 *     for (size_t i = 0; i < in.n && st == ST_OK; i++)
 *         st = picture_read(in.paths[i], &picture, &em);
 *     inputs_release(&in);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_INPUTS_H
#define BIFRONS_DRIVER_EXTRACT_INPUTS_H

#include <stddef.h>

#include "base/status.h"

struct inputs {
    char **paths; /* for each folder: its pictures and videos by name, then its sub-folders */
    size_t n, n_videos;
};

/* Warns of files that are neither, by kind, and of those that an algorithm drew. ST_NOINPUT if a
 * word names nothing, or there is no picture or video; ST_MEMORY. Nothing to release on failure. */
enum status inputs_list(const char *const *words, size_t n_words, struct inputs *out,
                        struct errmsg *em) MUST_CHECK;
void inputs_release(struct inputs *in);

#endif

/*
 * Files of /dev/shm by which the ranks of a node find each other's memory. A run removes their
 * names as soon as all ranks have mapped them. A run that is killed before leaves them; a later run
 * of the same user removes them.
 */
#ifndef BIFRONS_COMM_SHARED_FILE_H
#define BIFRONS_COMM_SHARED_FILE_H

enum { SHARED_FILE_NAME_BYTES = 64 };

/* A name that no other file has. purpose: a to z. */
void shared_file_name(const char *purpose, char name[static SHARED_FILE_NAME_BYTES]);
/* Makes the file. It counts as in use while the descriptor is open. -1: see errno. */
int shared_file_make(const char *name);
/* Removes files of killed runs, after a minute. */
void shared_file_sweep(void);

#endif

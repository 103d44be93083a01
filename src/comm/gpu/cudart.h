/*
 * Wraps the CUDA runtime: errors become a status, handles are void pointers. Calls work on the
 * calling thread's device (cudart_use). Events do not record times.
 */
#ifndef BIFRONS_COMM_CUDART_H
#define BIFRONS_COMM_CUDART_H

#include <stddef.h>

#include "base/status.h"

enum { CUDART_UUID_BYTES = 16, CUDART_NAME_BYTES = 64, CUDART_BUS_ID_BYTES = 16 };

struct cudart_device {
    unsigned char uuid[CUDART_UUID_BYTES]; /* the same GPU has the same one in every process */
    char name[CUDART_NAME_BYTES];
    char bus_id[CUDART_BUS_ID_BYTES]; /* of the card: "0000:17:00.0"; MIG slices share it */
};

/* The number of usable devices; 0, with the runtime's reason in why_out, without a driver. */
int cudart_count(char *why_out, size_t why_bytes);
enum status cudart_describe(int device, struct cudart_device *out, struct errmsg *em) MUST_CHECK;
/* Makes `device` the device of this thread. */
enum status cudart_use(int device, struct errmsg *em) MUST_CHECK;
/* Lets this thread make CUDA calls while another thread captures a graph. */
void cudart_keep_out_of_captures(void);

/* Not zeroed. ST_MEMORY says how much was free. */
enum status cudart_alloc(size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void cudart_free(void *memory);
/* Pinned host memory: fast copies to and from the device. */
enum status cudart_pinned_alloc(size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void cudart_pinned_free(void *memory);
/* Sets device memory to zero and waits for that. */
enum status cudart_zero(void *memory, size_t bytes, struct errmsg *em) MUST_CHECK;
/* Queues a copy on the stream, from host to device or back. */
enum status cudart_copy(void *to, const void *from, size_t bytes, void *stream,
                        struct errmsg *em) MUST_CHECK;

/* A stream of high priority that does not wait for the default stream. */
enum status cudart_stream_new(void **out, struct errmsg *em) MUST_CHECK;
void cudart_stream_free(void *stream);
enum status cudart_stream_finish(void *stream, struct errmsg *em) MUST_CHECK;
/* Waits for all streams of this thread's device. */
void cudart_finish_all(void);
enum status cudart_stream_wait(void *stream, void *event, struct errmsg *em) MUST_CHECK;
bool cudart_is_capturing(void *stream);

enum status cudart_event_new(void **out, struct errmsg *em) MUST_CHECK;
void cudart_event_free(void *event);
enum status cudart_event_record(void *event, void *stream, struct errmsg *em) MUST_CHECK;
/* true if all work that was queued before the event was recorded has ended. */
enum status cudart_event_done(void *event, bool *done_out, struct errmsg *em) MUST_CHECK;

#endif

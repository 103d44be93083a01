/*
 * The CUDA runtime as src/comm uses it: its errors become a status, its handles are void pointers.
 * Calls concern the calling thread's device (cudart_use). Events carry no time.
 */
#ifndef BIFRONS_COMM_CUDART_H
#define BIFRONS_COMM_CUDART_H

#include <stddef.h>

#include "base/status.h"

enum { CUDART_UUID_BYTES = 16, CUDART_NAME_BYTES = 64 };

struct cudart_device {
    unsigned char uuid[CUDART_UUID_BYTES]; /* the same GPU has the same one in every process */
    char name[CUDART_NAME_BYTES];
};

/* Devices that can be used; 0 without a driver, with the runtime's reason in why_out. */
int cudart_count(char *why_out, size_t why_bytes);
enum status cudart_describe(int device, struct cudart_device *out, struct errmsg *em) MUST_CHECK;
/* "0000:17:00.0" */
bool cudart_bus_id(int device, char *out, size_t out_bytes);
/* From now on this thread works on that device. */
enum status cudart_use(int device, struct errmsg *em) MUST_CHECK;
/* Calls of this thread do not disturb a graph that another thread captures. */
void cudart_keep_out_of_captures(void);

/* Not zeroed. ST_MEMORY says how much was free. */
enum status cudart_alloc(size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void cudart_free(void *memory);
/* Host memory that copies to and from the device without a detour. */
enum status cudart_pinned_alloc(size_t bytes, void **out, struct errmsg *em) MUST_CHECK;
void cudart_pinned_free(void *memory);
/* Sets bytes to zero, and waits for it. */
enum status cudart_zero(void *memory, size_t bytes, struct errmsg *em) MUST_CHECK;
/* Either way between host and device; queued on the stream. */
enum status cudart_copy(void *to, const void *from, size_t bytes, void *stream,
                        struct errmsg *em) MUST_CHECK;

/* A stream of high priority that does not wait for the default stream. */
enum status cudart_stream_new(void **out, struct errmsg *em) MUST_CHECK;
void cudart_stream_free(void *stream);
enum status cudart_stream_finish(void *stream, struct errmsg *em) MUST_CHECK;
enum status cudart_stream_wait(void *stream, void *event, struct errmsg *em) MUST_CHECK;
bool cudart_is_capturing(void *stream);

enum status cudart_event_new(void **out, struct errmsg *em) MUST_CHECK;
void cudart_event_free(void *event);
enum status cudart_event_record(void *event, void *stream, struct errmsg *em) MUST_CHECK;
/* Has all that was queued before its record been done? */
enum status cudart_event_done(void *event, bool *done_out, struct errmsg *em) MUST_CHECK;

#endif

/*
 * Reads the next samples while the current ones are computed: one thread, two batches that
 * alternate.
 *
 *     const struct batch *batch;
 *     enum status st = feed_new(&options, &f, &em);
 *     if (st == ST_OK)
 *         st = feed_take(f, position, n, &batch, &em); // waits for them, or reads them now
 *     if (st == ST_OK)
 *         feed_ahead(f, position + n, m); // begins the next ones, into the other batch
 *     // compute on *batch, which stays until the next feed_take
 *
 * A batch has exactly the content that loader_fill gives for its positions, whoever fills it and
 * when. If training goes back to an earlier position, samples read ahead are dropped. Only the
 * calls below wait for the thread.
 *
 * The thread reads, scales and draws; it uses no tensors and does not communicate. Its errors are
 * returned by the feed_take that asks for those samples. It runs under SCHED_BATCH, so it does not
 * interrupt the computing threads.
 *
 * Call it from one thread. After feed_ahead only the feed may use the loader and its sets; after
 * feed_pause the caller may again.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FEED_H
#define BIFRONS_DRIVER_TRAIN_FEED_H

#include "data/loader.h"

struct feed;

struct feed_options {
    struct loader *loader; /* borrowed */
    size_t capacity;       /* largest batch: samples of each person */
    int size;              /* of the pictures */
    unsigned arrays;       /* of the batches besides pictures: see base/batch.h */
};

/* Errors: ST_MEMORY; ST_INTERNAL if no thread can be started. */
enum status feed_new(const struct feed_options *o, struct feed **out, struct errmsg *em) MUST_CHECK;
/* Waits for the thread. NULL is fine. */
void feed_free(struct feed *f);

/* The samples at positions [first, first + n) of both people, borrowed until the next feed_take.
 * Errors as loader_fill's. */
enum status feed_take(struct feed *f, uint64_t first, size_t n, const struct batch **out,
                      struct errmsg *em) MUST_CHECK;
/* Starts to read the samples of the next feed_take. At most one call after each feed_take. */
void feed_ahead(struct feed *f, uint64_t first, size_t n);
/* Waits until the thread is idle. The caller may then use loader and sets until the next
 * feed_ahead. */
void feed_pause(struct feed *f);

const struct feed_options *feed_get_options(const struct feed *f);

#endif

/*
 * Reads the samples of the next piece of work while this one is computed: a thread of its own and
 * two batches that take turns.
 *
 *     const struct batch *batch;
 *     enum status st = feed_new(&options, &f, &em);
 *     if (st == ST_OK)
 *         st = feed_take(f, position, n, &batch, &em); // waits for them, or reads them now
 *     if (st == ST_OK)
 *         feed_ahead(f, position + n, m); // begins the next ones, into the other batch
 *     // compute on *batch, which stays until the next feed_take
 *
 * Exact: a batch is what loader_fill makes of its positions, whoever fills it and when. Samples
 * read ahead that are not the ones then asked for (training went back) are dropped. Nothing waits
 * for the thread but the calls below, so a run may stop at any moment.
 *
 * The thread reads, scales and draws; it neither touches tensors nor speaks to other ranks. Its
 * failures come out of the feed_take that asks for those samples. It is scheduled as a batch job
 * (SCHED_BATCH): where all cores compute it takes its share and interrupts nobody.
 *
 * One thread calls. The loader and its sets are the feed's from feed_ahead on; feed_pause gives
 * them back.
 */
#ifndef BIFRONS_DRIVER_TRAIN_FEED_H
#define BIFRONS_DRIVER_TRAIN_FEED_H

#include "data/loader.h"

struct feed;

struct feed_options {
    struct loader *loader; /* borrowed */
    size_t capacity;       /* most samples of each person at once */
    int size;              /* of the pictures */
    unsigned arrays;       /* of the batches, beside pictures: see base/batch.h */
};

/* ST_MEMORY; ST_INTERNAL where there are no more threads. */
enum status feed_new(const struct feed_options *o, struct feed **out, struct errmsg *em) MUST_CHECK;
/* Waits for the thread. NULL is fine. */
void feed_free(struct feed *f);

/* The samples at positions [first, first + n) of both people, borrowed until the next feed_take.
 * Errors as loader_fill's. */
enum status feed_take(struct feed *f, uint64_t first, size_t n, const struct batch **out,
                      struct errmsg *em) MUST_CHECK;
/* Begins to read what feed_take will be asked for next. Once after each feed_take, or not at all.
 */
void feed_ahead(struct feed *f, uint64_t first, size_t n);
/* Returns when the thread is idle: until the next feed_ahead the caller may use loader and sets. */
void feed_pause(struct feed *f);

const struct feed_options *feed_get_options(const struct feed *f);

#endif

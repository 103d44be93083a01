/* A reducer's insides, for reducer.c (sending) and reducer_plan.c (what to send when). */
#ifndef BIFRONS_COMM_REDUCER_PRIV_H
#define BIFRONS_COMM_REDUCER_PRIV_H

#include <stdint.h>

#include "comm/reducer.h"

enum { REDUCER_TEXT_BYTES = 256 };

struct reducer_bucket {
    struct reducer_range range;
    size_t missing; /* elements whose gradient is not final yet */
    struct comm_ticket ticket;
};

/* What one backward showed, tensor by tensor in the order of readiness. */
struct reducer_observation {
    bool on;
    size_t n;
    size_t *tensor;  /* (n_tensors) index into options.tensors */
    double *ready_s; /* (n_tensors) since the first of them */
    double first_s;
};

struct reducer {
    struct reducer_options options;
    struct reducer_range *tensors; /* our copy of options.tensors */
    size_t element_bytes;
    uint16_t *wire; /* (count) with REDUCER_WIRE_BF16, else NULL */

    struct reducer_observation seen;
    struct reducer_bucket *buckets; /* (n_tensors) room for; in the order they go out */
    struct reducer_range *ranges;   /* (n_tensors) room for; the buckets' ranges */
    size_t n_buckets;
    char description[REDUCER_TEXT_BYTES];

    bool armed;
    size_t next;        /* bucket to go out */
    enum status failed; /* of a send, on whichever thread */
    struct errmsg failure;
};

/* Begins the sum of a range, packed for the wire where that is wanted; and ends it. */
enum status reducer_send(struct reducer *r, struct reducer_range range, struct comm_ticket *ticket,
                         struct errmsg *em) MUST_CHECK;
enum status reducer_receive(struct reducer *r, struct reducer_range range,
                            struct comm_ticket *ticket, struct errmsg *em) MUST_CHECK;

#endif

/* Inside of a reducer, for reducer.c (sends buckets) and reducer_plan.c (plans buckets). */
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

/* The observed backward: tensors in the order in which their gradients became final. */
struct reducer_observation {
    bool on;
    size_t n;
    size_t *tensor;  /* (n_tensors) index into options.tensors */
    double *ready_s; /* (n_tensors) seconds since the first one */
    double first_s;
};

struct reducer {
    struct reducer_options options;
    struct reducer_range *tensors; /* our copy of options.tensors */
    size_t element_bytes;
    uint16_t *wire; /* (count) with REDUCER_WIRE_BF16, else NULL */

    struct reducer_observation seen;
    struct reducer_bucket *buckets; /* room for (n_tensors); in the order they are sent */
    struct reducer_range *ranges;   /* room for (n_tensors); the buckets' ranges */
    size_t n_buckets;
    char description[REDUCER_TEXT_BYTES];

    bool armed;
    size_t next;        /* the bucket to send next */
    enum status failed; /* status of the first send that failed */
    struct errmsg failure;
};

/* Begins the sum of a range, packed to bf16 with REDUCER_WIRE_BF16; and waits for it. */
enum status reducer_send(struct reducer *r, struct reducer_range range, struct comm_ticket *ticket,
                         struct errmsg *em) MUST_CHECK;
enum status reducer_receive(struct reducer *r, struct reducer_range range,
                            struct comm_ticket *ticket, struct errmsg *em) MUST_CHECK;

#endif

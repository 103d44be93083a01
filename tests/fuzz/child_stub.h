/*
 * base/child.h without processes, for fuzzers of what a child sends: what it sends are the bytes of
 * the input, then it is gone. One fuzzer includes this file.
 */
#ifndef BIFRONS_FUZZ_CHILD_STUB_H
#define BIFRONS_FUZZ_CHILD_STUB_H

#include <stdint.h>
#include <string.h>

#include "base/child.h"

static const uint8_t *sent;
static size_t n_sent;

enum status child_start(int (*run)(int link, void *context), void *context, struct child *out,
                        struct errmsg *em)
{
    (void)run, (void)context, (void)em;
    *out = (struct child){.pid = 1, .link = -1};
    return ST_OK;
}

enum child_reply child_receive(const struct child *c, void *bytes, size_t n, double within_s)
{
    (void)c, (void)within_s;
    if (n > n_sent)
        return CHILD_GONE;
    memcpy(bytes, sent, n);
    sent += n;
    n_sent -= n;
    return CHILD_OK;
}

enum child_reply child_send(const struct child *c, const void *bytes, size_t n, double within_s)
{
    (void)c, (void)bytes, (void)n, (void)within_s;
    return CHILD_OK;
}

int child_end(struct child *c, double within_s)
{
    (void)c, (void)within_s;
    return 0;
}

#endif

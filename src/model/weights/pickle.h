/*
 * A pickle as a tree of plain values. Nothing is called or looked up: a call is a value with its
 * callee and arguments. Reads what torch.save writes (protocol 2, and the opcodes of protocol 4
 * with the same meaning); other pickles are refused.
 *
 *     enum status st = pickle_parse(bytes, n, &p, &used, &em);
 *     if (st != ST_OK)
 *         return st;
 *     for (uint32_t i = pickle_first(p, pickle_root(p)); i; i = pickle_next(p, i))
 *         take(pickle_item(p, i));
 *     pickle_free(p);
 *
 * Values are numbers from 1. 0 means none; every function accepts it and answers none.
 */
#ifndef BIFRONS_MODEL_PICKLE_H
#define BIFRONS_MODEL_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum pickle_kind {
    PICKLE_OTHER, /* None, bools, floats */
    PICKLE_INT,
    PICKLE_TEXT,
    PICKLE_GLOBAL,   /* "module name" */
    PICKLE_SEQUENCE, /* list or tuple */
    PICKLE_DICT,     /* items: key, value, key, value, … */
    PICKLE_CALL, /* callee: a global; items that are put into the result later follow, as in a list
                    or dict */
    PICKLE_PERSISTENT, /* a persistent id; arguments: a tuple */
};

struct pickle;

/* bytes must outlive the pickle; *used_out: bytes read. ST_DATA, with a text that does not name the
 * file; ST_MEMORY. */
enum status pickle_parse(const uint8_t *bytes, size_t n, struct pickle **out, size_t *used_out,
                         struct errmsg *em) MUST_CHECK;
void pickle_free(struct pickle *p);

uint32_t pickle_root(const struct pickle *p);
enum pickle_kind pickle_kind_of(const struct pickle *p, uint32_t value);
/* The number of a PICKLE_INT; -1 for others. */
int64_t pickle_int(const struct pickle *p, uint32_t value);
/* The text of PICKLE_TEXT and PICKLE_GLOBAL, not zero-terminated; "" for others. */
const char *pickle_text(const struct pickle *p, uint32_t value, size_t *bytes_out);
bool pickle_text_is(const struct pickle *p, uint32_t value, const char *text);
/* pickle_callee: the global of a PICKLE_CALL. pickle_arguments: the tuple of a PICKLE_CALL or
 * PICKLE_PERSISTENT. */
uint32_t pickle_callee(const struct pickle *p, uint32_t value);
uint32_t pickle_arguments(const struct pickle *p, uint32_t value);
/* A cursor over the items, in order; 0: the end. */
uint32_t pickle_first(const struct pickle *p, uint32_t value);
uint32_t pickle_next(const struct pickle *p, uint32_t cursor);
uint32_t pickle_item(const struct pickle *p, uint32_t cursor);
/* Item i, from 0; 0: there are fewer. */
uint32_t pickle_at(const struct pickle *p, uint32_t value, size_t i);
size_t pickle_length(const struct pickle *p, uint32_t value);

#endif

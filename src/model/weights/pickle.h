/*
 * A pickle as a tree of plain values. Nothing is ever called or looked up: a call stands in the
 * tree as what was to be called and with what. For what torch.save writes (protocol 2, and the
 * opcodes of protocol 4 that mean the same); other pickles are refused.
 *
 *     enum status st = pickle_parse(bytes, n, &p, &used, &em);
 *     if (st != ST_OK)
 *         return st;
 *     for (uint32_t i = pickle_first(p, pickle_root(p)); i; i = pickle_next(p, i))
 *         take(pickle_item(p, i));
 *     pickle_free(p);
 *
 * Values are numbers from 1; 0 is none, and what any question about it answers.
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
    PICKLE_GLOBAL,     /* "module name" */
    PICKLE_SEQUENCE,   /* list or tuple */
    PICKLE_DICT,       /* items: key, value, key, value, … */
    PICKLE_CALL,       /* of a global; items put into the result follow as in a dict or list */
    PICKLE_PERSISTENT, /* of a tuple */
};

struct pickle;

/* bytes must outlive the pickle; *used_out: how many it took. ST_DATA, whose text lacks the file's
 * name; ST_MEMORY. */
enum status pickle_parse(const uint8_t *bytes, size_t n, struct pickle **out, size_t *used_out,
                         struct errmsg *em) MUST_CHECK;
void pickle_free(struct pickle *p);

uint32_t pickle_root(const struct pickle *p);
enum pickle_kind pickle_kind_of(const struct pickle *p, uint32_t value);
/* Of PICKLE_INT, else -1. */
int64_t pickle_int(const struct pickle *p, uint32_t value);
/* Of PICKLE_TEXT and PICKLE_GLOBAL, else ""; without a zero byte behind. */
const char *pickle_text(const struct pickle *p, uint32_t value, size_t *bytes_out);
bool pickle_text_is(const struct pickle *p, uint32_t value, const char *text);
/* Of PICKLE_CALL: the global. Of PICKLE_CALL and PICKLE_PERSISTENT: the tuple of arguments. */
uint32_t pickle_callee(const struct pickle *p, uint32_t value);
uint32_t pickle_arguments(const struct pickle *p, uint32_t value);
/* Items in order: a cursor, 0 at the end. */
uint32_t pickle_first(const struct pickle *p, uint32_t value);
uint32_t pickle_next(const struct pickle *p, uint32_t cursor);
uint32_t pickle_item(const struct pickle *p, uint32_t cursor);
/* The i-th item; 0 where there are fewer. */
uint32_t pickle_at(const struct pickle *p, uint32_t value, size_t i);
size_t pickle_length(const struct pickle *p, uint32_t value);

#endif

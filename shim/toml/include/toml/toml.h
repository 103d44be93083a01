/*
 * Reads TOML 1.0 text (with toml++) into a flat list of entries. Each value is one entry, with its
 * dotted name and its place in the text.
 *
 *     struct toml_document *t;
 *     enum status st = toml_parse(text, n, "light128.toml", &t, &em);
 *     if (st != ST_OK)
 *         return st;
 *     const struct toml_entry *entries;
 *     size_t n_entries = toml_entries(t, &entries);      // in the order of the text
 *     toml_free(t);
 *
 * Pointers in an entry are valid until toml_free. No exception leaves this library.
 */
#ifndef BIFRONS_TOML_TOML_H
#define BIFRONS_TOML_TOML_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TOML_BYTES_MAX = 1 << 20 };

/* TABLE: an empty table; a table with entries appears as its entries. TABLES: an array of at least
 * one table; its members are the entries of these tables. OTHER: dates, times and other arrays. */
enum toml_kind {
    TOML_BOOL,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_STRING,
    TOML_OTHER,
    TOML_TABLE,
    TOML_TABLES
};

struct toml_place {
    int line, column; /* from 1; columns count characters */
};

struct toml_entry {
    const char *key; /* "train.lr"; a part that is not a bare key is quoted: train."l r" */
    enum toml_kind kind;
    const char *kind_name; /* for messages, static: "a whole number", "an array" */
    struct toml_place key_place, value_place;
    bool boolean;
    int64_t integer;
    double number;     /* TOML_FLOAT; TOML_INTEGER: the nearest double */
    const char *text;  /* TOML_STRING: UTF-8, may hold zero bytes */
    size_t text_bytes; /* without the zero byte at its end */
    /* TOML_TABLES: the entries of all its tables; a key is relative to its table. An array of
     * tables inside them is TOML_OTHER. */
    const struct toml_entry *members;
    size_t n_members, n_tables;
    size_t table; /* of a member: the number of its table, from 0 */
};

struct toml_document;

/*
 * Parses n bytes; origin is their name in messages. ST_CONFIG, with "origin:line:column: what": bad
 * syntax, a key given twice, invalid UTF-8 or too much nesting. ST_MEMORY.
 */
enum status toml_parse(const char *text, size_t n, const char *origin, struct toml_document **out,
                       struct errmsg *em) MUST_CHECK;
/* Returns the number of entries, and the entries in the order of their keys in the text. */
size_t toml_entries(const struct toml_document *t, const struct toml_entry **entries_out);
void toml_free(struct toml_document *t);

#ifdef __cplusplus
}
#endif

#endif

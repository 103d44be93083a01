/*
 * Reads TOML 1.0 text (by toml++) into a flat list of entries: one for each value, under its dotted
 * name, with its place in the text.
 *
 *     struct toml_document *t;
 *     enum status st = toml_parse(text, n, "light128.toml", &t, &em);
 *     if (st != ST_OK)
 *         return st;
 *     const struct toml_entry *entries;
 *     size_t n_entries = toml_entries(t, &entries);      // in the order of the text
 *     toml_free(t);
 *
 * Everything an entry points to lives as long as its document. No exception leaves this library.
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

/* OTHER: dates and times, and arrays but these. TABLE: one without entries; others show as their
 * entries. TABLES: an array of tables, one at least; its members are their entries. */
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
    const char *key; /* "train.lr"; a part that is no bare key is quoted: train."l r" */
    enum toml_kind kind;
    const char *kind_name; /* "a whole number", "an array": static, for messages */
    struct toml_place key_place, value_place;
    bool boolean;
    int64_t integer;
    double number;     /* TOML_FLOAT; TOML_INTEGER: the nearest double */
    const char *text;  /* TOML_STRING: UTF-8, may hold zero bytes */
    size_t text_bytes; /* without the zero byte at its end */
    /* TOML_TABLES: the entries of all its tables, each key as within its own table. An array of
     * tables inside them is TOML_OTHER. */
    const struct toml_entry *members;
    size_t n_members, n_tables;
    size_t table; /* of a member: in which of the tables, from 0 */
};

struct toml_document;

/*
 * Parses n bytes; origin names them in messages. ST_CONFIG with "origin:line:column: what" for bad
 * syntax, a key given twice, invalid UTF-8 or too much nesting; ST_MEMORY.
 */
enum status toml_parse(const char *text, size_t n, const char *origin, struct toml_document **out,
                       struct errmsg *em) MUST_CHECK;
/* The number of entries, and the entries in the order of their keys in the text. */
size_t toml_entries(const struct toml_document *t, const struct toml_entry **entries_out);
void toml_free(struct toml_document *t);

#ifdef __cplusplus
}
#endif

#endif

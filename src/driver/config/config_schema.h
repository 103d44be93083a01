/* The table of configuration keys, see config.h, and functions for any table of keys (also used by
 * plan/cluster.c). */
#ifndef BIFRONS_DRIVER_CONFIG_SCHEMA_H
#define BIFRONS_DRIVER_CONFIG_SCHEMA_H

#include "config.h"

struct toml_entry;

enum {
    KEY_NAME_BYTES = 64,     /* longer names are unknown; no similar key is searched */
    KEY_ALLOWED_BYTES = 192, /* of config_key_allowed */
};

enum config_type {
    CONFIG_BOOL,
    CONFIG_WHOLE,  /* int64_t; uint64_t up to what TOML can write: 2^63 - 1 */
    CONFIG_NUMBER, /* double; accepts whole numbers */
    CONFIG_WORD,   /* int64_t: index of one of a few words */
    CONFIG_STRING, /* char[] */
    CONFIG_PATH,   /* char[] */
    CONFIG_STAGES, /* struct config_stages: config_stages.h */
};

/* A value of any type: whole for bools, whole numbers and words; text for strings and paths. */
struct config_value {
    int64_t whole;
    double number;
    const char *text;
    const struct config_stages *stages; /* NULL: off */
};

/* What a change of a key means for a resumed run. */
enum config_change_effect {
    CHANGE_FREE,
    CHANGE_REFUSED, /* the saved state would mean something else */
    CHANGE_BEST,    /* the best value is reset */
    CHANGE_LOSSES,  /* the best value and the losses to compare with are reset */
    CHANGE_LENGTH,  /* the remaining steps are counted again */
    CHANGE_NOT_BITS /* continues, but with other bits */
};

struct config_key {
    const char *name, *help;
    struct {
        enum config_change_effect effect;
        const char *why; /* for messages; NULL for CHANGE_FREE */
    } change;
    enum config_type type;
    size_t offset, bytes;                   /* of the field in struct config */
    struct config_value initial, low, high; /* default; range, ends included */
    const char *const *words;               /* CONFIG_WORD: NULL-terminated */
    const char *off;                        /* the word for 0, which turns it off */
    bool (*accepts)(const char *text);      /* CONFIG_STRING: NULL takes any text ... */
    const char *form;                       /* ... else a description of what it takes */
};

size_t config_schema(const struct config_key **keys_out);
/* By its name, or by the name that an earlier version had for it. NULL if there is no such key. */
const struct config_key *config_key_find(const char *name);
/* True if there is a key NAME.something, or was in an earlier version. */
bool config_table_known(const char *name);

/* A description of what the key takes: "a number from 0 to 1". */
void config_key_allowed(const struct config_key *key, char out[static KEY_ALLOWED_BYTES]);
/* False if type or range do not fit. The entry keeps its text. For train.stages only "off". */
bool config_key_coerce(const struct config_key *key, const struct toml_entry *entry,
                       struct config_value *out);

/* ST_CONFIG: "PLACE: NAME must be …, not …" for an entry that the key does not take. */
enum status config_key_refuse(const struct config_key *key, const char *name,
                              const struct toml_entry *e, const char *place,
                              struct errmsg *em) MUST_CHECK;

/* object: the struct that the key's offset refers to (struct config for configuration keys). */
struct config_value config_key_load(const struct config_key *key, const void *object);
void config_key_store(const struct config_key *key, const struct config_value *v, void *object);
bool config_value_equal(const struct config_key *key, const struct config_value *a,
                        const struct config_value *b);

/* The value as TOML; reading it gives the same value. */
void config_value_print(FILE *f, const struct config_key *key, const struct config_value *v);
/* A string in TOML's quotes. */
void config_text_print(FILE *f, const char *text);

#endif

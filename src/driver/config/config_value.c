/* One value of one key: from TOML, to and from the struct, printed as TOML. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "config_hint.h"
#include "config_schema.h"
#include "config_stages.h"
#include "toml/toml.h"

#include "base/poison.h"

enum { SHOWN_BYTES_MAX = 60 }; /* length of a refused value in messages */

static bool is_text(enum config_type type)
{
    return type == CONFIG_STRING || type == CONFIG_PATH;
}

/* --- Allowed values --------------------------------------------------------------------------- */

static void allowed_range(const struct config_key *key, char *out, size_t n)
{
    if (key->type == CONFIG_NUMBER)
        snprintf(out, n, "a number from %.10g to %.10g%s%s%s", key->low.number, key->high.number,
                 key->off ? ", or \"" : "", key->off ? key->off : "", key->off ? "\"" : "");
    else if (key->low.whole == key->high.whole)
        snprintf(out, n, "%" PRId64, key->low.whole);
    else if (key->high.whole == INT64_MAX)
        snprintf(out, n, "a whole number of at least %" PRId64, key->low.whole);
    else
        snprintf(out, n, "a whole number from %" PRId64 " to %" PRId64, key->low.whole,
                 key->high.whole);
}

/* True for true and false, which TOML writes without quotes; we read both forms. */
static bool is_boolean(const char *word)
{
    return !strcmp(word, "true") || !strcmp(word, "false");
}

static void allowed_words(const char *const *words, char *out, size_t n)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; words[i] && used < n; i++) {
        const char *between = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        const char *quote = is_boolean(words[i]) ? "" : "\"";
        used += (size_t)snprintf(out + used, n - used, "%s%s%s%s", between, quote, words[i], quote);
    }
}

void config_key_allowed(const struct config_key *key, char out[static KEY_ALLOWED_BYTES])
{
    if (key->type == CONFIG_BOOL)
        snprintf(out, KEY_ALLOWED_BYTES, "true or false");
    else if (key->type == CONFIG_WORD)
        allowed_words(key->words, out, KEY_ALLOWED_BYTES);
    else if (key->type == CONFIG_STAGES)
        config_stages_allowed(out);
    else if (!is_text(key->type))
        allowed_range(key, out, KEY_ALLOWED_BYTES);
    else if (key->form)
        snprintf(out, KEY_ALLOWED_BYTES, "%s", key->form);
    else
        snprintf(out, KEY_ALLOWED_BYTES, "a path of up to %d bytes", PATH_BYTES_MAX - 1);
}

static bool coerce_number(const struct config_key *key, const struct toml_entry *e,
                          struct config_value *out)
{
    if (key->off && e->kind == TOML_STRING && !strcmp(e->text, key->off)) {
        out->number = 0;
        return true;
    }
    /* + 0.0 turns -0.0 into 0.0, so that it prints like a default */
    out->number = e->number + 0.0;
    return (e->kind == TOML_FLOAT || e->kind == TOML_INTEGER) && e->number >= key->low.number &&
           e->number <= key->high.number;
}

static bool coerce_word(const struct config_key *key, const struct toml_entry *e,
                        struct config_value *out)
{
    const char *text = e->kind == TOML_STRING ? e->text : e->boolean ? "true" : "false";
    if (e->kind != TOML_STRING && e->kind != TOML_BOOL)
        return false;
    for (out->whole = 0; key->words[out->whole]; out->whole++)
        if (!strcmp(key->words[out->whole], text))
            return true;
    return false;
}

static bool coerce_text(const struct config_key *key, const struct toml_entry *e,
                        struct config_value *out)
{
    out->text = e->text;
    return e->kind == TOML_STRING && e->text_bytes < key->bytes &&
           strlen(e->text) == e->text_bytes && (!key->accepts || key->accepts(e->text));
}

bool config_key_coerce(const struct config_key *key, const struct toml_entry *e,
                       struct config_value *out)
{
    *out = (struct config_value){0};
    switch (key->type) {
    case CONFIG_BOOL:
        out->whole = e->boolean;
        return e->kind == TOML_BOOL;
    case CONFIG_WHOLE:
        out->whole = e->integer;
        return e->kind == TOML_INTEGER && e->integer >= key->low.whole &&
               e->integer <= key->high.whole;
    case CONFIG_NUMBER:
        return coerce_number(key, e, out);
    case CONFIG_WORD:
        return coerce_word(key, e, out);
    case CONFIG_STRING:
    case CONFIG_PATH:
        return coerce_text(key, e, out);
    case CONFIG_STAGES:
        return e->kind == TOML_STRING && !strcmp(e->text, key->off);
    }
    return false;
}

/* A refused value, as the message shows it. */
static void show_entry(const struct toml_entry *e, char out[static SHOWN_BYTES_MAX + 16])
{
    size_t n = SHOWN_BYTES_MAX + 16;
    if (e->kind == TOML_BOOL)
        snprintf(out, n, "%s", e->boolean ? "true" : "false");
    else if (e->kind == TOML_INTEGER)
        snprintf(out, n, "%" PRId64, e->integer);
    else if (e->kind == TOML_FLOAT) /* shows the decimal point of a whole number */
        snprintf(out, n, e->number == trunc(e->number) && fabs(e->number) < 1e9 ? "%.1f" : "%.10g",
                 e->number);
    else if (e->kind == TOML_STRING && e->text_bytes <= SHOWN_BYTES_MAX)
        snprintf(out, n, "\"%s\"", e->text);
    else if (e->kind == TOML_STRING)
        snprintf(out, n, "a string of %zu bytes", e->text_bytes);
    else
        snprintf(out, n, "%s", e->kind_name);
}

enum status config_key_refuse(const struct config_key *key, const char *name,
                              const struct toml_entry *e, const char *place, struct errmsg *em)
{
    char allowed[KEY_ALLOWED_BYTES], shown[SHOWN_BYTES_MAX + 16], hint[CONFIG_HINT_BYTES];
    config_key_allowed(key, allowed);
    show_entry(e, shown);
    config_value_hint(key, e, strncmp(place, "--", 2) != 0, hint);
    return FAIL(em, ST_CONFIG, "%s: %s must be %s, not %s%s", place, name, allowed, shown, hint);
}

/* --- The field of the struct ------------------------------------------------------------------ */

/* The field of a whole number, word or truth value: a bool, an int (or enum) or an int64_t. */
static int64_t load_whole(const struct config_key *key, const void *field)
{
    int64_t whole;
    int narrow;
    bool b;
    if (key->bytes == sizeof whole) {
        memcpy(&whole, field, sizeof whole);
        return whole;
    }
    if (key->bytes == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    }
    memcpy(&b, field, sizeof b);
    return b;
}

static void store_whole(const struct config_key *key, int64_t whole, void *field)
{
    int narrow = (int)whole;
    bool b = whole != 0;
    if (key->bytes == sizeof whole)
        memcpy(field, &whole, sizeof whole);
    else if (key->bytes == sizeof narrow)
        memcpy(field, &narrow, sizeof narrow);
    else
        memcpy(field, &b, sizeof b);
}

struct config_value config_key_load(const struct config_key *key, const void *object)
{
    struct config_value v = {0};
    const void *field = (const char *)object + key->offset;
    if (is_text(key->type)) {
        v.text = field;
    } else if (key->type == CONFIG_STAGES) {
        v.stages = field;
    } else if (key->type == CONFIG_NUMBER) {
        memcpy(&v.number, field, sizeof v.number);
    } else {
        v.whole = load_whole(key, field);
    }
    return v;
}

void config_key_store(const struct config_key *key, const struct config_value *v, void *object)
{
    char *field = (char *)object + key->offset;
    if (is_text(key->type)) {
        memset(field, 0, key->bytes);
        snprintf(field, key->bytes, "%s", v->text);
    } else if (key->type == CONFIG_STAGES) {
        memset(field, 0, key->bytes);
        if (v->stages)
            memcpy(field, v->stages, key->bytes);
    } else if (key->type == CONFIG_NUMBER) {
        memcpy(field, &v->number, sizeof v->number);
    } else {
        store_whole(key, v->whole, field);
    }
}

bool config_value_equal(const struct config_key *key, const struct config_value *a,
                        const struct config_value *b)
{
    if (is_text(key->type))
        return !strcmp(a->text, b->text);
    if (key->type == CONFIG_STAGES)
        return config_stages_equal(a->stages, b->stages);
    return key->type == CONFIG_NUMBER ? a->number == b->number : a->whole == b->whole;
}

/* --- As TOML ---------------------------------------------------------------------------------- */

void config_text_print(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", f);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(f, "\\u%04x", *p);
        else
            fputc(*p, f);
    }
    fputc('"', f);
}

/* Prints the fewest digits that give the same double again. */
static void number_print(FILE *f, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    fprintf(f, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

void config_value_print(FILE *f, const struct config_key *key, const struct config_value *v)
{
    if (is_text(key->type))
        config_text_print(f, v->text);
    else if (key->type == CONFIG_STAGES && v->stages && v->stages->n > 0)
        config_stages_print(f, v->stages);
    else if (key->off && v->number == 0)
        config_text_print(f, key->off);
    else if (key->type == CONFIG_NUMBER)
        number_print(f, v->number);
    else if (key->type == CONFIG_BOOL)
        fputs(v->whole ? "true" : "false", f);
    else if (key->type == CONFIG_WORD && is_boolean(key->words[v->whole]))
        fputs(key->words[v->whole], f);
    else if (key->type == CONFIG_WORD)
        config_text_print(f, key->words[v->whole]);
    else
        fprintf(f, "%" PRId64, v->whole);
}

/* Prints the configuration and its schema. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "config_schema.h"

#include "base/poison.h"

enum { COLUMNS = 78, INDENT = 6 };

/* Length of the table's name in a key: 5 for "train.lr", 0 for "name". */
static size_t table_bytes(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : 0;
}

/* Prints "[train]" before the first key of a table. Returns the key's name in the table. */
static const char *print_table_of(FILE *f, const struct config_key *key,
                                  const struct config_key *previous)
{
    size_t n = table_bytes(key->name);
    if (n == 0)
        return key->name;
    if (!previous || table_bytes(previous->name) != n || strncmp(previous->name, key->name, n) != 0)
        fprintf(f, "\n[%.*s]\n", (int)n, key->name);
    return key->name + n + 1;
}

char *config_to_toml(const struct config *c)
{
    const struct config_key *keys;
    size_t n_keys = config_schema(&keys), n = 0;
    char *text = NULL;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    for (size_t i = 0; i < n_keys; i++) {
        struct config_value v = config_key_load(&keys[i], c);
        fprintf(f, "%s = ", print_table_of(f, &keys[i], i > 0 ? &keys[i - 1] : NULL));
        config_value_print(f, &keys[i], &v);
        fputc('\n', f);
    }
    bool good = !ferror(f);
    if (fclose(f) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}

char *config_difference(const struct config *old, const struct config *new_config)
{
    const struct config_key *keys;
    size_t n_keys = config_schema(&keys), n = 0;
    char *text = NULL;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    for (size_t i = 0; i < n_keys; i++) {
        struct config_value a = config_key_load(&keys[i], old);
        struct config_value b = config_key_load(&keys[i], new_config);
        if (config_value_equal(&keys[i], &a, &b))
            continue;
        fprintf(f, "%s: ", keys[i].name);
        config_value_print(f, &keys[i], &a);
        fputs(" -> ", f);
        config_value_print(f, &keys[i], &b);
        fputc('\n', f);
    }
    if (fclose(f) != 0 || n == 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* --- The schema ------------------------------------------------------------------------------- */

/* Prints text in indented lines. */
static void print_wrapped(FILE *f, const char *text)
{
    size_t column = COLUMNS;
    for (size_t n; *text; text += n) {
        text += strspn(text, " ");
        n = strcspn(text, " ");
        bool fits = column + 1 + n <= COLUMNS;
        fprintf(f, fits ? "%*s%.*s" : "\n%*s%.*s", fits ? 1 : INDENT, "", (int)n, text);
        column = (fits ? column + 1 : INDENT) + n;
    }
    fputc('\n', f);
}

static void print_plain(FILE *f, const struct config_key *key, const struct config_key *previous)
{
    char what[KEY_ALLOWED_BYTES], line[1024];
    config_key_allowed(key, what);
    fprintf(f, "  %s = ", print_table_of(f, key, previous));
    config_value_print(f, key, &key->initial);
    snprintf(line, sizeof line, "(%s) %s", what, key->help);
    print_wrapped(f, line);
}

/* Prints a cell of a Markdown table and escapes bars. */
static void print_cell(FILE *f, const char *text)
{
    for (const char *p = text; *p; p++)
        fprintf(f, "%s%c", *p == '|' ? "\\" : "", *p);
    fputs(" |", f);
}

static void print_markdown(FILE *f, const struct config_key *key)
{
    char what[KEY_ALLOWED_BYTES];
    config_key_allowed(key, what);
    fprintf(f, "| `%s` | `", key->name);
    config_value_print(f, key, &key->initial);
    fputs("` | ", f);
    print_cell(f, what);
    fputc(' ', f);
    print_cell(f, key->help);
    fputc('\n', f);
}

void config_print_schema(FILE *f, bool markdown)
{
    const struct config_key *keys;
    size_t n = config_schema(&keys);
    if (markdown)
        fputs("| key | default | takes | meaning |\n| --- | --- | --- | --- |\n", f);
    for (size_t i = 0; i < n; i++)
        if (markdown)
            print_markdown(f, &keys[i]);
        else
            print_plain(f, &keys[i], i > 0 ? &keys[i - 1] : NULL);
}

#include "config_sources.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "config_hint.h"

#include "base/poison.h"

enum { ORIGIN_BYTES = 256, HINT_BYTES = PATH_BYTES_MAX + 64 };

bool config_sources_file(struct config_sources *s, const char *path)
{
    if (s->n_files == CONFIG_FILES_MAX)
        return false;
    s->files[s->n_files++] = path;
    return true;
}

bool config_sources_set(struct config_sources *s, const char *option, const char *key,
                        const char *value)
{
    if (s->n_assignments == CONFIG_ASSIGNMENTS_MAX)
        return false;
    s->assignments[s->n_assignments++] = (struct config_assignment){option, key, value};
    return true;
}

static enum status assign(const struct config_assignment *a, struct config *c, struct errmsg *em)
{
    char origin[ORIGIN_BYTES];
    if (!a->key)
        return config_merge_assignment(c, a->value, em);
    snprintf(origin, sizeof origin, "--%s %s", a->option, a->value);
    return config_merge_option(c, a->key, a->value, origin, em);
}

/* A hint if the file argument was probably meant as something else. */
static void hint_of(const char *path, char *out, size_t n)
{
    static const char *const dashes[] = {"\u2010", "\u2011", "\u2012", "\u2013",
                                         "\u2014", "\u2212", "\uff0d"};
    out[0] = '\0';
    if (strchr(path, '='))
        snprintf(out, n, "; to set a key, write --set %s", path);
    for (size_t i = 0; i < sizeof dashes / sizeof *dashes; i++)
        if (strncmp(path, dashes[i], strlen(dashes[i])) == 0)
            snprintf(out, n, "; an option begins with two plain hyphens, as --set does");
}

static enum status merge_file(struct config *c, const char *path, struct errmsg *em)
{
    struct errmsg why = {0};
    char hint[HINT_BYTES] = "";
    enum status st = config_merge_file(c, path, &why);
    if (st == ST_OK)
        return st;
    if (st == ST_NOINPUT)
        hint_of(path, hint, sizeof hint);
    if (st == ST_NOINPUT && !hint[0])
        config_file_hint(path, hint, sizeof hint);
    return FAIL(em, st, "%s%s", why.text, hint);
}

/* Checks before any file is read: words split by the shell ("train.lr = 1") look like files. */
static enum status check(const struct config_sources *s, struct errmsg *em)
{
    for (size_t i = 0; i < s->n_assignments; i++)
        if (!s->assignments[i].key) {
            enum status st = config_check_assignment(s->assignments[i].value, em);
            if (st != ST_OK)
                return st;
        }
    for (size_t i = 0; i < s->n_files; i++)
        for (size_t k = 0; k < i; k++)
            if (file_same(s->files[i], s->files[k]))
                return FAIL(
                    em, ST_USAGE,
                    "%s is given twice: leave one out. A later file overrides an earlier one",
                    s->files[i]);
    return ST_OK;
}

enum status config_sources_read(const struct config_sources *s, struct config *out,
                                struct errmsg *em)
{
    enum status st = check(s, em);
    config_init(out);
    for (size_t i = 0; i < s->n_files && st == ST_OK; i++)
        st = merge_file(out, s->files[i], em);
    for (size_t i = 0; i < s->n_assignments && st == ST_OK; i++)
        st = assign(&s->assignments[i], out, em);
    if (st == ST_OK && out->name[0] == '\0' && s->n_files > 0)
        path_stem(s->files[s->n_files - 1], out->name, sizeof out->name);
    return st;
}

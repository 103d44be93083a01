#include "config_sources.h"

#include <stdio.h>

#include "base/file.h"

#include "base/poison.h"

enum { ORIGIN_BYTES = 256 };

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

enum status config_sources_read(const struct config_sources *s, struct config *out,
                                struct errmsg *em)
{
    enum status st = ST_OK;
    config_init(out);
    for (size_t i = 0; i < s->n_files && st == ST_OK; i++)
        st = config_merge_file(out, s->files[i], em);
    for (size_t i = 0; i < s->n_assignments && st == ST_OK; i++)
        st = assign(&s->assignments[i], out, em);
    if (st == ST_OK && out->name[0] == '\0' && s->n_files > 0)
        path_stem(s->files[s->n_files - 1], out->name, sizeof out->name);
    return st;
}

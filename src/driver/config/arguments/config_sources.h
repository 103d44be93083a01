/*
 * The sources of a configuration on a command line: files, then --set KEY=VALUE and the options
 * that stand for keys, each in order. Later values replace earlier ones.
 *
 *     struct config_sources sources = {0};          // 6 kB; texts are borrowed from argv
 *     bool enough = config_sources_file(&sources, "configs/light128.toml") &&
 *                   config_sources_set(&sources, "set", NULL, "train.lr=1e-4");
 *     enum status st = config_sources_read(&sources, &config, &em);
 */
#ifndef BIFRONS_DRIVER_CONFIG_SOURCES_H
#define BIFRONS_DRIVER_CONFIG_SOURCES_H

#include "config.h"

enum { CONFIG_FILES_MAX = 16, CONFIG_ASSIGNMENTS_MAX = 256 };

struct config_sources {
    const char *files[CONFIG_FILES_MAX];
    struct config_assignment {
        const char *option, *key, *value;
    } assignments[CONFIG_ASSIGNMENTS_MAX];
    size_t n_files, n_assignments;
};

/* false: there are too many. */
bool config_sources_file(struct config_sources *s, const char *path);
/* Adds an option ("epochs") that sets a key; key NULL: value is KEY=VALUE. */
bool config_sources_set(struct config_sources *s, const char *option, const char *key,
                        const char *value);

/* Reads all over the defaults. If no source sets the name, it is that of the last file. Errors:
 * ST_NOINPUT, ST_CONFIG. */
enum status config_sources_read(const struct config_sources *s, struct config *out,
                                struct errmsg *em) MUST_CHECK;

#endif

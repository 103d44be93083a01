/* What to write instead of a value that was refused: for the end of a message. */
#ifndef BIFRONS_DRIVER_CONFIG_HINT_H
#define BIFRONS_DRIVER_CONFIG_HINT_H

#include "config_schema.h"

enum { CONFIG_HINT_BYTES = 192 };

/*
 * Of an entry that the key does not take, but would if it were written in another way: ": write 40,
 * without quotes" for "40.0". Else "". in_file: quotes are the file's, not the shell's.
 */
void config_value_hint(const struct config_key *key, const struct toml_entry *e, bool in_file,
                       char out[static CONFIG_HINT_BYTES]);
/* Of a path where nothing is, for what it may come from (". In WSL …"). Else "". */
void config_path_hint(const char *path, char out[static CONFIG_HINT_BYTES]);

#endif

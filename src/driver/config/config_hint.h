/* Hints what to write instead of a refused value, for the end of a message. */
#ifndef BIFRONS_DRIVER_CONFIG_HINT_H
#define BIFRONS_DRIVER_CONFIG_HINT_H

#include <stddef.h>

#include "config_schema.h"

enum { CONFIG_HINT_BYTES = 192 };

/*
 * If the key would take the entry in another form, that form: ": write 40, without quotes" for
 * "40.0". Else "". in_file: from a file, where quotes are TOML's, not the shell's.
 */
void config_value_hint(const struct config_key *key, const struct toml_entry *e, bool in_file,
                       char out[static CONFIG_HINT_BYTES]);
/* For a path that does not exist: a likely cause (". In WSL …"). Else "". */
void config_path_hint(const char *path, char out[static CONFIG_HINT_BYTES]);
/*
 * A hint for a config file that does not exist: if one of this name was installed with the program,
 * "; it comes with bifrons: /usr/local/share/bifrons/configs/recipe.toml". Else "".
 */
void config_file_hint(const char *path, char *out, size_t out_bytes);

#endif

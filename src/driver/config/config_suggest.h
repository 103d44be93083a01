/*
 * Suggests known names for an unknown name, for the end of a message.
 *
 *     char meant[CONFIG_SUGGESTION_BYTES];
 *     config_suggest_key("lr", meant);      // "; did you mean train.lr or discriminator.lr?"
 *     config_suggest_key("zebra", meant);   // ""
 *
 * Ignores case, and the difference of '-' and '_'. Also finds keys of the same name in other
 * tables, and names that other programs use ("batch_size").
 */
#ifndef BIFRONS_DRIVER_CONFIG_SUGGEST_H
#define BIFRONS_DRIVER_CONFIG_SUGGEST_H

#include "config_schema.h"

enum { CONFIG_SUGGESTION_BYTES = 256 };

/* Among the keys of the configuration. */
void config_suggest_key(const char *name, char out[static CONFIG_SUGGESTION_BYTES]);
/* Among n keys of another table. */
void config_suggest_of(const struct config_key *const *keys, size_t n, const char *name,
                       char out[static CONFIG_SUGGESTION_BYTES]);
/* Among the configuration's tables: "; did you mean [train]?". */
void config_suggest_table(const char *name, char out[static CONFIG_SUGGESTION_BYTES]);
/* The nearest of the words (NULL-terminated); NULL if none is near. */
const char *config_suggest_word(const char *const *words, const char *text);

#endif

/*
 * What a name that is none was probably meant to be: for the end of a message.
 *
 *     char meant[CONFIG_SUGGESTION_BYTES];
 *     config_suggest_key("lr", meant);      // "; did you mean train.lr or discriminator.lr?"
 *     config_suggest_key("zebra", meant);   // ""
 *
 * Small and capital letters, '-' and '_' count as the same. A key of the right name in another
 * table is found, in every table that has one, and so are names that other programs use
 * ("batch_size").
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
/* The one of the words (NULL-terminated) that is nearest; NULL: none is near. */
const char *config_suggest_word(const char *const *words, const char *text);

#endif

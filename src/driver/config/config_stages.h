/*
 * train.stages: a list of tables, each with some of the keys image_size, epochs, global_batch and
 * lr. They take the same values as model.image_size and the train keys of the same names.
 *
 *     [[train.stages]]                    or    [train]
 *     image_size = 128                          stages = [{image_size = 128, epochs = 20},
 *     epochs = 20                                         {image_size = 256}]
 *     [[train.stages]]
 *     image_size = 256
 */
#ifndef BIFRONS_DRIVER_CONFIG_STAGES_H
#define BIFRONS_DRIVER_CONFIG_STAGES_H

#include "config_schema.h"

/* The place of values, for messages: "ORIGIN:LINE:COLUMN", or only the origin. */
struct config_origin {
    const char *name;
    bool placed;
};
struct toml_place;
enum { CONFIG_PLACE_BYTES = PATH_BYTES_MAX + 32 };
/* "c.toml:3:7" */
void config_place(const struct config_origin *origin, const struct toml_place *at,
                  char out[static CONFIG_PLACE_BYTES]);

/* Replaces the list by an entry's tables (TOML_TABLES). ST_CONFIG names the stage and its key. */
enum status config_stages_merge(struct config_stages *stages, const struct toml_entry *e,
                                const struct config_origin *origin, struct errmsg *em) MUST_CHECK;
/* A description of what the key takes. */
void config_stages_allowed(char out[static KEY_ALLOWED_BYTES]);
/* Print as TOML on one line: a stage; a list of at least one stage. */
void config_stage_print(FILE *f, const struct config_stage *stage);
void config_stages_print(FILE *f, const struct config_stages *stages);
/* True if they set the same values. */
bool config_stage_equal(const struct config_stage *a, const struct config_stage *b);
bool config_stages_equal(const struct config_stages *a, const struct config_stages *b);

#endif

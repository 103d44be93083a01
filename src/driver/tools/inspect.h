/* What the files of bifrons inspect share. */
#ifndef BIFRONS_DRIVER_TOOLS_INSPECT_H
#define BIFRONS_DRIVER_TOOLS_INSPECT_H

#include <jansson.h>

#include "base/status.h"

struct inspect_options {
    const char *path, *sheet, *augment; /* NULL where not asked for */
    bool verify, json;
};

enum status inspect_set(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;
enum status inspect_checkpoint(const struct inspect_options *o, struct errmsg *em) MUST_CHECK;

/* Text from a file as JSON: bytes that are no UTF-8 become '?'. Never NULL for want of UTF-8. */
json_t *inspect_text(const char *text);
/* "name  value" with what a terminal would obey taken out of the value; lines kept, indented. */
void inspect_print(const char *name, const char *value);
/* One line of JSON on standard output; takes over the reference. ST_MEMORY. */
enum status inspect_print_json(json_t *object, struct errmsg *em) MUST_CHECK;

#endif

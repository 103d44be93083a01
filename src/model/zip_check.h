/* Whether a zip archive is whole. */
#ifndef BIFRONS_MODEL_ZIP_CHECK_H
#define BIFRONS_MODEL_ZIP_CHECK_H

#include "base/status.h"

/*
 * Reads every record of the archive and compares its checksum: libtorch's reader does neither.
 * ST_NOINPUT where it cannot be opened; ST_DATA where it is no zip archive, torn, damaged or
 * compressed.
 */
enum status zip_check(const char *path, struct errmsg *em) MUST_CHECK;

#endif

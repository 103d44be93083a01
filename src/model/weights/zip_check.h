/* Zip archives: check that one is whole; the system's reason if one cannot be read. */
#ifndef BIFRONS_MODEL_ZIP_CHECK_H
#define BIFRONS_MODEL_ZIP_CHECK_H

#include <zip.h>

#include "base/status.h"

/*
 * Reads every record of the archive and compares its checksum, which libtorch's reader does not do.
 * ST_NOINPUT: cannot be opened; ST_IO: reading fails; ST_DATA: not a zip archive, torn, damaged or
 * compressed.
 */
enum status zip_check(const char *path, struct errmsg *em) MUST_CHECK;

/* Opens for reading; *out is NULL if the file is not a whole zip archive. ST_NOINPUT, ST_IO,
 * ST_MEMORY. */
enum status zip_open_file(const char *path, zip_t **out, struct errmsg *em) MUST_CHECK;
/* The errno of a failed read of a record, or of opening it (record NULL); 0: another reason. */
int zip_reason(zip_t *archive, zip_file_t *record);

#endif

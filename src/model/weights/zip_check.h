/* Zip archives: the system's reason where one cannot be read, and whether it is whole. */
#ifndef BIFRONS_MODEL_ZIP_CHECK_H
#define BIFRONS_MODEL_ZIP_CHECK_H

#include <zip.h>

#include "base/status.h"

/*
 * Reads every record of the archive and compares its checksum: libtorch's reader does neither.
 * ST_NOINPUT where it cannot be opened, ST_IO where reading fails; ST_DATA where it is no zip
 * archive, torn, damaged or compressed.
 */
enum status zip_check(const char *path, struct errmsg *em) MUST_CHECK;

/* For reading; *out is NULL where the file is no whole zip archive. ST_NOINPUT, ST_IO, ST_MEMORY.
 */
enum status zip_open_file(const char *path, zip_t **out, struct errmsg *em) MUST_CHECK;
/* The errno for which reading a record failed, or opening it (record NULL); 0: another reason. */
int zip_reason(zip_t *archive, zip_file_t *record);

#endif

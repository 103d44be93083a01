/* The record bifrons.json of a checkpoint, as inspect reads it: JSON in an archive. */
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "fuzz.h"
#include "inspect.h"
#include "trained_on.h"

static const char *archive_of(const uint8_t *data, size_t n)
{
    static char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/x.pt", fuzz_folder());
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_source_t *source = z ? zip_source_buffer(z, data, n, 0) : NULL;
    zip_int64_t i = source ? zip_file_add(z, "x/bifrons.json", source, 0) : -1;
    if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0 ||
        zip_close(z) != 0)
        abort();
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct errmsg em = {0};
    struct trained_on sets[2];
    json_t *record = NULL;
    if (inspect_read_record(archive_of(data, n), &record, &em) != ST_OK)
        return 0;
    trained_on_read(record, sets);
    json_decref(trained_on_json(sets));
    json_decref(record);
    return 0;
}

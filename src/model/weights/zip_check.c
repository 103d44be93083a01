#include "zip_check.h"

#include <errno.h>
#include <stdlib.h>

#include "base/file.h"

enum { PIECE_BYTES = 1 << 18, RECORDS_MAX = 1 << 20 };

/* Is the disk the reason? Others, such as EINVAL and EFBIG, come from wrong positions in a damaged
 * file. */
static bool is_of_the_disk(int reason)
{
    return reason == EIO || reason == ESTALE || reason == ENODEV || reason == ETIMEDOUT;
}

enum status zip_open_file(const char *path, zip_t **out, struct errmsg *em)
{
    int code = 0;
    enum status st = file_check_readable(path, em);
    if (st != ST_OK)
        return st;
    errno = 0;
    *out = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    int reason = errno;
    if (!*out && code == ZIP_ER_MEMORY)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (!*out && is_of_the_disk(reason) &&
        (code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK))
        return FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", path);
    return ST_OK;
}

int zip_reason(zip_t *archive, zip_file_t *record)
{
    zip_error_t *e = record ? zip_file_get_error(record) : zip_get_error(archive);
    int reason = zip_error_system_type(e) == ZIP_ET_SYS ? zip_error_code_system(e) : 0;
    return is_of_the_disk(reason) ? reason : 0;
}

/* libzip compares the checksum when a record has been read to its end. */
static enum status read_through(zip_t *archive, zip_uint64_t index, char *piece, const char *path,
                                struct errmsg *em)
{
    zip_file_t *record = zip_fopen_index(archive, index, 0);
    zip_int64_t n = record ? 1 : -1;
    while (n > 0)
        n = zip_fread(record, piece, PIECE_BYTES);
    int reason = n == 0 ? 0 : zip_reason(archive, record);
    if (record)
        zip_fclose(record);
    if (reason)
        return FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", path);
    return n == 0 ? ST_OK : ST_DATA; /* the caller writes the message */
}

static enum status check_record(zip_t *archive, zip_uint64_t index, char *piece, const char *path,
                                struct errmsg *em)
{
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_COMP_METHOD;
    zip_stat_t s;
    bool known = zip_stat_index(archive, index, 0, &s) == 0 && (s.valid & wanted) == wanted;
    if (known &&
        s.comp_method != ZIP_CM_STORE) /* a small compressed file could expand to all memory */
        return FAIL(em, ST_DATA,
                    "%s is no checkpoint: its record \"%.100s\" is compressed; torch.save "
                    "does not compress",
                    path, s.name);
    enum status st = known ? read_through(archive, index, piece, path, em) : ST_DATA;
    if (st == ST_DATA)
        st = FAIL(em, ST_DATA,
                  "%s is damaged: its record \"%.100s\" cannot be read or does not match its "
                  "checksum; use an earlier checkpoint",
                  path, known ? s.name : "?");
    return st;
}

enum status zip_check(const char *path, struct errmsg *em)
{
    zip_t *archive = NULL;
    enum status st = zip_open_file(path, &archive, em);
    if (st != ST_OK)
        return st;
    if (!archive)
        return FAIL(
            em, ST_DATA,
            "%s is no checkpoint: it is not a zip archive, or was cut short; use an earlier "
            "checkpoint",
            path);
    char *piece = malloc(PIECE_BYTES);
    zip_int64_t n = zip_get_num_entries(archive, 0);
    if (!piece)
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    else if (n < 1 || n > RECORDS_MAX)
        st = FAIL(em, ST_DATA, "%s is no checkpoint: it is a zip archive of %lld records", path,
                  (long long)n);
    for (zip_int64_t i = 0; i < n && st == ST_OK; i++)
        st = check_record(archive, (zip_uint64_t)i, piece, path, em);
    free(piece);
    zip_discard(archive);
    return st;
}

#include "base/sidecar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = PATH_BYTES_MAX + 64 };

void sidecar_path(const char *path, char out[static SIDECAR_PATH_BYTES])
{
    snprintf(out, SIDECAR_PATH_BYTES, "%s" SIDECAR_EXTENSION, path);
}

bool sidecar_exists(const char *path)
{
    char sidecar[SIDECAR_PATH_BYTES];
    sidecar_path(path, sidecar);
    return access(sidecar, F_OK) == 0 || errno != ENOENT;
}

enum status sidecar_write(const char *path, struct hash128 hash, struct errmsg *em)
{
    char hex[HASH128_HEX_BYTES], sidecar[SIDECAR_PATH_BYTES], line[LINE_BYTES_MAX];
    hash128_hex(hash, hex);
    sidecar_path(path, sidecar);
    int n = snprintf(line, sizeof line, "%s  %s\n", hex, path_name(path));
    return file_write_atomic(sidecar, line, (size_t)n, em);
}

enum status sidecar_read(const char *path, char hex_out[static HASH128_HEX_BYTES],
                         struct errmsg *em)
{
    enum { HEX_DIGITS = HASH128_HEX_BYTES - 1 };
    char sidecar[SIDECAR_PATH_BYTES];
    uint8_t *line;
    size_t n;
    sidecar_path(path, sidecar);
    enum status st = file_read_all(sidecar, LINE_BYTES_MAX, &line, &n, em);
    if (st != ST_OK)
        return st;
    if (strspn((const char *)line, "0123456789abcdef") == HEX_DIGITS) {
        memcpy(hex_out, line, HEX_DIGITS);
        hex_out[HEX_DIGITS] = '\0';
    } else {
        st = FAIL(em, ST_DATA, "%s holds no XXH3-128 hash, so %s cannot be checked", sidecar, path);
    }
    free(line);
    return st;
}

enum status sidecar_verify(const char *path, const char *remedy, struct errmsg *em)
{
    char found[HASH128_HEX_BYTES], wanted[HASH128_HEX_BYTES];
    struct hash128 hash;
    enum status st = sidecar_read(path, wanted, em);
    if (st == ST_OK)
        st = hash128_file(path, &hash, em);
    if (st != ST_OK)
        return st;
    hash128_hex(hash, found);
    if (strcmp(found, wanted) != 0)
        return FAIL(em, ST_DATA,
                    "%s is damaged or was replaced: its XXH3-128, %s, does not match %s in "
                    "%s" SIDECAR_EXTENSION "%s",
                    path, found, wanted, path_name(path), remedy);
    return ST_OK;
}

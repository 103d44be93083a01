/* The hash beside a checkpoint. */
#include "base/sidecar.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[PATH_BYTES_MAX], hex[HASH128_HEX_BYTES];
    struct errmsg em = {0};
    snprintf(path, sizeof path, "%s", fuzz_file_in_folder("x", (const uint8_t *)"x", 1));
    fuzz_file_in_folder("x" SIDECAR_EXTENSION, data, n);
    if (sidecar_read(path, hex, &em) == ST_OK)
        (void)!sidecar_verify(path, "; use another checkpoint", &em);
    return 0;
}

/* The header of a safetensors file, which is JSON, before 64 bytes of tensors. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "weights_priv.h"

enum { TENSOR_BYTES = 64, LENGTH_BYTES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    double numbers[TENSOR_BYTES];
    struct weights *w = NULL;
    uint8_t *file = calloc(1, LENGTH_BYTES + n + TENSOR_BYTES);
    if (!file)
        return 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        file[i] = (uint8_t)((uint64_t)n >> (8 * i));
    memcpy(file + LENGTH_BYTES, data, n);
    if (weights_open(fuzz_file(file, LENGTH_BYTES + n + TENSOR_BYTES), &w, NULL) == ST_OK)
        for (size_t i = 0; i < w->n; i++)
            if (w->tensors[i].count <= TENSOR_BYTES)
                (void)!weights_read(w, &w->tensors[i], numbers, NULL);
    weights_free(w);
    free(file);
    return 0;
}

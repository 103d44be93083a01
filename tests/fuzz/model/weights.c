/* Files of weights, of each kind, from their first byte; and the archive of a checkpoint. */
#include "weights.h"

#include <stdlib.h>

#include "fuzz.h"
#include "weights_priv.h"
#include "zip_check.h"

enum { COUNT_MAX = 1 << 20, READ_MAX = 16 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t room, unsigned seed)
{
    n = LLVMFuzzerMutate(data, n, room);
    if (seed % 16 != 0)
        fuzz_repair_zip(data, n);
    return n;
}

/* As vgg.c and operations_read.c do: they know how many numbers they want. */
static void read_some(struct weights *w)
{
    for (size_t i = 0; i < w->n && i < READ_MAX; i++) {
        const struct weights_tensor *t = weights_find(w, w->tensors[i].name);
        double *numbers =
            t->count > 0 && t->count <= COUNT_MAX ? malloc(t->count * sizeof *numbers) : NULL;
        if (numbers)
            (void)!weights_read(w, t, numbers, NULL);
        free(numbers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *path = fuzz_file(data, n);
    struct weights *w = NULL;
    (void)!zip_check(path, NULL);
    if (weights_open(path, &w, NULL) != ST_OK)
        return 0;
    read_some(w);
    weights_free(w);
    return 0;
}

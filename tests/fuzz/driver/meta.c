/* The state of a run in a checkpoint, JSON: what is read is written and read again. */
#include "run_meta.h"

#include <stdlib.h>

#include "fuzz.h"

/* Of libtorch's half, which is not here. */
const struct checkpoint_facts *checkpoint_get_facts(const struct checkpoint *c)
{
    (void)c;
    abort();
}

double checkpoint_get_val_metric(const struct checkpoint *c, const char *key)
{
    (void)c, (void)key;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct run_meta meta, again;
    char *text = fuzz_text(data, n);
    run_meta_read(text, &meta);
    free(text);
    for (size_t i = 0; i < 2; i++)
        meta.people[i] = meta.consent[i] = "";
    if ((text = run_meta_text(&meta, true)) != NULL)
        run_meta_read(text, &again);
    free(text);
    return 0;
}

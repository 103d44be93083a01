/* What the process says that opens a set first: libhdf5 may have changed any of its memory. */
#include <stdlib.h>

#include "child_stub.h"
#include "fuzz.h"
#include "set_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct errmsg *em = calloc(1, sizeof *em), again = {0};
    if (!em)
        return 0;
    sent = data;
    n_sent = n;
    enum status st = set_probe("faces.h5", em);
    (void)status_exit_code(st);
    (void)status_name(st);
    if (st != em->code)
        abort();
    (void)FAIL(&again, em->code, "%s", em->text);
    free(em);
    return 0;
}

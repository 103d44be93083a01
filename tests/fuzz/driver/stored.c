/* The lists of a folder that bifrons extract wrote: faces.csv, then identity.csv. */
#include "stored.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

const char *verdict_name(enum verdict v)
{
    return v == UNSURE ? "unsure" : "kept";
}

/* Not reached: nothing is dropped here. */
enum status cuts_save(const char *folder, const struct cuts_state *s, struct errmsg *em)
{
    (void)s;
    return FAIL(em, ST_IO, "%s is not written", folder);
}

enum status cuts_load(const char *folder, struct cuts_state *out, struct errmsg *em)
{
    (void)out;
    return FAIL(em, ST_IO, "%s is not read", folder);
}

/* Files of these names may be removed. */
static void need_own_name(const char *name)
{
    if (name[0] == '\0' || strchr(name, '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct stored_identities identities;
    struct stored_reader r;
    struct errmsg em = {0};
    const uint8_t *part;
    size_t bytes = fuzz_part(&data, &n, &part);
    fuzz_file_in_folder("faces.csv", part, bytes);
    fuzz_file_in_folder("identity.csv", data, n);
    enum status st = stored_open(&r, fuzz_folder(), &em);
    while (st == ST_OK && stored_next(&r))
        need_own_name(r.name);
    stored_close(&r);
    if (stored_identities_read(fuzz_folder(), &identities, &em) != ST_OK)
        return 0;
    for (size_t i = 0; i < identities.n; i++)
        need_own_name(identities.names[i]);
    stored_identities_release(&identities);
    return 0;
}

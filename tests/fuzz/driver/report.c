/* The data in a report.html, which inspect --uses reads. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char head[] = "<!DOCTYPE html><meta name=\"generator\" content=\"Bifrons report\">"
                               "<script type=\"application/json\" id=\"data\">";
    json_t *read = NULL;
    uint8_t *file = malloc(sizeof head + n);
    if (!file)
        return 0;
    memcpy(file, head, sizeof head - 1);
    memcpy(file + sizeof head - 1, data, n);
    if (page_read(fuzz_file(file, sizeof head - 1 + n), &read, NULL) == ST_OK)
        json_decref(read);
    free(file);
    return 0;
}

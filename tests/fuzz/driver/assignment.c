/* --set KEY=VALUE, a line each. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config c;
    char *text = fuzz_text(data, n), *at = text;
    config_init(&c);
    for (char *line; (line = strsep(&at, "\n")) != NULL;) {
        struct errmsg em = {0};
        if (config_check_assignment(line, &em) == ST_OK)
            (void)!config_merge_assignment(&c, line, &em);
    }
    (void)!config_check(&c, 1, NULL);
    free(text);
    return 0;
}

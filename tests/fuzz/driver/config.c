/* A configuration in TOML: what is accepted is checked, printed, read again and divided in stages.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"

static void use(struct config *c)
{
    struct config again;
    char *text = config_to_toml(c);
    config_init(&again);
    if (!text || config_merge_text(&again, text, "resolved", NULL) != ST_OK)
        abort(); /* what was accepted must be accepted when it is written down */
    free(text);
    (void)!config_check_sizes(c, 2, NULL);
    if (config_check(c, 2, NULL) != ST_OK)
        return;
    for (int64_t i = 0; i < config_stage_count(c); i++)
        config_enter_stage(c, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config c;
    char *text = fuzz_text(data, n);
    config_init(&c);
    if (config_merge_text(&c, text, "config.toml", NULL) == ST_OK)
        use(&c);
    free(text);
    return 0;
}

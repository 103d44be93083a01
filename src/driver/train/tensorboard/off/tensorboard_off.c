/* tensorboard.h in a build without protobuf-c, protoc-c or ISA-L: succeeds and writes nothing. */
#include "tensorboard.h"

#include <stdlib.h>

#include "base/log.h"

#include "base/poison.h"

struct tensorboard {
    char unused;
};

bool tensorboard_available(void)
{
    return false;
}

enum status tensorboard_open(const char *folder, struct tensorboard **out, struct errmsg *em)
{
    struct tensorboard *tb = malloc(sizeof *tb);
    if (!tb)
        return FAIL(em, ST_MEMORY, "out of memory making an event file in %s", folder);
    log_warn("this build cannot write TensorBoard files (it needs libprotobuf-c, protoc-c and "
             "libisal); metrics.jsonl has the same numbers");
    *out = tb;
    return ST_OK;
}

enum status tensorboard_restart(struct tensorboard *tb, int64_t step, struct errmsg *em)
{
    (void)tb, (void)step, (void)em;
    return ST_OK;
}

enum status tensorboard_scalars(struct tensorboard *tb, int64_t step,
                                const struct tensorboard_scalar *scalars, size_t n,
                                struct errmsg *em)
{
    (void)tb, (void)step, (void)scalars, (void)n, (void)em;
    return ST_OK;
}

enum status tensorboard_metrics(struct tensorboard *tb, const struct metrics_row *row,
                                struct errmsg *em)
{
    (void)tb, (void)row, (void)em;
    return ST_OK;
}

enum status tensorboard_image(struct tensorboard *tb, const char *tag, int64_t step,
                              const uint8_t *png, size_t n, int width, int height,
                              struct errmsg *em)
{
    (void)tb, (void)tag, (void)step, (void)png, (void)n, (void)width, (void)height, (void)em;
    return ST_OK;
}

void tensorboard_close(struct tensorboard *tb)
{
    free(tb);
}

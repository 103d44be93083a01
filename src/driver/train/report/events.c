#include "events.h"

#include <stdlib.h>

#include "append.h"
#include "base/clock.h"
#include "base/json.h"

#include "base/poison.h"

struct events {
    struct append_file file;
};

static const char *const kinds[] = {
#define X(name, text, own_words) [EVENT_##name] = (text),
    EVENT_MAP(X)
#undef X
};

enum status events_open(const char *path, bool new_run, struct events **out, struct errmsg *em)
{
    struct events *e = malloc(sizeof *e);
    if (!e)
        return FAIL(em, ST_MEMORY, "out of memory opening %s", path);
    enum status st = append_open_lines(&e->file, path, new_run ? 0 : INT64_MAX, em);
    if (st != ST_OK) {
        free(e);
        return st;
    }
    *out = e;
    return ST_OK;
}

enum status events_write(struct events *e, enum event_kind kind, int64_t step, double time_s,
                         const char *text, struct errmsg *em)
{
    char at[32];
    clock_iso8601(at);
    json_t *o =
        json_pack("{s:s, s:I, s:o, s:s, s:o}", "event", kinds[kind], "step", (json_int_t)step,
                  "time", json_number_or_null(time_s), "at", at, "text", json_text_or_null(text));
    enum status st = append_json(&e->file, o, em);
    json_decref(o);
    return st;
}

void events_close(struct events *e)
{
    if (!e)
        return;
    append_close(&e->file);
    free(e);
}

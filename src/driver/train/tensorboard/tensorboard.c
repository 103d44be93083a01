#include "tensorboard.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "append.h"
#include "base/checked.h"
#include "base/clock.h"
#include "crc32c.h"
#include "metrics.h"
#include "tfevent.pb-c.h"

#include "base/poison.h"

enum {
    HEAD_BYTES = 12, /* length, its checksum */
    TAIL_BYTES = 4,  /* checksum of the message */
    SCALARS_MAX = 64,
    NAMES_TRIED_MAX = 100,
    COLOURSPACE_RGB = 3,
    SESSION_START = 1,
};

struct tensorboard {
    struct append_file file;
};

bool tensorboard_available(void)
{
    return true;
}

static void put_little_endian(uint8_t *out, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static enum status write_event(struct tensorboard *tb, Tfevent__Event *event, struct errmsg *em)
{
    event->wall_time = clock_wall_seconds();
    size_t n = tfevent__event__get_packed_size(event);
    size_t record_bytes;
    uint8_t *record = NULL;
    if (checked_add(n, HEAD_BYTES + TAIL_BYTES, &record_bytes))
        record = malloc(record_bytes);
    if (!record)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", tb->file.path);
    put_little_endian(record, n, 8);
    put_little_endian(record + 8, crc32c_masked(record, 8), 4);
    tfevent__event__pack(event, record + HEAD_BYTES);
    put_little_endian(record + HEAD_BYTES + n, crc32c_masked(record + HEAD_BYTES, n), TAIL_BYTES);
    enum status st = append_write(&tb->file, record, record_bytes, em);
    free(record);
    return st;
}

static enum status write_values(struct tensorboard *tb, int64_t step, Tfevent__Value **values,
                                size_t n, struct errmsg *em)
{
    Tfevent__Summary summary = TFEVENT__SUMMARY__INIT;
    summary.value = values;
    summary.n_value = n;
    Tfevent__Event event = TFEVENT__EVENT__INIT;
    event.step = step;
    event.what_case = TFEVENT__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return write_event(tb, &event, em);
}

/* protobuf-c has no const strings; packing only reads them. */
static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static Tfevent__Value value_tagged(const char *tag)
{
    Tfevent__Value v = TFEVENT__VALUE__INIT;
    v.tag = unconst(tag);
    return v;
}

static const char name_begins[] = "events.out.tfevents.";
static const long long stamp_max = 9999999999; /* ten digits */

/* The latest time in the names of event files; 0: there are none. */
static long long newest_stamp(const char *folder)
{
    long long newest = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strncmp(e->d_name, name_begins, strlen(name_begins)) == 0)
            newest = MAX(newest, strtoll(e->d_name + strlen(name_begins), NULL, 10));
    if (d)
        closedir(d);
    return newest < stamp_max ? newest : 0;
}

/* Makes a file with a new name: several starts may be in one second. Readers sort files by name, so
 * it must be the last one, whatever the clock says. */
static enum status make_file(struct tensorboard *tb, const char *folder, struct errmsg *em)
{
    char host[256] = "unknown", name[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown");
    long long stamp = MAX((long long)clock_wall_seconds(), newest_stamp(folder) + 1);
    enum status st = ST_OK;
    bool exists = true;
    for (int i = 0; exists && i < NAMES_TRIED_MAX; i++) {
        struct errmsg reason = {0};
        snprintf(name, sizeof name, "%s%010lld.%s.%ld.%d", name_begins, stamp, host, (long)getpid(),
                 i);
        if (!path_join(path, sizeof path, folder, name))
            return FAIL(em, ST_IO, "path too long: %s/%s", folder, name);
        st = append_open(&tb->file, path, true, &exists, &reason);
        if (st != ST_OK && !exists)
            return FAIL(em, st, "%s", reason.text);
    }
    return exists ? FAIL(em, ST_IO, "no free name for an event file in %s", folder) : st;
}

enum status tensorboard_open(const char *folder, struct tensorboard **out, struct errmsg *em)
{
    struct tensorboard *tb = malloc(sizeof *tb);
    if (!tb)
        return FAIL(em, ST_MEMORY, "out of memory making an event file in %s", folder);
    tb->file = APPEND_FILE_NONE;
    enum status st = make_file(tb, folder, em);
    if (st != ST_OK)
        goto out;
    Tfevent__Event first = TFEVENT__EVENT__INIT;
    first.what_case = TFEVENT__EVENT__WHAT_FILE_VERSION;
    first.file_version = unconst("brain.Event:2");
    st = write_event(tb, &first, em);
    if (st != ST_OK)
        goto out;
    *out = tb;
    tb = NULL;
out:
    tensorboard_close(tb);
    return st;
}

enum status tensorboard_restart(struct tensorboard *tb, int64_t step, struct errmsg *em)
{
    Tfevent__SessionLog log = TFEVENT__SESSION_LOG__INIT;
    log.status = SESSION_START;
    Tfevent__Event event = TFEVENT__EVENT__INIT;
    event.step = step;
    event.what_case = TFEVENT__EVENT__WHAT_SESSION_LOG;
    event.session_log = &log;
    return write_event(tb, &event, em);
}

enum status tensorboard_scalars(struct tensorboard *tb, int64_t step,
                                const struct tensorboard_scalar *scalars, size_t n,
                                struct errmsg *em)
{
    Tfevent__Value values[SCALARS_MAX], *pointers[SCALARS_MAX];
    enum status st = ST_OK;
    for (size_t done = 0; st == ST_OK && done < n; done += SCALARS_MAX) {
        size_t some = MIN(n - done, SCALARS_MAX);
        for (size_t i = 0; i < some; i++) {
            values[i] = value_tagged(scalars[done + i].tag);
            values[i].value_case = TFEVENT__VALUE__VALUE_SIMPLE_VALUE;
            values[i].simple_value = (float)scalars[done + i].value;
            pointers[i] = &values[i];
        }
        st = write_values(tb, step, pointers, some, em);
    }
    return st;
}

enum status tensorboard_image(struct tensorboard *tb, const char *tag, int64_t step,
                              const uint8_t *png, size_t n, int width, int height,
                              struct errmsg *em)
{
    Tfevent__Image image = TFEVENT__IMAGE__INIT;
    image.width = width;
    image.height = height;
    image.colorspace = COLOURSPACE_RGB;
    image.encoded_image_string.data = (uint8_t *)(uintptr_t)png;
    image.encoded_image_string.len = n;
    Tfevent__Value value = value_tagged(tag);
    value.value_case = TFEVENT__VALUE__VALUE_IMAGE;
    value.image = &image;
    return write_values(tb, step, (Tfevent__Value *[]){&value}, 1, em);
}

/* --- Metrics ---------------------------------------------------------------------------------- */

static const char *const train_tags[MODEL_PEOPLE][MODEL_LOSSES] = {
#define X(name, key, ...) [MODEL_A][MODEL_LOSS_##name] = "loss/a_" #key,
    MODEL_LOSS_MAP(X)
#undef X
#define X(name, key, ...) [MODEL_B][MODEL_LOSS_##name] = "loss/b_" #key,
        MODEL_LOSS_MAP(X)
#undef X
};
static const char *const val_tags[MODEL_PEOPLE][MODEL_LOSSES] = {
#define X(name, key, ...) [MODEL_A][MODEL_LOSS_##name] = "val/a_" #key,
    MODEL_LOSS_MAP(X)
#undef X
#define X(name, key, ...) [MODEL_B][MODEL_LOSS_##name] = "val/b_" #key,
        MODEL_LOSS_MAP(X)
#undef X
};

enum { VAL_TAG_BYTES = 32 };

/* tags: memory for the names; needed until the scalars are written. */
static size_t val_scalars(const struct val_metrics *m, char tags[VAL_NUMBERS][VAL_TAG_BYTES],
                          struct tensorboard_scalar *out)
{
    size_t n = 0;
    for (int i = 0; i < VAL_NUMBERS; i++) {
        if (isnan(m->number[i]))
            continue;
        snprintf(tags[i], VAL_TAG_BYTES, "val/%s", val_metrics_key(i));
        out[n++] = (struct tensorboard_scalar){tags[i], m->number[i]};
    }
    return n;
}

static enum status write_faces(struct tensorboard *tb, const struct metrics_row *row,
                               struct errmsg *em)
{
    struct tensorboard_scalar s[SCALARS_MAX];
    char tags[SCALARS_MAX][VAL_TAG_BYTES];
    size_t n = MIN(row->n_faces, SCALARS_MAX);
    for (size_t i = 0; i < n; i++) {
        snprintf(tags[i], VAL_TAG_BYTES, "faces/%s", row->faces[i].name);
        s[i] = (struct tensorboard_scalar){tags[i], row->faces[i].value};
    }
    return tensorboard_scalars(tb, row->step, s, n, em);
}

enum status tensorboard_metrics(struct tensorboard *tb, const struct metrics_row *row,
                                struct errmsg *em)
{
    if (row->kind == METRICS_FACES)
        return write_faces(tb, row, em);
    bool train = row->kind == METRICS_TRAIN;
    struct tensorboard_scalar s[1 + MODEL_PEOPLE * MODEL_LOSSES + VAL_NUMBERS];
    char tags[VAL_NUMBERS][VAL_TAG_BYTES];
    _Static_assert(VAL_NUMBERS >= 6, "space for the scalars of a training row");
    size_t n = 0;
    s[n++] = (struct tensorboard_scalar){train ? "loss/total" : "val/total", row->losses.total};
    for (int person = 0; person < MODEL_PEOPLE; person++)
        for (int i = 0; i < MODEL_LOSSES; i++)
            if (!row->absent[i])
                s[n++] = (struct tensorboard_scalar){
                    train ? train_tags[person][i] : val_tags[person][i],
                    row->losses.term[person][i],
                };
    if (!train)
        n += val_scalars(&row->val_metrics, tags, s + n);
    if (train) {
        s[n++] = (struct tensorboard_scalar){"train/lr", row->lr};
        s[n++] = (struct tensorboard_scalar){"train/grad_norm", row->grad_norm};
        s[n++] = (struct tensorboard_scalar){"perf/images_per_s", row->images_per_s};
        s[n++] = (struct tensorboard_scalar){"perf/step_ms", row->step_ms};
        s[n++] = (struct tensorboard_scalar){"perf/data_wait_ms", row->data_wait_ms};
        s[n++] = (struct tensorboard_scalar){"perf/sum_wait_ms", row->sum_wait_ms};
    }
    return tensorboard_scalars(tb, row->step, s, n, em);
}

void tensorboard_close(struct tensorboard *tb)
{
    if (!tb)
        return;
    append_close(&tb->file);
    free(tb);
}

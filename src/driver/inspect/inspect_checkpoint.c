/* Reads the uncompressed record bifrons.json of a checkpoint, without libtorch. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "base/sidecar.h"
#include "inspect.h"
#include "state_table.h"
#include "trained_on.h"

enum { RECORD_BYTES_MAX = 64 << 20, ENTRIES_MAX = 1 << 20, FORMAT_VERSION = 1 };
#define RECORD_NAME "bifrons.json"
#define FORMAT_NAME "bifrons-checkpoint"

static enum status refuse_entry(zip_t *archive, zip_file_t *f, const char *path, struct errmsg *em)
{
    zip_error_t *e = f ? zip_file_get_error(f) : zip_get_error(archive);
    int reason = zip_error_system_type(e) == ZIP_ET_SYS ? zip_error_code_system(e) : 0;
    if (reason)
        return FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", path);
    return FAIL(em, ST_DATA, "%s: its record " RECORD_NAME " is damaged; use another checkpoint",
                path);
}

static enum status read_entry(zip_t *archive, zip_uint64_t index, const char *path, char **text_out,
                              size_t *n_out, struct errmsg *em)
{
    zip_stat_t s;
    enum status st = ST_OK;
    if (zip_stat_index(archive, index, 0, &s) != 0 || !(s.valid & ZIP_STAT_SIZE) ||
        s.size > RECORD_BYTES_MAX)
        return FAIL(em, ST_DATA, "%s: its record " RECORD_NAME " is damaged", path);
    char *text = malloc((size_t)s.size + 1);
    zip_file_t *f = zip_fopen_index(archive, index, 0);
    if (!text)
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    else if (!f || zip_fread(f, text, s.size) != (zip_int64_t)s.size)
        st = refuse_entry(archive, f, path, em);
    if (f)
        zip_fclose(f);
    if (st != ST_OK) {
        free(text);
        return st;
    }
    text[s.size] = '\0';
    *text_out = text;
    *n_out = (size_t)s.size;
    return ST_OK;
}

/* Finds the record in any folder of the archive: NAME/bifrons.json. */
static enum status read_record(const char *path, char **text_out, size_t *n_out, struct errmsg *em)
{
    int reason;
    zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &reason);
    if (!archive)
        return FAIL(em, ST_DATA,
                    "%s is a damaged or truncated checkpoint, or none; use another one", path);
    enum status st = ST_OK;
    zip_int64_t n = zip_get_num_entries(archive, 0), found = -1;
    for (zip_int64_t i = 0; i < n && i < ENTRIES_MAX && found < 0; i++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);
        if (name && strcmp(path_name(name), RECORD_NAME) == 0)
            found = i;
    }
    if (found < 0)
        st = FAIL(em, ST_DATA, "%s is an archive without " RECORD_NAME ": no checkpoint of bifrons",
                  path);
    else
        st = read_entry(archive, (zip_uint64_t)found, path, text_out, n_out, em);
    zip_discard(archive);
    return st;
}

enum status inspect_read_record(const char *path, json_t **out, struct errmsg *em)
{
    char *text = NULL;
    size_t n = 0;
    json_error_t where;
    enum status st = read_record(path, &text, &n, em);
    if (st != ST_OK)
        return st;
    json_t *record = json_loadb(text, n, 0, &where);
    free(text);
    const char *format = json_string_value(json_object_get(record, "format"));
    json_int_t version = json_integer_value(json_object_get(record, "format_version"));
    if (!format || strcmp(format, FORMAT_NAME) != 0)
        st = FAIL(em, ST_DATA, "%s: its record " RECORD_NAME " is no checkpoint's", path);
    else if (version > FORMAT_VERSION || version < 1)
        st = FAIL(em, ST_DATA,
                  "%s is of checkpoint version %lld, this program reads up to %d; use a newer "
                  "bifrons",
                  path, (long long)version, FORMAT_VERSION);
    if (st != ST_OK)
        json_decref(record);
    else
        *out = record;
    return st;
}

/* Prints a number or text for people. */
static void print_value(const char *name, const json_t *value)
{
    char number[64];
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.6g", json_real_value(value));
    if (json_is_number(value))
        inspect_print(name, number);
    else if (json_is_string(value))
        inspect_print(name, json_string_value(value));
}

static void print_group(const json_t *record, const char *group)
{
    const char *key;
    json_t *value;
    json_t *members = json_object_get(record, group);
    json_object_foreach(members, key, value)
    {
        char name[64];
        snprintf(name, sizeof name, "  %s", key);
        print_value(name, value);
    }
}

static void print_metrics(const json_t *record, const char *group)
{
    if (json_object_size(json_object_get(record, group)) > 0) {
        puts(group);
        print_group(record, group);
    }
}

/* Prints the shown rows of the state in order, and the epoch that follows from them. */
static void print_state(const json_t *record)
{
    const char *text = json_string_value(json_object_get(record, "meta"));
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
#define META(type, name, kind, shown) \
    if (shown)                        \
        print_value(#name, json_object_get(meta, #name));
    TRAIN_STATE(STATE_SKIP, STATE_SKIP, META)
#undef META
    if (json_object_get(meta, "identity"))
        inspect_print("identity", "the mean of each person's 128 numbers (biometric data)");
    json_decref(meta);
    print_value("epoch", json_object_get(record, "epoch"));
#define FACT(type, name, fact)     print_value(#fact, json_object_get(record, #fact));
#define METRICS(type, name, group) print_metrics(record, #group);
    TRAIN_STATE(FACT, METRICS, STATE_SKIP)
#undef FACT
#undef METRICS
}

static void print_record(const struct inspect_options *o, const json_t *record,
                         const struct trained_on *sets)
{
    inspect_print("checkpoint", o->paths[0]);
    print_state(record);
    trained_on_print(sets);
    puts("model");
    print_group(record, "model");
    puts("parameters");
    print_group(record, "parameters");
    inspect_print("hash", o->verify ? "verified" : "not compared; --verify does");
    const char *config = json_string_value(json_object_get(record, "config"));
    if (config)
        inspect_print("config", config);
}

static enum status verify(const char *path, struct errmsg *em)
{
    char *file = realpath(path, NULL);
    if (!file)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    enum status st = sidecar_verify(file, "; use another checkpoint", em);
    free(file);
    return st;
}

enum status inspect_checkpoint(const struct inspect_options *o, struct errmsg *em)
{
    json_t *record;
    if (o->sheet)
        return FAIL(em, ST_USAGE, "--sheet is for sets; %s is a checkpoint", o->paths[0]);
    enum status st = inspect_read_record(o->paths[0], &record, em);
    if (st != ST_OK)
        return st;
    struct trained_on sets[2];
    trained_on_read(record, sets);
    if (o->verify)
        st = verify(o->paths[0], em);
    if (st == ST_OK && o->json)
        st = json_print(stdout,
                        json_pack("{s:s, s:o, s:o, s:o, s:O}", "kind", "checkpoint", "path",
                                  json_text_or_null(o->paths[0]), "verified",
                                  o->verify ? json_true() : json_null(), "sets",
                                  trained_on_json(sets), "record", record),
                        JSON_COMPACT, em);
    else if (st == ST_OK)
        print_record(o, record, sets);
    json_decref(record);
    return st;
}

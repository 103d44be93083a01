#include "fault_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cpus.h"
#include "base/file.h"
#include "config_schema.h"
#include "events.h"
#include "page.h"

#include "base/poison.h"

enum { FILE_BYTES_MAX = 64 << 20, LAST_EVENTS = 20, LAST_METRICS = 3 };

/* --- The machine ------------------------------------------------------------------------------ */

/* Copies what follows the key, on the first line that begins with it; "unknown" if none does. */
static void line_after(const char *path, const char *key, char *out, size_t out_bytes)
{
    char line[512];
    snprintf(out, out_bytes, "unknown");
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key);
            value += strspn(value, " \t:=\"");
            snprintf(out, out_bytes, "%.*s", (int)strcspn(value, "\"\n"), value);
            break;
        }
    if (f)
        fclose(f);
}

#ifdef __x86_64__
static const char *yes_or_no(int condition)
{
    return condition ? "yes" : "no";
}
#endif

void fault_report_machine(void)
{
    char text[256];
    struct utsname kernel;
    struct statvfs shm;
    double quota = cpus_quota("");
    line_after("/etc/os-release", "PRETTY_NAME", text, sizeof text);
    printf("%-14s%s", "system", text);
    /* only numbers: the version of a kernel built by hand may hold a person's name */
    if (uname(&kernel) == 0)
        printf(", Linux %.*s, %s", (int)strspn(kernel.release, "0123456789."), kernel.release,
               kernel.machine);
    line_after("/proc/cpuinfo", "model name", text, sizeof text);
    printf("\n%-14s%s; %d of %d cores may be used", "processor", text, cpus_allowed(),
           cpus_online());
    if (isfinite(quota))
        printf(", quota %.1f", quota);
#ifdef __x86_64__
    printf("; AVX2 %s, AVX-512 %s, with BF16 %s", yes_or_no(__builtin_cpu_supports("avx2")),
           yes_or_no(__builtin_cpu_supports("avx512bw")),
           yes_or_no(__builtin_cpu_supports("avx512bf16")));
#endif
    line_after("/proc/meminfo", "MemTotal", text, sizeof text);
    printf("\n%-14s%s", "memory", text);
    line_after("/proc/meminfo", "MemAvailable", text, sizeof text);
    printf(", available %s", text);
    if (statvfs("/dev/shm", &shm) == 0)
        printf("; /dev/shm %.0f MB, free %.0f MB",
               (double)shm.f_blocks * (double)shm.f_frsize / 1e6,
               (double)shm.f_bavail * (double)shm.f_frsize / 1e6);
    putchar('\n');
}

/* --- How the run went ------------------------------------------------------------------------- */

/* Reads a file of the run; NULL with a printed reason if it cannot be read. The caller frees. */
static char *read_file(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    enum status st = path_join(path, sizeof path, folder, name)
                         ? file_read_all(path, FILE_BYTES_MAX, &bytes, &n, &em)
                         : ST_IO;
    if (st != ST_OK)
        printf("%s: %s\n", name,
               st == ST_NOINPUT ? "missing"
               : st == ST_DATA  ? "left out: longer than 64 MB"
                                : "cannot be read");
    return (char *)bytes;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "unknown";
}

static int count_nodes(const json_t *ranks)
{
    int n = 0;
    for (size_t i = 0; i < json_array_size(ranks); i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = json_equal(json_object_get(json_array_get(ranks, i), "host"),
                              json_object_get(json_array_get(ranks, k), "host"));
        n += !seen;
    }
    return n;
}

static void print_record(const json_t *r)
{
    const json_t *program = json_object_get(r, "bifrons"),
                 *library = json_object_get(r, "libraries");
    const json_t *people = json_object_get(r, "people"), *ranks = json_object_get(r, "ranks");
    const char *where = json_string_value(json_object_get(r, "where"));
    printf("%-14s%s, commit %s, torch %s, %s, HDF5 %s\n", "trained by", text_of(program, "version"),
           text_of(program, "commit"), text_of(library, "torch"), text_of(library, "mpi"),
           text_of(library, "hdf5"));
    printf("%-14s%" JSON_INTEGER_FORMAT ", nodes %d, device %s, precision %s, backend %s\n",
           "ranks", json_integer_value(json_object_get(r, "world_size")), count_nodes(ranks),
           text_of(r, "device"), text_of(r, "precision"), text_of(r, "backend"));
    printf("%-14s%s\n", "sums", text_of(r, "reducer"));
    printf("%-14sA %" JSON_INTEGER_FORMAT ", B %" JSON_INTEGER_FORMAT "\n", "pictures",
           json_integer_value(json_object_get(json_array_get(people, 0), "pictures")),
           json_integer_value(json_object_get(json_array_get(people, 1), "pictures")));
    printf("%-14s%s, restarts %zu\n", "started", text_of(r, "started"),
           json_array_size(json_object_get(r, "resumes")));
    if (json_is_null(json_object_get(r, "exit"))) {
        printf("%-14sno end is recorded: the run is going on, or was killed\n", "ended");
        return;
    }
    printf("%-14s%s: %s at step %" JSON_INTEGER_FORMAT ", after %.0f s, %.4g images/s\n", "ended",
           text_of(r, "ended"), text_of(r, "exit"), json_integer_value(json_object_get(r, "step")),
           json_number_value(json_object_get(r, "seconds")),
           json_number_value(json_object_get(r, "images_per_s")));
    if (where)
        printf("%-14sfrom %s; read it in run.json, and send it if it names nobody\n", "message",
               where);
}

static void report_record(const char *folder)
{
    json_error_t where;
    char *text = read_file(folder, "run.json");
    json_t *record = text ? json_loads(text, 0, &where) : NULL;
    if (json_is_object(record))
        print_record(record);
    else if (text)
        puts("run.json: damaged");
    json_decref(record);
    free(text);
}

/* --- The configuration ------------------------------------------------------------------------ */

static bool is_free_text(const struct config_key *key)
{
    return key->type == CONFIG_STRING || key->type == CONFIG_PATH;
}

static enum status report_config(const char *folder, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct errmsg reason = {0};
    const struct config_key *keys;
    size_t n = config_schema(&keys);
    struct config *both = malloc(2 * sizeof *both), *run = both, *defaults = both ? both + 1 : NULL;
    if (!both)
        return FAIL(em, ST_MEMORY, "out of memory");
    config_init(run);
    config_init(defaults);
    puts("\nconfiguration (keys that are not listed have their defaults):");
    if (!path_join(path, sizeof path, folder, "config.resolved.toml") ||
        config_merge_file(run, path, &reason) != ST_OK)
        printf("config.resolved.toml: cannot be read (%s:%d)\n", reason.where, reason.line);
    for (size_t i = 0; i < n; i++) {
        struct config_value v = config_key_load(&keys[i], run);
        struct config_value usual = config_key_load(&keys[i], defaults);
        if (config_value_equal(&keys[i], &v, &usual))
            continue;
        printf("%s = ", keys[i].name);
        if (is_free_text(&keys[i]))
            fputs("(given)", stdout);
        else
            config_value_print(stdout, &keys[i], &v);
        putchar('\n');
    }
    free(both);
    return ST_OK;
}

/* --- The last lines --------------------------------------------------------------------------- */

/* Prints the names of the changed keys in lines "key: old -> new". The values may be paths. */
static void print_changed_keys(const char *lines)
{
    for (const char *line = lines; line && *line;) {
        char name[KEY_NAME_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)MIN(strcspn(line, ":\n"), sizeof name - 1), line);
        const struct config_key *key = config_key_find(name);
        if (key)
            printf(" %s", key->name);
        line = strchr(line, '\n');
        line += line ? 1 : 0;
    }
}

static void print_event(const json_t *row)
{
    static const struct {
        const char *name;
        bool own_words;
    } kinds[] = {
#define X(name, text, own_words) [EVENT_##name] = {text, own_words},
        EVENT_MAP(X)
#undef X
    };
    const char *kind = text_of(row, "event"), *text = text_of(row, "text");
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(kind, kinds[i].name) != 0)
            continue;
        printf("step %" JSON_INTEGER_FORMAT ", %.0f s: %s",
               json_integer_value(json_object_get(row, "step")),
               json_number_value(json_object_get(row, "time")), kind);
        if (kinds[i].own_words && *text)
            printf(" %s", text);
        if (i == EVENT_CHANGED)
            print_changed_keys(text);
        putchar('\n');
    }
}

static void print_metrics(const json_t *row)
{
    char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(6));
    puts(text ? text : "out of memory");
    free(text);
}

/* Calls print for the last rows of a file of JSON objects, one a line. */
static void report_rows(const char *folder, const char *name, int n_rows,
                        void (*print)(const json_t *row))
{
    json_error_t where;
    char *text = read_file(folder, name), *line = text ? text + strlen(text) : NULL;
    for (int n = 0; text && line > text && n < n_rows; n++)
        for (line--; line > text && line[-1] != '\n'; line--) {
        }
    for (; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        json_t *row = json_loadb(line, strcspn(line, "\n"), 0, &where);
        if (json_is_object(row))
            print(row);
        else
            puts("(a damaged line)");
        json_decref(row);
    }
    free(text);
}

enum status fault_report_run(const char *folder, struct errmsg *em)
{
    enum status st = page_check_run(folder, em);
    if (st != ST_OK)
        return st;
    putchar('\n');
    report_record(folder);
    st = report_config(folder, em);
    puts("\nlast events:");
    report_rows(folder, "events.jsonl", LAST_EVENTS, print_event);
    puts("\nlast metrics:");
    report_rows(folder, "metrics.jsonl", LAST_METRICS, print_metrics);
    return st;
}

/* bifrons synth: draws folders of invented people, with masks, landmarks and true swaps. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/thread_count.h"
#include "command.h"
#include "data/drawn.h"
#include "data/pose.h"

enum { COUNT_DEFAULT = 500, COUNT_MAX = 99999, SIZE_DEFAULT = 128, THREADS_MAX = 16 };
enum { KEY_LOOSE = 1000, KEY_SERIES, KEY_THREADS };
enum { RECORD_BYTES_MAX = 1 << 16, NAME_BYTES = 64 };

#define RECORD_NAME   "synth.json"
#define RECORD_FORMAT "bifrons-synth"
#define POINTS_NAME   "points.csv"

static const char *const person_folders[2] = {"person_a", "person_b"};

struct arguments {
    struct drawn_options drawn;
    const char *out;
    int count, threads; /* 0: the usual number */
};

/* --- Command line ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "pictures of each person (500)", 1},
    {"size", 's', "N", 0, "pixels a side, 64 to 1024 (128)", 1},
    {"seed", 'r', "N", 0, "who they are and what they do; the same seed draws the same (1)", 1},
    {"loose", KEY_LOOSE, NULL, 0, "whole heads and shoulders, here and there in the picture", 1},
    {"series", KEY_SERIES, NULL, 0,
     "one thing changes at a time, in 7 pictures each: yaw, pitch, brows, mouth, eyes, gaze (42)", 1},
    {"threads", KEY_THREADS, "N", 0,
     "threads that draw (as cores and CPU quota allow, up to 16)", 2},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'n':
        a->count = (int)command_number(state, "count", arg, 1, COUNT_MAX);
        return 0;
    case 's':
        a->drawn.size = (int)command_number(state, "size", arg, DRAWN_SIZE_MIN, DRAWN_SIZE_MAX);
        return 0;
    case 'r':
        a->drawn.seed = (uint64_t)command_number(state, "seed", arg, 0, INT64_MAX);
        return 0;
    case KEY_LOOSE:
        a->drawn.loose = true;
        return 0;
    case KEY_SERIES:
        a->drawn.series = true;
        return 0;
    case KEY_THREADS:
        a->threads = (int)command_number(state, "threads", arg, 1, THREADS_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (a->out || arg[0] == '\0')
            argp_error(state, "one folder to write to is wanted");
        a->out = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->out)
            argp_error(state, "where to? Name a folder to write to");
        if (a->count == 0)
            a->count = a->drawn.series ? POSE_QUANTITIES * DRAWN_SERIES : COUNT_DEFAULT;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "OUT",
    .doc = "Draws two invented people to train on.\v"
           "Writes OUT/person_a and OUT/person_b: pictures cut to the eyes as a face extractor "
           "cuts them, and in each folder masks/ (white = face), truth/ (the true swap: the other "
           "person in the same pose, expression and light), landmarks.csv, points.csv, person.txt "
           "and consent.txt. Folders that hold these very pictures already are left alone.\n\n"
           "Examples:\n"
           "  $ bifrons synth faces\n"
           "  $ bifrons synth faces --count 1000 --size 256 --seed 7\n"
           "  $ bifrons pack faces/person_a -o a.h5\n\n"
           "Exit status: 0; 64 usage, or OUT holds something else; 69 built without cairo; 74 OUT "
           "cannot be written."};

/* --- The record of what OUT holds ------------------------------------------------------------- */

/* The text of synth.json: the options, and whether the folder is complete. The caller frees it;
 * NULL: out of memory. */
static char *record_text(const struct arguments *a, bool complete)
{
    json_t *record = json_pack("{s:s, s:i, s:i, s:i, s:I, s:b, s:b}", "format", RECORD_FORMAT,
                               "style", DRAWN_STYLE, "count", a->count, "size", a->drawn.size,
                               "seed", (json_int_t)a->drawn.seed, "loose", (int)a->drawn.loose,
                               "complete", (int)complete);
    if (a->drawn.series && json_object_set_new(record, "series", json_true()) != 0) {
        json_decref(record);
        return NULL;
    }
    char *text = record ? json_dumps(record, JSON_INDENT(2)) : NULL;
    json_decref(record);
    return text;
}

static enum status record_write(const struct arguments *a, bool complete, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, a->out, RECORD_NAME))
        return FAIL(em, ST_IO, "path too long: %s", a->out);
    char *text = record_text(a, complete);
    if (!text)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    enum status st = file_write_atomic(path, text, strlen(text), em);
    free(text);
    return st;
}

static enum status person_path(const struct arguments *a, int person, const char *name,
                               char out[static PATH_BYTES_MAX], struct errmsg *em)
{
    int n = snprintf(out, PATH_BYTES_MAX, "%s/%s/%s", a->out, person_folders[person], name);
    return n < PATH_BYTES_MAX ? ST_OK : FAIL(em, ST_IO, "path too long: %s", a->out);
}

/* False for folders of older versions, which lack points: these are drawn again, with the same
 * pixels. */
static bool has_points(const struct arguments *a)
{
    char path[PATH_BYTES_MAX];
    bool has = true;
    for (int person = 0; person < 2; person++)
        has = has && person_path(a, person, POINTS_NAME, path, NULL) == ST_OK && file_exists(path);
    return has;
}

/* Checks whether OUT has the requested pictures (whole: all of them), nothing, or something else
 * (ST_USAGE). */
static enum status record_check(const struct arguments *a, bool *whole, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    uint8_t *held = NULL;
    size_t n = 0;
    *whole = false;
    if (!path_join(path, sizeof path, a->out, RECORD_NAME))
        return FAIL(em, ST_IO, "path too long: %s", a->out);
    if (!file_exists(path)) {
        if (folder_has_entries(a->out))
            return FAIL(em, ST_USAGE, "%s is not empty: name a new folder", a->out);
        return ST_OK;
    }
    enum status st = file_read_all(path, RECORD_BYTES_MAX, &held, &n, em);
    char *done = record_text(a, true), *begun = record_text(a, false);
    if (st == ST_OK && (!done || !begun))
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (st == ST_OK) {
        bool all = strcmp((const char *)held, done) == 0;
        *whole = all && has_points(a);
        if (!all && strcmp((const char *)held, begun) != 0)
            st = FAIL(em, ST_USAGE,
                      "%s holds pictures drawn with other options (see %s): remove it or name "
                      "another folder",
                      a->out, path);
    }
    free(done);
    free(begun);
    free(held);
    return st;
}

/* --- One picture ------------------------------------------------------------------------------ */

struct job {
    const struct arguments *arguments;
    float (*landmarks[2])[SET_LANDMARKS][2]; /* (count) for each person */
    float (*points[2])[FACE_POINTS][2];      /* likewise */
};

static enum status write_file(const char *path, const void *bytes, size_t n, struct errmsg *em)
{
    enum status st = file_check_replaceable(path, em);
    if (st != ST_OK)
        return st;
    FILE *f = fopen(path, "wb");
    bool written = f && fwrite(bytes, 1, n, f) == n;
    int reason = errno;
    if (f && fclose(f) != 0 && written) {
        written = false;
        reason = errno;
    }
    return written ? ST_OK : FAIL_ERRNO(em, ST_IO, reason, "cannot write %s", path);
}

static enum status write_picture(const struct arguments *a, int person, int index,
                                 const char *folder, const struct picture *p, struct errmsg *em)
{
    char name[NAME_BYTES], path[PATH_BYTES_MAX];
    uint8_t *bytes = NULL;
    size_t n;
    snprintf(name, sizeof name, "%s%05d.png", folder, index);
    enum status st = person_path(a, person, name, path, em);
    if (st == ST_OK)
        st = picture_encode_png(p, NULL, &bytes, &n, em);
    if (st == ST_OK)
        st = write_file(path, bytes, n, em);
    free(bytes);
    return st;
}

static enum status write_mask(const struct arguments *a, int person, int index, const uint8_t *mask,
                              struct errmsg *em)
{
    struct picture grey;
    enum status st = picture_init(&grey, a->drawn.size, a->drawn.size, em);
    if (st != ST_OK)
        return st;
    size_t n = (size_t)a->drawn.size * (size_t)a->drawn.size;
    for (size_t i = 0; i < n; i++)
        memset(grey.rgb + 3 * i, mask[i], 3);
    st = write_picture(a, person, index, "masks/", &grey, em);
    picture_release(&grey);
    return st;
}

static enum status make_picture(struct job *j, int person, int index, struct errmsg *em)
{
    const struct arguments *a = j->arguments;
    struct drawn_face f;
    enum status st = drawn_face_draw(&a->drawn, person, (uint64_t)index, &f, em);
    if (st != ST_OK)
        return st;
    memcpy(j->landmarks[person][index], f.landmarks, sizeof f.landmarks);
    memcpy(j->points[person][index], f.points, sizeof f.points);
    st = write_picture(a, person, index, "", &f.image, em);
    if (st == ST_OK)
        st = write_picture(a, person, index, "truth/", &f.truth, em);
    if (st == ST_OK)
        st = write_mask(a, person, index, f.mask, em);
    drawn_face_release(&f);
    return st;
}

/* --- All of them ------------------------------------------------------------------------------ */

static enum status draw_one(void *context, size_t i, struct errmsg *em)
{
    return make_picture(context, (int)(i % 2), (int)(i / 2), em);
}

static void show_progress(void *context, size_t done)
{
    const struct job *j = context;
    log_progress("drawing %zu of %d", done, 2 * j->arguments->count);
}

static enum status draw_all(struct job *j, struct errmsg *em)
{
    const struct arguments *a = j->arguments;
    const struct pool_options pool = {
        .n = 2 * (size_t)a->count,
        .threads = a->threads > 0 ? a->threads : threads_for_files(THREADS_MAX),
        .progress = show_progress,
        .context = j,
    };
    enum status st = pool_run(&pool, draw_one, em);
    log_progress("%s", "");
    return st;
}

/* A row of n points for each picture. */
static enum status write_table(const struct arguments *a, int person, const char *name,
                               const char *header, const float *values, int n, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = person_path(a, person, name, path, em);
    if (st != ST_OK)
        return st;
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    fputs("name", f);
    if (header)
        fprintf(f, ",%s", header);
    for (int k = 0; k < n && !header; k++)
        fprintf(f, ",x%d,y%d", k, k);
    for (int i = 0; i < a->count; i++) {
        fprintf(f, "\n%05d", i);
        for (int k = 0; k < n; k++, values += 2)
            fprintf(f, ",%.3f,%.3f", (double)values[0], (double)values[1]);
    }
    fputc('\n', f);
    st = fclose(f) == 0 ? write_file(path, text, bytes, em)
                        : FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    free(text);
    return st;
}

static enum status write_tables(const struct job *j, int person, struct errmsg *em)
{
    static const char landmarks[] =
        "left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,"
        "mouth_right_x,mouth_right_y";
    enum status st = write_table(j->arguments, person, "landmarks.csv", landmarks,
                                 j->landmarks[person][0][0], SET_LANDMARKS, em);
    return st == ST_OK ? write_table(j->arguments, person, POINTS_NAME, NULL,
                                     j->points[person][0][0], FACE_POINTS, em)
                       : st;
}

static enum status write_note(const struct arguments *a, int person, const char *name,
                              const char *line, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = person_path(a, person, name, path, em);
    return st == ST_OK ? write_file(path, line, strlen(line), em) : st;
}

static enum status make_folders(const struct arguments *a, int person, struct errmsg *em)
{
    static const char *const names[] = {"masks", "truth"};
    char path[PATH_BYTES_MAX], line[NAME_BYTES];
    enum status st = ST_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(names) && st == ST_OK; i++) {
        st = person_path(a, person, names[i], path, em);
        if (st == ST_OK)
            st = folder_make(path, em);
    }
    snprintf(line, sizeof line, "%s\n", drawn_person_name(a->drawn.seed, person));
    if (st == ST_OK)
        st = write_note(a, person, "person.txt", line, em);
    if (st == ST_OK)
        st = write_note(a, person, "consent.txt", "Drawn by bifrons synth; nobody's likeness.\n",
                        em);
    return st;
}

/* Call it before writing the record: the other files may still be in the kernel's buffers. */
static void sync_files(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        syncfs(fd);
        close(fd);
    }
}

static enum status synthesize(const struct arguments *a, struct errmsg *em)
{
    enum status st = ST_OK;
    struct job j = {.arguments = a};
    for (int person = 0; person < 2; person++) {
        j.landmarks[person] = calloc((size_t)a->count, sizeof *j.landmarks[person]);
        j.points[person] = calloc((size_t)a->count, sizeof *j.points[person]);
    }
    if (!j.landmarks[0] || !j.landmarks[1] || !j.points[0] || !j.points[1]) {
        st = FAIL(em, ST_MEMORY, "out of memory for %d pictures", a->count);
        goto out;
    }
    if ((st = folder_make(a->out, em)) != ST_OK || (st = record_write(a, false, em)) != ST_OK)
        goto out;
    for (int person = 0; person < 2; person++)
        if ((st = make_folders(a, person, em)) != ST_OK)
            goto out;
    if ((st = draw_all(&j, em)) != ST_OK)
        goto out;
    for (int person = 0; person < 2; person++)
        if ((st = write_tables(&j, person, em)) != ST_OK)
            goto out;
    sync_files(a->out);
    st = record_write(a, true, em);
out:
    for (int person = 0; person < 2; person++) {
        free(j.landmarks[person]);
        free(j.points[person]);
    }
    return st;
}

static void print_next(const struct arguments *a)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return;
    for (int person = 0; person < 2; person++) {
        char folder[PATH_BYTES_MAX + 32], set[PATH_BYTES_MAX + 32];
        snprintf(folder, sizeof folder, "%s/%s", a->out, person_folders[person]);
        snprintf(set, sizeof set, "%s/%c.h5", a->out, 'a' + person);
        fputs(person == 0 ? "next: bifrons pack " : "\n      bifrons pack ", f);
        command_print_quoted(f, folder);
        fprintf(f, " --size %d -o ", a->drawn.size);
        command_print_quoted(f, set);
    }
    if (fclose(f) == 0)
        log_info("%s", text);
    free(text);
}

int command_synth(int argc, char **argv)
{
    struct arguments a = {
        .drawn = {.size = SIZE_DEFAULT, .seed = 1},
    };
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &a);

    if (!drawn_available()) {
        log_error("this build cannot draw: install libcairo2-dev and build bifrons again");
        return status_exit_code(ST_NODEVICE);
    }
    bool whole;
    double start = clock_seconds();
    enum status st = record_check(&a, &whole, &em);
    if (st == ST_OK && whole) {
        log_info("%s holds these pictures already; left alone", a.out);
        print_next(&a);
        return 0;
    }
    if (st == ST_OK)
        st = synthesize(&a, &em);
    if (st != ST_OK)
        return command_fail(&em);
    char took[32];
    clock_format_duration(clock_seconds() - start, took, sizeof took);
    log_info("%s: %d pictures each of %s and %s at %d x %d px, in %s", a.out, a.count,
             drawn_person_name(a.drawn.seed, 0), drawn_person_name(a.drawn.seed, 1), a.drawn.size,
             a.drawn.size, took);
    print_next(&a);
    return 0;
}

#include "uses_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/sidecar.h"
#include "data/picture.h"
#include "inspect.h"

#include "base/poison.h"

enum { TEXT_BYTES_MAX = 1 << 16 };

enum status uses_pictures_init(struct uses_pictures *u, const char *person, json_t *found,
                               struct errmsg *em)
{
    *u = (struct uses_pictures){.person = person,
                                .found = found,
                                .drawn = json_array(),
                                .checkpoints = json_object()};
    return u->drawn && u->checkpoints ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
}

void uses_pictures_release(struct uses_pictures *u)
{
    json_decref(u->drawn);
    json_decref(u->checkpoints);
}

static void add_found(struct uses_pictures *u, const char *kind, const char *path,
                      const char *match, int64_t n)
{
    json_array_append_new(u->found, json_pack("{s:s, s:o, s:s, s:s, s:I}", "kind", kind, "path",
                                              json_text_or_null(path), "as", "", "match", match,
                                              "n", (json_int_t)n));
}

/* ---- Folders and sheets ---------------------------------------------------------------------- */

/* *out: the text of a short file, which the caller frees; NULL: it is longer than any of ours. */
static enum status read_text(const char *path, char **out, struct errmsg *em)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    enum status st = file_read_all(path, TEXT_BYTES_MAX, &bytes, &n, em);
    *out = (char *)bytes; /* it ends with a zero byte */
    return st == ST_DATA ? ST_OK : st;
}

static enum status look_at_person(struct uses_pictures *u, const char *path, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX], unsure[PATH_BYTES_MAX], *name = NULL;
    enum status st = read_text(path, &name, em);
    path_folder(path, folder, sizeof folder);
    if (name && u->person[0] && strcspn(name, "\r\n") == strlen(u->person) &&
        strncmp(name, u->person, strlen(u->person)) == 0) {
        add_found(u, "folder", folder, "name", 1);
        if (path_join(unsure, sizeof unsure, folder, "unsure") && folder_exists(unsure))
            add_found(u, "folder", unsure, "unsure", 1);
    }
    free(name);
    return st;
}

void uses_pictures_sheet(struct uses_pictures *u, const char *set, const char *match)
{
    char sheet[PATH_BYTES_MAX];
    int n = snprintf(sheet, sizeof sheet, "%.*s.sheet.png",
                     (int)(strlen(set) - strlen(path_extension(set))), set);
    if (n < (int)sizeof sheet && file_exists(sheet))
        add_found(u, "sheet", sheet, match, 1);
}

/* ---- What a checkpoint drew ------------------------------------------------------------------ */

enum status uses_pictures_checkpoint(struct uses_pictures *u, const char *path, const char *match,
                                     struct errmsg *em)
{
    char hex[HASH128_HEX_BYTES];
    struct hash128 hash;
    if (sidecar_read(path, hex, NULL) != ST_OK) {
        enum status st = hash128_file(path, &hash, em);
        if (st != ST_OK)
            return st;
        hash128_hex(hash, hex);
    }
    json_object_set_new(u->checkpoints, hex, json_string(match));
    return ST_OK;
}

static void remember(struct uses_pictures *u, const char *path, const char *hash, json_t *people)
{
    char folder[PATH_BYTES_MAX];
    path_folder(path, folder, sizeof folder);
    json_array_append_new(u->drawn,
                          json_pack("{s:o, s:s, s:o}", "folder", json_text_or_null(folder), "hash",
                                    hash, "people", people));
}

/* "checkpoint (XXH3-128): HASH", and "consent of NAME:" of each person. */
static enum status look_at_note(struct uses_pictures *u, const char *path, struct errmsg *em)
{
    static const char consent[] = "consent of ";
    char hash[HASH128_HEX_BYTES] = "", *text = NULL, *rest = NULL;
    json_t *people = json_array();
    bool is_note = false;
    enum status st = picture_is_note(path, &is_note, em);
    if (is_note)
        st = read_text(path, &text, em);
    if (text) {
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            size_t n = strlen(line);
            if (sscanf(line, "checkpoint (XXH3-128): %32[0-9a-f]", hash) == 1)
                continue;
            if (strncmp(line, consent, sizeof consent - 1) == 0 && line[n - 1] == ':') {
                line[n - 1] = '\0';
                json_array_append_new(people, json_text_or_null(line + sizeof consent - 1));
            }
        }
        remember(u, path, hash, json_incref(people));
    }
    json_decref(people);
    free(text);
    return st;
}

/* A note beside a picture says more, and is met itself. Previews in the folder of a run are a part
 * of the run. */
static enum status look_at_picture(struct uses_pictures *u, const char *path, struct errmsg *em)
{
    char hash[PICTURE_HASH_BYTES], record[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
    enum status st = file_check_readable(path, em);
    if (st != ST_OK || !picture_read_mark(path, hash) || picture_has_note(path))
        return st;
    path_folder(path, folder, sizeof folder);
    if (hash[0] || !path_join(record, sizeof record, folder, "../run.json") || !file_exists(record))
        remember(u, path, hash, json_array());
    return ST_OK;
}

static bool is_picture(const char *path)
{
    static const char *const pictures[] = {".png", ".jpg", ".jpeg", ".mp4", ".mov"};
    for (size_t i = 0; i < ARRAY_LENGTH(pictures); i++)
        if (strcasecmp(path_extension(path), pictures[i]) == 0)
            return true;
    return false;
}

bool uses_pictures_reads(const char *path)
{
    return strcmp(path_extension(path), ".txt") == 0 || is_picture(path);
}

enum status uses_pictures_look(struct uses_pictures *u, const char *path, struct errmsg *em)
{
    if (strcmp(path_name(path), "person.txt") == 0)
        return look_at_person(u, path, em);
    if (strcmp(path_extension(path), ".txt") == 0)
        return look_at_note(u, path, em);
    return is_picture(path) ? look_at_picture(u, path, em) : ST_OK;
}

static bool names(const json_t *people, const char *person)
{
    size_t i;
    json_t *name;
    json_array_foreach(people, i, name)
    {
        if (person[0] && strcmp(json_string_value(name), person) == 0)
            return true;
    }
    return false;
}

/* Adds one to the entry of this folder and match. */
static void count(struct uses_pictures *u, const char *folder, const char *match)
{
    size_t i;
    json_t *entry;
    json_array_foreach(u->found, i, entry)
    {
        json_t *n = json_object_get(entry, "n");
        if (strcmp(json_string_value(json_object_get(entry, "kind")), "drawn") == 0 &&
            strcmp(json_string_value(json_object_get(entry, "path")), folder) == 0 &&
            strcmp(json_string_value(json_object_get(entry, "match")), match) == 0) {
            json_integer_set(n, json_integer_value(n) + 1);
            return;
        }
    }
    add_found(u, "drawn", folder, match, 1);
}

void uses_pictures_judge(struct uses_pictures *u)
{
    size_t i;
    json_t *drawn;
    json_array_foreach(u->drawn, i, drawn)
    {
        const char *folder = json_string_value(json_object_get(drawn, "folder")),
                   *hash = json_string_value(json_object_get(drawn, "hash"));
        const json_t *people = json_object_get(drawn, "people"),
                     *match = json_object_get(u->checkpoints, hash);
        if (match && json_string_length(match) > 0)
            count(u, folder, json_string_value(match));
        else if (names(people, u->person))
            count(u, folder, "name");
        else if (!match)
            u->unknown += json_array_size(people) == 0;
    }
}

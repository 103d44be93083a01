#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/picture.h"

#include "base/poison.h"

enum status picture_note_path(const char *composite, char out[static PATH_BYTES_MAX],
                              struct errmsg *em)
{
    size_t stem = strlen(composite) - strlen(path_extension(composite));
    int n = snprintf(out, PATH_BYTES_MAX, "%.*s.txt", (int)stem, composite);
    return n < PATH_BYTES_MAX ? ST_OK : FAIL(em, ST_IO, "path too long: %s", composite);
}

enum status picture_is_note(const char *path, bool *out, struct errmsg *em)
{
    char start[sizeof PICTURE_NOTE_BEGINS] = "";
    FILE *f = NULL;
    enum status st = file_open_stream(path, &f, em);
    if (st != ST_OK)
        return st;
    *out = fread(start, 1, sizeof start - 1, f) > 0 && strcmp(start, PICTURE_NOTE_BEGINS) == 0;
    fclose(f);
    return ST_OK;
}

bool picture_has_note(const char *path)
{
    char note[PATH_BYTES_MAX];
    bool is_note = false;
    return picture_note_path(path, note, NULL) == ST_OK && file_exists(note) &&
           picture_is_note(note, &is_note, NULL) == ST_OK && is_note;
}

bool picture_is_generated(const char *path)
{
    char hash[PICTURE_HASH_BYTES];
    return picture_read_mark(path, hash) || picture_has_note(path);
}

#include "composite_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/log.h"

#include "base/poison.h"

enum status composite_note_check(const char *composite, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct stat s;
    bool is_note;
    enum status st = picture_note_path(composite, path, em);
    if (st == ST_OK)
        st = file_check_replaceable(path, em);
    if (st != ST_OK || stat(path, &s) != 0 || s.st_size == 0)
        return st;
    st = picture_is_note(path, &is_note, em);
    if (st != ST_OK || is_note)
        return st;
    return FAIL(em, ST_USAGE,
                "%s is there already and is no note of a composite: it is not replaced, and every "
                "composite has such a note beside it. Name another place with -o, or remove it",
                path);
}

enum status composite_note_write(const char *composite, const char *source, const struct loaded *l,
                                 const struct into_report *report, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], *text = NULL;
    size_t n = 0;
    enum status st = picture_note_path(composite, path, em);
    FILE *f = st == ST_OK ? open_memstream(&text, &n) : NULL;
    if (st != ST_OK)
        return st;
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    fprintf(f, PICTURE_NOTE_BEGINS "picture: %s\nmade from: %s\n", path_name(composite), source);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (report->replaced[who])
            fprintf(f, "replaced: the face of %s, by one of %s\n", l->people[who],
                    l->people[MODEL_PEOPLE - 1 - who]);
    fprintf(f, "checkpoint (XXH3-128): %s\n", l->hash);
    fprintf(f, "digital source type: compositeWithTrainedAlgorithmicMedia\n");
    for (int who = 0; who < MODEL_PEOPLE; who++)
        fprintf(f, "\nconsent of %s:\n%s\n", l->people[who], l->consent[who]);
    bool failed = ferror(f) != 0;
    failed = fclose(f) != 0 || failed;
    st = failed ? FAIL(em, ST_MEMORY, "out of memory") : file_write_atomic(path, text, n, em);
    free(text);
    return st;
}

/* ---- What a user should know ----------------------------------------------------------------- */

void generated_inputs_add(struct name_list *generated, const char *input)
{
    if (picture_is_generated(input))
        name_list_add(generated, input);
}

void generated_inputs_log(struct name_list *generated)
{
    if (generated->n > 0)
        log_warn("%zu input%s already a composite, or drawn by an algorithm: %s; swap the "
                 "original%s instead",
                 generated->n, generated->n == 1 ? " is" : "s are", name_list_text(generated),
                 PLURAL(generated->n));
}

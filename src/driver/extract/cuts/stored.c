#include "stored.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

#include "base/poison.h"

static enum status open_list(const char *folder, const char *name, FILE **out, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        return FAIL(em, ST_IO, "path too long: %s/%s", folder, name);
    return file_open_stream(path, out, em);
}

/* Reads a row, which may have line ends within quotes (RFC 4180), terminates it by zero, and
 * returns its bytes; 0: no more. */
static size_t read_row(FILE *f, char **row, size_t *room)
{
    size_t n = 0;
    bool quoted = false;
    for (int c = 0; (quoted || c != '\n') && (c = getc(f)) != EOF;) {
        if (n + 2 > *room) {
            char *more = realloc(*row, 2 * n + 256);
            if (!more)
                return 0;
            *row = more;
            *room = 2 * n + 256;
        }
        (*row)[n++] = (char)c;
        (*row)[n] = '\0';
        quoted = quoted != (c == '"');
    }
    return n;
}

/* True if the name is that of a file in the folder itself. Without this check, a changed list could
 * make us remove files of other folders. */
static bool is_own_name(const char *name)
{
    return name[0] != '\0' && !strchr(name, '/');
}

/* ---- faces.csv ------------------------------------------------------------------------------- */

enum status stored_open(struct stored_reader *r, const char *folder, struct errmsg *em)
{
    *r = (struct stored_reader){0};
    enum status st = open_list(folder, "faces.csv", &r->file, em);
    if (st == ST_OK && getline(&r->line, &r->room, r->file) < 0) /* the head */
        st = FAIL(em, ST_DATA, "%s/faces.csv is empty", folder);
    return st;
}

bool stored_next(struct stored_reader *r)
{
    for (size_t n; (n = read_row(r->file, &r->line, &r->room)) > 0;) {
        size_t name = strcspn(r->line, ",");
        const char *verdict = strrchr(r->line, ',');
        if (r->line[n - 1] == '\n')
            r->line[n - 1] = '\0';
        if (!verdict || name >= sizeof r->name || r->line[0] == '"')
            continue;
        snprintf(r->name, sizeof r->name, "%.*s", (int)name, r->line);
        if (!is_own_name(r->name))
            continue;
        snprintf(r->verdict, sizeof r->verdict, "%s", verdict + 1);
        r->unsure = strcmp(r->verdict, verdict_name(UNSURE)) == 0;
        return true;
    }
    return false;
}

void stored_close(struct stored_reader *r)
{
    if (r->file)
        fclose(r->file);
    free(r->line);
    *r = (struct stored_reader){0};
}

/* ---- identity.csv ---------------------------------------------------------------------------- */

static bool parse_identity(const char *line, char name[static CUT_NAME_BYTES], float *numbers)
{
    size_t n = strcspn(line, ",");
    snprintf(name, CUT_NAME_BYTES, "%.*s", (int)MIN(n, (size_t)CUT_NAME_BYTES), line);
    const char *at = line + n;
    for (int i = 0; i < FACE_IDENTITY; i++) {
        char *end;
        if (*at != ',')
            return false;
        numbers[i] = strtof(at + 1, &end);
        if (end == at + 1)
            return false;
        at = end;
    }
    return n < CUT_NAME_BYTES && is_own_name(name);
}

static bool grow(struct stored_identities *s, size_t room)
{
    void *names = realloc(s->names, room * sizeof *s->names);
    s->names = names ? names : s->names;
    void *numbers = realloc(s->numbers, room * sizeof *s->numbers);
    s->numbers = numbers ? numbers : s->numbers;
    return names && numbers;
}

enum status stored_identities_read(const char *folder, struct stored_identities *out,
                                   struct errmsg *em)
{
    struct stored_identities s = {0};
    FILE *f = NULL;
    char *line = NULL;
    size_t room = 0, line_room = 0;
    enum status st = open_list(folder, "identity.csv", &f, em);
    if (st == ST_OK && getline(&line, &line_room, f) < 0)
        st = FAIL(em, ST_DATA, "%s/identity.csv is empty", folder);
    while (st == ST_OK && getline(&line, &line_room, f) > 0) {
        if (s.n == room && !grow(&s, room = room ? 2 * room : 256))
            st = FAIL(em, ST_MEMORY, "out of memory for %zu faces", s.n);
        else if (!parse_identity(line, s.names[s.n], s.numbers[s.n]))
            st = FAIL(em, ST_DATA, "%s/identity.csv:%zu: not a picture's name and %d numbers",
                      folder, s.n + 2, FACE_IDENTITY);
        else
            s.n++;
    }
    free(line);
    if (f)
        fclose(f);
    if (st == ST_OK)
        *out = s;
    else
        stored_identities_release(&s);
    return st;
}

void stored_identities_release(struct stored_identities *s)
{
    free(s->names);
    free(s->numbers);
    *s = (struct stored_identities){0};
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* Copies a list without the rows of this face. verdict: what its row says then; NULL: no row. */
static enum status rewrite(const char *folder, const char *list, const char *name,
                           const char *verdict, uint64_t *bytes_out, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], *line = NULL;
    size_t room = 0, length = strlen(name), bytes = 0;
    char *text = NULL;
    FILE *in = NULL, *out = open_memstream(&text, &bytes);
    enum status st = out ? open_list(folder, list, &in, em) : FAIL(em, ST_MEMORY, "out of memory");
    while (st == ST_OK && read_row(in, &line, &room) > 0) {
        bool its = strncmp(line, name, length) == 0 && line[length] == ',';
        char *last = strrchr(line, ',');
        if (!its)
            fputs(line, out);
        else if (verdict && last)
            fprintf(out, "%.*s,%s\n", (int)(last - line - (ssize_t)length), line + length, verdict);
    }
    if (st == ST_OK && !feof(in))
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s/%s", folder, list);
    if (in)
        fclose(in);
    free(line);
    if (out && fclose(out) != 0 && st == ST_OK)
        st = FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK && path_join(path, sizeof path, folder, list))
        st = file_write_atomic(path, text, bytes, em);
    *bytes_out = bytes;
    free(text);
    return st;
}

/* Every step can be repeated after a kill, because files are replaced, not changed. */
static enum status drop(const char *folder, const char *name, struct cuts_state *state,
                        struct errmsg *em)
{
    char path[PATH_BYTES_MAX], masks[PATH_BYTES_MAX];
    uint64_t *bytes = state->bytes;
    enum status st = rewrite(folder, "identity.csv", name, NULL, &bytes[CUTS_IDENTITY], em);
    if (st == ST_OK)
        st = rewrite(folder, "points.csv", name, NULL, &bytes[CUTS_POINTS], em);
    if (st == ST_OK)
        st = rewrite(folder, "faces.csv", name, verdict_name(UNLIKE), &bytes[CUTS_FACES], em);
    if (st != ST_OK)
        return st;
    if (state->counts[UNLIKE] == 0) {
        state->counts[KEPT]--;
        state->counts[UNLIKE]++;
    }
    if (strcmp(state->last, name) == 0)
        memset(state->last, 0, sizeof state->last);
    if ((st = cuts_save(folder, state, em)) != ST_OK)
        return st;
    if (path_join(path, sizeof path, folder, name))
        unlink(path);
    if (path_join(masks, sizeof masks, folder, "masks") &&
        path_join(path, sizeof path, masks, name))
        unlink(path);
    return path_join(path, sizeof path, folder, "drop") && unlink(path) == 0
               ? ST_OK
               : FAIL_ERRNO(em, ST_IO, errno, "cannot remove %s", path);
}

enum status stored_drop(const char *folder, const char *name, struct cuts_state *state,
                        struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = path_join(path, sizeof path, folder, "drop")
                         ? file_write_atomic(path, name, strlen(name), em)
                         : FAIL(em, ST_IO, "path too long: %s/drop", folder);
    return st == ST_OK ? drop(folder, name, state, em) : st;
}

enum status stored_drop_again(const char *folder, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], name[CUT_NAME_BYTES];
    struct cuts_state state;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!path_join(path, sizeof path, folder, "drop") || !file_exists(path))
        return ST_OK;
    enum status st = file_read_all(path, CUT_NAME_BYTES - 1, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    snprintf(name, sizeof name, "%.*s", (int)n, (const char *)bytes);
    free(bytes);
    if (strlen(name) != n || !is_own_name(name))
        return FAIL(em, ST_DATA, "%s is damaged: delete %s to begin anew", path, folder);
    st = cuts_load(folder, &state, em);
    return st == ST_OK ? drop(folder, name, &state, em) : st;
}

enum status stored_remove(const char *folder, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], *const roots[] = {path, NULL};
    enum status st = ST_OK;
    snprintf(path, sizeof path, "%s", folder);
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot remove %s", folder);
    for (FTSENT *e; (e = fts_read(walk)) != NULL;)
        if (e->fts_info != FTS_D && remove(e->fts_accpath) != 0 && st == ST_OK)
            st = FAIL_ERRNO(em, ST_IO, errno, "cannot remove %s", e->fts_path);
    fts_close(walk);
    return st;
}

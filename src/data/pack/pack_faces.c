/* faces.csv and identity.csv, as bifrons extract writes them: what is known of each face. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "pack_csv.h"
#include "pack_priv.h"

#include "base/poison.h"

enum column { NAME, SOURCE, TIME, YAW, PITCH, ROLL, COLUMNS };
static const char *const columns[COLUMNS] = {"name", "source", "time", "yaw", "pitch", "roll"};
static const double ANGLE_MAX = 180, TIME_MAX = 1e9, IDENTITY_MAX = 1000;

/* A row, until it is given to its picture. */
struct row {
    char *name; /* in NFC, without its folder */
    struct pack_face face;
};

struct rows {
    struct row *at;
    size_t n, capacity;
};

static enum status out_of_memory(const char *path, struct errmsg *em)
{
    return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
}

void pack_face_release(struct pack_face *f)
{
    free(f->source);
    free(f->identity);
    *f = (struct pack_face){0};
}

static void rows_release(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->at[i].name);
        pack_face_release(&r->at[i].face);
    }
    free(r->at);
}

/* Adds an empty row for the picture of this name; NULL: out of memory. */
static struct row *add_row(struct rows *r, const char *name)
{
    char clean[SET_NAME_BYTES_MAX];
    if (r->n == r->capacity) {
        size_t capacity = r->capacity > 0 ? 2 * r->capacity : 256;
        struct row *grown = realloc(r->at, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        r->at = grown;
        r->capacity = capacity;
    }
    struct row *row = &r->at[r->n];
    *row = (struct row){0};
    if (pack_clean_text(path_name(name), clean, sizeof clean))
        row->name = strdup(clean);
    if (!row->name)
        return NULL;
    r->n++;
    return row;
}

/* Parses a number from -most to most; an empty field and nan give NaN. False: anything else. */
static bool parse(const char *field, double most, double *out)
{
    char *end;
    *out = strtod(field, &end);
    if (end == field || isnan(*out))
        *out = NAN; /* one of many: the hash of the folder depends on its bits */
    while (isspace((unsigned char)*end))
        end++;
    return *end == '\0' && !(fabs(*out) > most);
}

/* --- faces.csv -------------------------------------------------------------------------------- */

/* place[c]: 1 + the field of column c; 0: there is none. ST_DATA: there are two. */
static enum status find_columns(const struct pack_csv *c, size_t place[static COLUMNS],
                                struct errmsg *em)
{
    for (int k = 0; k < COLUMNS; k++)
        for (size_t i = 0; i < c->n; i++) {
            if (strcmp(c->fields[i], columns[k]) != 0)
                continue;
            if (place[k])
                return FAIL(em, ST_DATA,
                            "%s:%zu: columns %zu and %zu are both named \"%s\": remove one, or "
                            "rename it",
                            c->path, c->line, place[k], i + 1, columns[k]);
            place[k] = i + 1;
        }
    return ST_OK;
}

static enum status read_number(const struct pack_csv *c, const size_t place[static COLUMNS],
                               enum column k, double *out, struct errmsg *em)
{
    double most = k == TIME ? TIME_MAX : ANGLE_MAX;
    const char *field = place[k] ? c->fields[place[k] - 1] : "";
    return parse(field, most, out)
               ? ST_OK
               : FAIL(em, ST_DATA,
                      "%s:%zu: %s is \"%.60s\"; write a number from %g to %g (%s), or nothing if "
                      "it is not known",
                      c->path, c->line, columns[k], field, -most, most,
                      k == TIME ? "seconds" : "degrees");
}

static enum status read_face(const struct pack_csv *c, const size_t place[static COLUMNS],
                             struct pack_face *out, struct errmsg *em)
{
    enum status st = read_number(c, place, TIME, &out->time, em);
    for (int i = 0; i < SET_ANGLES && st == ST_OK; i++) {
        double angle = NAN;
        st = read_number(c, place, (enum column)(YAW + i), &angle, em);
        out->pose[i] = (float)angle;
    }
    if (st != ST_OK)
        return st;
    char clean[SET_TEXT_BYTES_MAX];
    if (pack_clean_text(place[SOURCE] ? c->fields[place[SOURCE] - 1] : "", clean, sizeof clean))
        out->source = strdup(clean);
    return out->source ? ST_OK : out_of_memory(c->path, em);
}

/* Reads the rows of faces. Rows without a name are of pictures without a face that was kept. */
static enum status read_faces(struct pack_csv *c, struct rows *out, struct errmsg *em)
{
    size_t place[COLUMNS] = {0}, wanted = c->n;
    enum status st = find_columns(c, place, em);
    while (st == ST_OK && (st = pack_csv_next(c, em)) == ST_OK && c->n > 0) {
        if (c->n != wanted)
            return FAIL(em, ST_DATA,
                        "%s:%zu: %zu fields; the first line has %zu: is the file cut short? Run "
                        "bifrons extract again, or remove this line",
                        c->path, c->line, c->n, wanted);
        const char *name = c->fields[place[NAME] - 1];
        struct row *row = name[0] != '\0' ? add_row(out, name) : NULL;
        if (row)
            st = read_face(c, place, &row->face, em);
        else if (name[0] != '\0')
            st = out_of_memory(c->path, em);
    }
    return st;
}

/* --- identity.csv ----------------------------------------------------------------------------- */

/* Columns are read by their place: one that is there twice shifts the others. */
static enum status check_header(const struct pack_csv *c, struct errmsg *em)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < i; k++)
            if (c->fields[i][0] != '\0' && strcmp(c->fields[i], c->fields[k]) == 0)
                return FAIL(em, ST_DATA,
                            "%s:%zu: columns %zu and %zu are both named \"%.60s\": remove one",
                            c->path, c->line, k + 1, i + 1, c->fields[i]);
    return ST_OK;
}

static enum status read_identities(struct pack_csv *c, struct rows *out, struct errmsg *em)
{
    enum status st = check_header(c, em);
    while (st == ST_OK && (st = pack_csv_next(c, em)) == ST_OK && c->n > 0) {
        if (c->n != 1 + SET_IDENTITY_NUMBERS)
            return FAIL(em, ST_DATA, "%s:%zu: %zu numbers; write a name and %d numbers", c->path,
                        c->line, c->n - 1, SET_IDENTITY_NUMBERS);
        struct row *row = add_row(out, c->fields[0]);
        if (row)
            row->face.identity = calloc(SET_IDENTITY_NUMBERS, sizeof(float));
        if (!row || !row->face.identity)
            return out_of_memory(c->path, em);
        for (int i = 0; i < SET_IDENTITY_NUMBERS; i++) {
            double number;
            if (!parse(c->fields[1 + i], IDENTITY_MAX, &number))
                return FAIL(em, ST_DATA,
                            "%s:%zu: number %d is \"%.60s\"; write a number from %g to %g", c->path,
                            c->line, i, c->fields[1 + i], -IDENTITY_MAX, IDENTITY_MAX);
            row->face.identity[i] = (float)number;
        }
    }
    return st;
}

/* --- rows and pictures ------------------------------------------------------------------------ */

/* Another list of the same faces says how many pictures are no longer there. */
static bool is_said_of(const char *path, bool identity)
{
    char folder[PATH_BYTES_MAX], points[PATH_BYTES_MAX];
    path_folder(path, folder, sizeof folder);
    return (identity && picture_folder_extracted(folder)) ||
           (path_join(points, sizeof points, folder, "points.csv") && file_exists(points));
}

static enum status note(struct pack_source *s, size_t first, const char *path,
                        const struct pack_claim *claims, size_t n, const size_t *owner,
                        bool identity, struct errmsg *em)
{
    struct name_list gone = {0}, second = {0}, lacking = {0};
    enum status st = ST_OK;
    for (size_t i = 0; i < n; i++)
        if (claims[i].n_taken == 0)
            name_list_add(claims[i].fits ? &second : &gone, claims[i].name);
    for (size_t i = first; i < s->n; i++)
        if (owner[i - first] == 0)
            name_list_add(&lacking, s->items[i].name);
    if (gone.n == n && n > 0)
        return pack_note_add(s->report, false, path, em,
                             "none of its %zu rows belongs to a picture of this folder, so it is "
                             "not used: %s",
                             n, name_list_text(&gone));
    if (gone.n > 0 && !is_said_of(path, identity))
        st = pack_note_add(s->report, true, path, em,
                           "%zu of %zu rows belong%s to pictures that are no longer here: %s",
                           gone.n, n, gone.n == 1 ? "s" : "", name_list_text(&gone));
    if (st == ST_OK && second.n > 0)
        st =
            pack_note_add(s->report, false, path, em,
                          "%zu %s not used, because an earlier row names the same picture: %s",
                          second.n, second.n == 1 ? "row is" : "rows are", name_list_text(&second));
    if (st == ST_OK && lacking.n > 0)
        st = pack_note_add(s->report, false, path, em,
                           "%zu of %zu pictures %s no row: what it tells of the others is not "
                           "known of %s",
                           lacking.n, s->n - first, lacking.n == 1 ? "has" : "have",
                           name_list_text(&lacking));
    return st;
}

/* Moves what the row knows to the item. */
static void give(struct pack_item *item, struct row *row, bool identity)
{
    struct pack_face *to = &item->face, *from = &row->face;
    if (identity) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an owner is one of the rows */
        to->identity = from->identity;
        from->identity = NULL;
    } else {
        float *kept = to->identity;
        *to = *from;
        to->identity = kept;
        from->source = NULL;
    }
}

static enum status assign(struct pack_source *s, size_t first, const char *path, struct rows *rows,
                          bool identity, struct errmsg *em)
{
    size_t *owner = calloc(MAX(s->n - first, 1), sizeof *owner);
    struct pack_claim *claims = calloc(MAX(rows->n, 1), sizeof *claims);
    enum status st = owner && claims ? ST_OK : out_of_memory(path, em);
    for (size_t i = 0; i < rows->n && st == ST_OK; i++)
        claims[i].name = rows->at[i].name;
    if (st == ST_OK)
        st = pack_match(s, first, false, claims, rows->n, owner, em);
    if (st == ST_OK)
        st = note(s, first, path, claims, rows->n, owner, identity, em);
    for (size_t i = first; i < s->n && st == ST_OK; i++)
        if (owner[i - first] > 0)
            give(&s->items[i], &rows->at[owner[i - first] - 1], identity);
    free(claims);
    free(owner);
    return st;
}

enum status pack_faces_read(struct pack_source *s, size_t first, const char *path, bool identity,
                            struct errmsg *em)
{
    struct pack_csv c;
    struct rows rows = {0};
    enum status st = pack_csv_open(&c, path, em);
    if (st != ST_OK)
        return st;
    st = pack_csv_next(&c, em); /* the names of the columns */
    if (st == ST_OK && (c.n == 0 || strcmp(c.fields[0], columns[NAME]) != 0)) {
        st = pack_note_add(s->report, false, path, em,
                           "not used: its first line does not begin with the column \"name\", as "
                           "bifrons extract writes it");
    } else if (st == ST_OK) {
        st = identity ? read_identities(&c, &rows, em) : read_faces(&c, &rows, em);
        if (st == ST_OK)
            st = assign(s, first, path, &rows, identity, em);
    }
    rows_release(&rows);
    pack_csv_release(&c);
    return st;
}

/* --- as stored -------------------------------------------------------------------------------- */

uint64_t pack_face_hash(const struct pack_item *item)
{
    const struct pack_face *f = &item->face;
    uint64_t hash = 0;
    if (f->source) {
        hash = hash64(f->source, strlen(f->source), 1);
        hash = hash64(f->pose, sizeof f->pose, hash);
        hash = hash64(&f->time, sizeof f->time, hash);
    }
    return f->identity ? hash64(f->identity, sizeof(float[SET_IDENTITY_NUMBERS]), hash) : hash;
}

void pack_face_stored(const struct pack_item *item, struct pack_face_row *out)
{
    const struct pack_face *f = &item->face;
    *out = (struct pack_face_row){.source = f->source ? f->source : "",
                                  .time = f->source ? f->time : NAN};
    for (int i = 0; i < SET_ANGLES; i++)
        out->pose[i] = f->source ? f->pose[i] : NAN;
    for (int i = 0; i < SET_IDENTITY_NUMBERS; i++)
        out->identity[i] = f->identity ? f->identity[i] : NAN;
}

void pack_faces_describe(const struct pack_source *s, struct set_description *d)
{
    for (size_t i = 0; i < s->n; i++) {
        struct pack_face_row r;
        if (!s->items[i].good)
            continue;
        pack_face_stored(&s->items[i], &r);
        d->pose = d->pose || !isnan(r.pose[0]);
        d->identity = d->identity || !isnan(r.identity[0]);
        d->source = d->source || r.source[0] != '\0';
        d->time = d->time || !isnan(r.time);
    }
}

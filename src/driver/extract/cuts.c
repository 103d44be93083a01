#include "cuts.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "head_pose.h"

#include "base/poison.h"

enum { NAME_BYTES = 160 };

enum status cuts_check(const char *folder, struct errmsg *em)
{
    if (file_exists(folder))
        return FAIL(em, ST_USAGE, "-o %s: a file is there; name a folder", folder);
    if (strcmp(path_extension(folder), ".h5") == 0)
        return FAIL(
            em, ST_USAGE,
            "-o %s: extract writes a folder to look through; then bifrons pack FOLDER -o %s",
            folder, folder);
    DIR *d = opendir(folder);
    bool holds = false;
    for (const struct dirent *e; d && !holds && (e = readdir(d)) != NULL;)
        holds = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return holds ? FAIL(em, ST_USAGE, "-o %s: that folder holds something already; name a new one",
                        folder)
                 : ST_OK;
}

static enum status write_text(const struct cuts *c, const char *name, const char *text, size_t n,
                              struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, c->folder, name))
        return FAIL(em, ST_IO, "path too long: %s/%s", c->folder, name);
    return file_write_atomic(path, text, n, em);
}

enum status cuts_begin(struct cuts *c, const char *person, const char *consent, struct errmsg *em)
{
    char masks[PATH_BYTES_MAX];
    if (!path_join(masks, sizeof masks, c->folder, "masks"))
        return FAIL(em, ST_IO, "path too long: %s/masks", c->folder);
    enum status st = folder_make(masks, em);
    if (st == ST_OK)
        st = write_text(c, "person.txt", person, strlen(person), em);
    if (st == ST_OK)
        st = write_text(c, "consent.txt", consent, strlen(consent), em);
    if (st != ST_OK)
        return st;
    c->points = open_memstream(&c->points_text, &c->points_bytes);
    c->faces = open_memstream(&c->faces_text, &c->faces_bytes);
    if (!c->points || !c->faces)
        return FAIL(em, ST_MEMORY, "out of memory");
    fputs("name", c->points);
    for (int i = 0; i < FACE_POINTS; i++)
        fprintf(c->points, ",x%d,y%d", i, i);
    fputc('\n', c->points);
    fputs("name,source,score,side,distance,yaw,pitch,roll,m00,m01,m02,m10,m11,m12,verdict\n",
          c->faces);
    return ST_OK;
}

/* Writes a quoted field (RFC 4180). */
static void put_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

/* "000001-STEM.png", without characters that are special in lists and shells. */
static void name_cut(size_t number, const char *path, char out[static NAME_BYTES])
{
    char stem[NAME_BYTES - 16];
    path_stem(path, stem, sizeof stem);
    for (char *s = stem; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7F || strchr(",;\"'\\*?<>|:", *s))
            *s = '_';
    snprintf(out, NAME_BYTES, "%06zu-%s.png", number, stem);
}

static enum status write_picture(const struct cuts *c, const char *folder, const char *name,
                                 struct picture *p, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], place[PATH_BYTES_MAX];
    if (!path_join(place, sizeof place, c->folder, folder) ||
        !path_join(path, sizeof path, place, name))
        return FAIL(em, ST_IO, "path too long: %s/%s/%s", c->folder, folder, name);
    return picture_write_png(path, p, NULL, em);
}

static enum status write_cut(const struct cuts *c, const char *name, const struct picture *picture,
                             const struct similarity *map, struct errmsg *em)
{
    struct pyramid p = {0};
    struct picture cut = {0};
    size_t count = (size_t)c->size * (size_t)c->size * 3;
    float *pixels = malloc(count * sizeof *pixels);
    enum status st = pixels ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = pyramid_init(&p, picture, em);
    if (st == ST_OK)
        st = picture_init(&cut, c->size, c->size, em);
    if (st == ST_OK) {
        pyramid_sample(&p, map, c->size, c->size, pixels);
        for (size_t i = 0; i < count; i++)
            cut.rgb[i] = (uint8_t)lrintf(pixels[i]);
        st = write_picture(c, "", name, &cut, em);
    }
    pyramid_release(&p);
    picture_release(&cut);
    free(pixels);
    return st;
}

static enum status write_mask(const struct cuts *c, const char *name, const struct face *face,
                              const struct similarity *map, struct errmsg *em)
{
    struct picture p = {0};
    size_t count = (size_t)c->size * (size_t)c->size;
    uint8_t *mask = malloc(count);
    enum status st =
        mask ? picture_init(&p, c->size, c->size, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        shape_mask(face, map, c->size, mask);
        for (size_t i = 0; i < 3 * count; i++)
            p.rgb[i] = mask[i / 3];
        st = write_picture(c, "masks", name, &p, em);
    }
    picture_release(&p);
    free(mask);
    return st;
}

enum status cuts_add(struct cuts *c, const char *path, const struct picture *picture,
                     const struct face *face, double distance, struct errmsg *em)
{
    char name[NAME_BYTES];
    double points[FACE_POINTS][2], at[2];
    struct similarity map = shape_cut(face, c->coverage, c->size), back = similarity_inverse(&map);
    name_cut(c->n + 1, path, name);
    enum status st = write_cut(c, name, picture, &map, em);
    if (st == ST_OK)
        st = write_mask(c, name, face, &map, em);
    if (st != ST_OK)
        return st;
    c->n++;
    shape_points(face, points);
    fputs(name, c->points);
    for (int i = 0; i < FACE_POINTS; i++) {
        similarity_apply(&back, points[i][0], points[i][1], at);
        fprintf(c->points, ",%.2f,%.2f", at[0], at[1]);
    }
    fputc('\n', c->points);
    fprintf(c->faces, "%s,", name);
    put_quoted(c->faces, path);
    fprintf(c->faces, ",%.3f,%.0f,", face->score, shape_side(face));
    if (isfinite(distance))
        fprintf(c->faces, "%.3f", distance);
    struct pose pose = pose_of(face);
    fprintf(c->faces, ",%.1f,%.1f,%.1f", pose.yaw, pose.pitch, pose.roll);
    fprintf(c->faces, ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,kept\n", back.a, -back.b, back.x0, back.b,
            back.a, back.y0);
    return ST_OK;
}

enum status cuts_left_out(struct cuts *c, const char *path, const char *why, struct errmsg *em)
{
    fputc(',', c->faces);
    put_quoted(c->faces, path);
    fprintf(c->faces, ",,,,,,,,,,,,,%s\n", why);
    return ferror(c->faces) ? FAIL(em, ST_MEMORY, "out of memory") : ST_OK;
}

static enum status end_list(const struct cuts *c, const char *name, FILE *f, char *const *text,
                            const size_t *n, enum status st, struct errmsg *em)
{
    bool failed = f && ferror(f);
    if (f)
        failed = fclose(f) != 0 || failed;
    if (st == ST_OK && failed)
        st = FAIL(em, ST_MEMORY, "out of memory");
    return st == ST_OK ? write_text(c, name, *text, *n, em) : st;
}

enum status cuts_end(struct cuts *c, enum status st, struct errmsg *em)
{
    st = end_list(c, "points.csv", c->points, &c->points_text, &c->points_bytes, st, em);
    st = end_list(c, "faces.csv", c->faces, &c->faces_text, &c->faces_bytes, st, em);
    free(c->points_text);
    free(c->faces_text);
    return st;
}

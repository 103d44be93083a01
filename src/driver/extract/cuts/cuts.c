#include "cuts.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"

#include "base/poison.h"

static const char *const list_names[CUTS_LISTS] = {"faces.csv", "points.csv", "identity.csv"};

/* ---- Files ----------------------------------------------------------------------------------- */

static enum status join(const struct cuts *c, const char *name, char path[static PATH_BYTES_MAX],
                        struct errmsg *em)
{
    return path_join(path, PATH_BYTES_MAX, c->o.folder, name)
               ? ST_OK
               : FAIL(em, ST_IO, "path too long: %s/%s", c->o.folder, name);
}

static enum status open_file(const struct cuts *c, const char *name, int flags, int *fd,
                             struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = join(c, name, path, em);
    if (st != ST_OK)
        return st;
    *fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
    return *fd >= 0 ? ST_OK : FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
}

/* `at`: the place in the file. */
static enum status write_at(const struct cuts *c, const char *name, int fd, const void *bytes,
                            size_t n, uint64_t at, struct errmsg *em)
{
    const uint8_t *from = bytes;
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(fd, from + done, n - done, (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return FAIL_ERRNO(em, ST_IO, wrote < 0 ? errno : EIO, "cannot write %s/%s", c->o.folder,
                              name);
        done += (size_t)wrote;
    }
    return ST_OK;
}

/* Without fsync: only the finished folder has to survive a crash of the machine. */
static enum status write_file(const struct cuts *c, const char *folder, const char *name,
                              const void *bytes, size_t n, struct errmsg *em)
{
    char place[CUT_NAME_BYTES + 16];
    int fd = -1;
    snprintf(place, sizeof place, "%s%s", folder, name);
    enum status st = open_file(c, place, O_WRONLY | O_TRUNC, &fd, em);
    if (st == ST_OK)
        st = write_at(c, place, fd, bytes, n, 0, em);
    if (fd >= 0 && close(fd) != 0 && st == ST_OK)
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot write %s/%s", c->o.folder, place);
    return st;
}

static enum status make_folder(const struct cuts *c, const char *name, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = join(c, name, path, em);
    return st == ST_OK ? folder_make(path, em) : st;
}

/* ---- Progress -------------------------------------------------------------------------------- */

static uint64_t check_of(const struct cuts_state *s)
{
    return hash64(s, offsetof(struct cuts_state, check), 1);
}

/* Writes the two halves of the file in turn, so that one of them is always whole. */
static enum status write_state(struct cuts *c, struct errmsg *em)
{
    c->state.check = check_of(&c->state);
    return write_at(c, "progress", c->progress, &c->state, sizeof c->state,
                    (c->state.frames & 1) * sizeof c->state, em);
}

/* Reads the newer of the whole halves; false: none is whole. */
static bool read_state(int fd, struct cuts_state *out)
{
    bool found = false;
    for (int i = 0; i < 2; i++) {
        struct cuts_state s;
        if (pread(fd, &s, sizeof s, i * (off_t)sizeof s) != (ssize_t)sizeof s ||
            s.check != check_of(&s) || (found && s.frames < out->frames))
            continue;
        s.last[CUT_NAME_BYTES - 1] = '\0';
        *out = s;
        found = true;
    }
    return found;
}

enum status cuts_load(const char *folder, struct cuts_state *out, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    int fd = -1;
    enum status st = path_join(path, sizeof path, folder, "progress")
                         ? file_open(path, &fd, em)
                         : FAIL(em, ST_IO, "path too long: %s/progress", folder);
    if (st == ST_OK && !read_state(fd, out))
        st = FAIL(em, ST_DATA, "%s is damaged: delete %s to begin anew", path, folder);
    if (fd >= 0)
        close(fd);
    return st;
}

enum status cuts_save(const char *folder, const struct cuts_state *s, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct cuts_state both[2] = {*s, *s};
    both[0].check = both[1].check = check_of(s);
    return path_join(path, sizeof path, folder, "progress")
               ? file_write_atomic(path, both, sizeof both, em)
               : FAIL(em, ST_IO, "path too long: %s/progress", folder);
}

bool cuts_unfinished(const char *folder)
{
    char path[PATH_BYTES_MAX];
    return path_join(path, sizeof path, folder, "progress") && file_exists(path);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void put_head(FILE *f, enum cuts_list which)
{
    if (which == CUTS_FACES) {
        fputs("name,source,time,score,side,distance,sharpness,yaw,pitch,roll,m00,m01,m02,m10,m11,"
              "m12,verdict\n",
              f);
        return;
    }
    fputs("name", f);
    for (int i = 0; i < (which == CUTS_POINTS ? (int)FACE_POINTS : (int)FACE_IDENTITY); i++)
        if (which == CUTS_POINTS)
            fprintf(f, ",x%d,y%d", i, i);
        else
            fprintf(f, ",i%d", i);
    fputc('\n', f);
}

static enum status append(struct cuts *c, enum cuts_list which, FILE **f, char **text, size_t *n,
                          struct errmsg *em)
{
    bool failed = ferror(*f) != 0;
    failed = fclose(*f) != 0 || failed;
    *f = NULL;
    if (failed)
        return FAIL(em, ST_MEMORY, "out of memory");
    enum status st =
        write_at(c, list_names[which], c->lists[which], *text, *n, c->state.bytes[which], em);
    if (st == ST_OK)
        c->state.bytes[which] += *n;
    return st;
}

static enum status begin(struct cuts *c, struct errmsg *em)
{
    enum status st = write_file(c, "", "person.txt", c->o.person, strlen(c->o.person), em);
    if (st == ST_OK)
        st = write_file(c, "", "consent.txt", c->o.consent, strlen(c->o.consent), em);
    for (int i = 0; i < CUTS_LISTS && st == ST_OK; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);
        if (!f)
            return FAIL(em, ST_MEMORY, "out of memory");
        put_head(f, (enum cuts_list)i);
        st = append(c, (enum cuts_list)i, &f, &text, &n, em);
        free(text);
    }
    return st == ST_OK ? write_state(c, em) : st;
}

/* Continues an unfinished folder: cuts its lists to the frames that are finished. */
static enum status go_on(struct cuts *c, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct picture last = {0};
    if (c->state.hash != c->o.hash)
        return FAIL(em, ST_USAGE,
                    "%s was begun with other pictures, references or options: give the same again, "
                    "or delete it to begin anew",
                    c->o.folder);
    for (int i = 0; i < CUTS_LISTS; i++) {
        off_t there = lseek(c->lists[i], 0, SEEK_END);
        if (there < (off_t)c->state.bytes[i] ||
            ftruncate(c->lists[i], (off_t)c->state.bytes[i]) != 0)
            return FAIL(em, ST_DATA, "%s/%s has been shortened: delete %s to begin anew",
                        c->o.folder, list_names[i], c->o.folder);
    }
    if (!c->state.last[0])
        return ST_OK;
    enum status st = join(c, c->state.last, path, em);
    if (st == ST_OK)
        st = picture_read(path, &last, em);
    if (st == ST_OK && (last.width != c->o.size || last.height != c->o.size))
        st = FAIL(em, ST_DATA, "%s is %d x %d pixels and not %d: delete %s to begin anew", path,
                  last.width, last.height, c->o.size, c->o.folder);
    if (st == ST_OK)
        sight_gist(last.rgb, c->o.size, c->gist);
    picture_release(&last);
    return st;
}

enum status cuts_open(struct cuts *c, const struct cuts_options *o, struct errmsg *em)
{
    *c = (struct cuts){
        .o = *o, .state.hash = o->hash, .lists = {-1, -1, -1},
                .progress = -1
    };
    enum status st = make_folder(c, "masks", em);
    if (st == ST_OK)
        st = open_file(c, "progress", O_RDWR, &c->progress, em);
    for (int i = 0; i < CUTS_LISTS && st == ST_OK; i++)
        st = open_file(c, list_names[i], O_RDWR, &c->lists[i], em);
    if (st == ST_OK)
        st = read_state(c->progress, &c->state)     ? go_on(c, em)
             : lseek(c->progress, 0, SEEK_END) == 0 ? begin(c, em)
                                                    : FAIL(em, ST_DATA,
                                                           "%s/progress is damaged, or of another "
                                                           "version of bifrons: delete %s to begin "
                                                           "anew",
                                                           o->folder, o->folder);
    if (st != ST_OK)
        cuts_close(c);
    return st;
}

void cuts_close(struct cuts *c)
{
    for (int i = 0; i < CUTS_LISTS; i++) {
        if (c->lists[i] >= 0)
            close(c->lists[i]);
        c->lists[i] = -1;
    }
    if (c->progress >= 0)
        close(c->progress);
    c->progress = -1;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

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

static void put_face(FILE *f, const char *name, const struct sight *s, const struct cut *cut)
{
    fprintf(f, "%s,", name);
    put_quoted(f, s->path);
    fputc(',', f);
    if (isfinite(s->time_s))
        fprintf(f, "%.6f", s->time_s);
    if (!cut) {
        fprintf(f, ",,,,,,,,,,,,,,%s\n", verdict_name(s->verdict));
        return;
    }
    struct similarity m = similarity_inverse(&cut->map);
    fprintf(f, ",%.3f,%.0f,", cut->score, cut->side);
    if (isfinite(cut->distance))
        fprintf(f, "%.3f", cut->distance);
    fprintf(f, ",%.4f,%.1f,%.1f,%.1f", cut->sharpness, cut->pose.yaw, cut->pose.pitch,
            cut->pose.roll);
    fprintf(f, ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s\n", m.a, -m.b, m.x0, m.b, m.a, m.y0,
            verdict_name(cut->verdict));
}

static void put_numbers(FILE *f, enum cuts_list which, const char *name, const struct cut *cut)
{
    fputs(name, f);
    for (int i = 0; i < FACE_POINTS && which == CUTS_POINTS; i++)
        fprintf(f, ",%.2f,%.2f", cut->points[i][0], cut->points[i][1]);
    for (int i = 0; i < FACE_IDENTITY && which == CUTS_IDENTITY; i++)
        fprintf(f, ",%.9g", (double)cut->identity[i]);
    fputc('\n', f);
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static bool is_stored(const struct cuts *c, const struct cut *cut)
{
    return cut->verdict == KEPT || (cut->verdict == UNSURE && !c->o.discard_unsure);
}

/* "000001-STEM.png", without characters that are special in lists and shells. */
static void name_cut(uint64_t number, const char *path, char out[static CUT_NAME_BYTES])
{
    char stem[CUT_NAME_BYTES - 32];
    path_stem(path, stem, sizeof stem);
    for (char *s = stem; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7F || strchr(",;\"'\\*?<>|:", *s))
            *s = '_';
    snprintf(out, CUT_NAME_BYTES, "%06llu-%s.png", (unsigned long long)number, stem);
}

static enum status store(struct cuts *c, const char *path, const struct cut *cut,
                         char name[static CUT_NAME_BYTES], struct errmsg *em)
{
    bool unsure = cut->verdict == UNSURE;
    name_cut(++c->state.numbered, path, name);
    enum status st = unsure ? make_folder(c, "unsure", em) : ST_OK;
    if (st == ST_OK)
        st = write_file(c, unsure ? "unsure/" : "", name, cut->picture, cut->picture_bytes, em);
    if (st == ST_OK)
        st = write_file(c, "masks/", name, cut->mask, cut->mask_bytes, em);
    if (st != ST_OK || unsure)
        return st;
    memcpy(c->gist, cut->gist, sizeof c->gist);
    memset(c->state.last, 0, sizeof c->state.last);
    memcpy(c->state.last, name, strlen(name));
    return ST_OK;
}

static enum status add_cut(struct cuts *c, const struct sight *s, struct cut *cut,
                           FILE *lists[CUTS_LISTS], struct errmsg *em)
{
    char name[CUT_NAME_BYTES] = "";
    enum status st = ST_OK;
    if (cut && cut->verdict == KEPT && c->state.last[0] &&
        sight_difference(c->gist, cut->gist) < c->o.difference_min)
        cut->verdict = DUPLICATE;
    if (cut && is_stored(c, cut)) {
        st = store(c, s->path, cut, name, em);
        put_numbers(lists[CUTS_POINTS], CUTS_POINTS, name, cut);
        put_numbers(lists[CUTS_IDENTITY], CUTS_IDENTITY, name, cut);
    }
    c->state.counts[cut ? cut->verdict : s->verdict]++;
    put_face(lists[CUTS_FACES], name, s, cut);
    return st;
}

enum status cuts_add(struct cuts *c, struct sight *s, struct errmsg *em)
{
    FILE *lists[CUTS_LISTS] = {0};
    char *texts[CUTS_LISTS] = {0};
    size_t sizes[CUTS_LISTS] = {0}, usable = 0;
    enum status st = ST_OK;
    for (int i = 0; i < CUTS_LISTS; i++)
        if (!(lists[i] = open_memstream(&texts[i], &sizes[i])))
            st = FAIL(em, ST_MEMORY, "out of memory");
    if (s->n == 0 && st == ST_OK)
        st = add_cut(c, s, NULL, lists, em);
    for (size_t i = 0; i < s->n && st == ST_OK; i++) {
        usable += s->cuts[i].verdict == KEPT || s->cuts[i].verdict == UNSURE;
        st = add_cut(c, s, &s->cuts[i], lists, em);
    }
    for (int i = 0; i < CUTS_LISTS && st == ST_OK; i++)
        st = append(c, (enum cuts_list)i, &lists[i], &texts[i], &sizes[i], em);
    for (int i = 0; i < CUTS_LISTS; i++) {
        if (lists[i])
            fclose(lists[i]);
        free(texts[i]);
    }
    if (st != ST_OK)
        return st;
    if (usable > 1 && c->state.several++ == 0)
        c->state.first_several = c->state.frames;
    c->state.frames++;
    return write_state(c, em);
}

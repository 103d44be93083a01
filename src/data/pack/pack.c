#include "data/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/thread_count.h"
#include "base/version.h"
#include "data/picture.h"
#include "data/set.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { THREADS_DEFAULT_MAX = 16 };

/* One packing run. Each item has a fixed place in the spool. */
struct job {
    const struct pack_options *options;
    struct pack_source *source;
    int spool; /* an unlinked file of n times image, mask, truth */
    bool hash_only;
    bool unstretch; /* some masks have other values than 0 and v: undo the stretching */
};

/* --- one picture ---------------------------------------------------------------------------- */

static size_t pixels_of(const struct job *j)
{
    return (size_t)j->options->size * (size_t)j->options->size;
}

/* Place of a part (image, mask, truth) of item i in the spool. */
static off_t place_of(const struct job *j, size_t i, int part)
{
    static const size_t before[] = {0, 3, 4}; /* bytes for each pixel in the parts before */
    return (off_t)(pixels_of(j) * (7 * i + before[part]));
}

static enum status spool_transfer(const struct job *j, bool write, size_t i, int part,
                                  uint8_t *bytes, size_t n, struct errmsg *em)
{
    off_t at = place_of(j, i, part);
    while (n > 0) {
        ssize_t done = write ? pwrite(j->spool, bytes, n, at) : pread(j->spool, bytes, n, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return FAIL_ERRNO(em, ST_IO, done < 0 ? errno : EIO,
                              "cannot keep pictures on disk beside %s", j->options->output);
        bytes += done;
        at += done;
        n -= (size_t)done;
    }
    return ST_OK;
}

/* The middle square of the picture, at the stored size. */
static enum status to_stored(const struct picture *p, int size, struct picture *out,
                             struct errmsg *em)
{
    struct picture square;
    enum status st = picture_crop_square(p, &square, em);
    if (st != ST_OK)
        return st;
    st = picture_resize(&square, size, size, out, em);
    picture_release(&square);
    return st;
}

static enum status pack_side_data(struct job *j, size_t i, enum pack_side side, int width,
                                  int height, struct errmsg *em)
{
    struct pack_item *item = &j->source->items[i];
    struct picture p = {0}, stored = {0};
    uint8_t *bytes = NULL;
    size_t n, pixels = pixels_of(j);
    const char *path = item->side_path[side];
    struct errmsg ignored = {0}; /* this side data is left out, with a note */
    if (!path)
        return ST_OK;
    if (pack_read(path, &bytes, &n, &item->side_hash[side], &ignored) != ST_OK) {
        item->side_reason[side] = strdup(ignored.text);
        return ST_OK;
    }
    enum status st = picture_decode(bytes, n, &p, &ignored);
    free(bytes);
    if (st == ST_OK) {
        item->side_width[side] = p.width;
        item->side_height[side] = p.height;
    } else
        item->side_reason[side] = strdup(ignored.text);
    if (st != ST_OK || p.width != width || p.height != height) {
        picture_release(&p);
        return st == ST_MEMORY ? FAIL(em, st, "%s: %s", path, ignored.text) : ST_OK;
    }
    if (side == PACK_MASK)
        item->mask = pack_mask_take(&p);
    st = to_stored(&p, j->options->size, &stored, em);
    picture_release(&p);
    if (st != ST_OK)
        return st;
    if (side == PACK_MASK)
        for (size_t k = 0; k < pixels; k++)
            stored.rgb[k] = stored.rgb[3 * k]; /* grey: any channel */
    st = spool_transfer(j, true, i, 1 + (int)side, stored.rgb,
                        side == PACK_MASK ? pixels : 3 * pixels, em);
    item->side_good[side] = st == ST_OK;
    picture_release(&stored);
    return st;
}

/* Decodes an item. ST_DATA and ST_NOINPUT: the file itself cannot be used. */
static enum status decode_item(struct pack_item *item, struct picture *out, struct errmsg *em)
{
    uint8_t *bytes;
    size_t n;
    enum status st = pack_read(item->path, &bytes, &n, &item->hash, em);
    if (st != ST_OK)
        return st == ST_IO ? ST_NOINPUT : st;
    st = picture_decode(bytes, n, out, em);
    if (st == ST_OK)
        memcpy(item->profile, out->profile, sizeof item->profile);
    item->generated = st == ST_OK && picture_is_generated(item->path);
    if (st == ST_DATA)
        item->kind = file_kind_of(bytes, MIN(n, (size_t)FILE_KIND_BYTES));
    free(bytes);
    if (st == ST_OK && MIN(out->width, out->height) < PACK_SOURCE_SIDE_MIN) {
        st = FAIL(em, ST_DATA, "%d x %d pixels: too small for a face", out->width, out->height);
        picture_release(out);
    }
    return st;
}

static enum status pack_item(struct job *j, size_t i, struct errmsg *em)
{
    struct pack_item *item = &j->source->items[i];
    struct picture p = {0}, stored = {0};
    struct errmsg reason = {0};
    enum status st = decode_item(item, &p, &reason);
    if (st == ST_DATA || st == ST_NOINPUT) {
        item->reason = strdup(reason.text);
        return item->reason ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    }
    if (st != ST_OK)
        return FAIL(em, st, "%s: %s; try --threads 1", item->path, reason.text);
    pack_item_measure(item, p.width, p.height, j->options->size);
    if ((st = to_stored(&p, j->options->size, &stored, em)) != ST_OK)
        goto out;
    item->stored_hash = hash64(stored.rgb, 3 * pixels_of(j), 0);
    st = spool_transfer(j, true, i, 0, stored.rgb, 3 * pixels_of(j), em);
    item->good = st == ST_OK;
    for (int side = 0; side < PACK_SIDES && st == ST_OK; side++)
        st = pack_side_data(j, i, (enum pack_side)side, p.width, p.height, em);
out:
    picture_release(&stored);
    picture_release(&p);
    return st;
}

/* Hashes the files of item i without decoding; 0 for a file that cannot be read. */
static enum status hash_item(struct job *j, size_t i, struct errmsg *em)
{
    struct pack_item *item = &j->source->items[i];
    struct errmsg ignored = {0};
    enum status st = pack_read(item->path, NULL, NULL, &item->hash, &ignored);
    for (int side = 0; side < PACK_SIDES && st != ST_MEMORY; side++)
        if (item->side_path[side])
            st = pack_read(item->side_path[side], NULL, NULL, &item->side_hash[side], &ignored);
    return st == ST_MEMORY ? FAIL(em, st, "out of memory") : ST_OK;
}

/* --- all pictures --------------------------------------------------------------------------- */

static bool stop_wanted(const struct job *j)
{
    return j->options->stop && j->options->stop();
}

static enum status work_on_item(void *context, size_t i, struct errmsg *em)
{
    struct job *j = context;
    return j->hash_only ? hash_item(j, i, em) : pack_item(j, i, em);
}

static void show_progress(void *context, size_t done)
{
    const struct job *j = context;
    log_progress("%s %s: %zu of %zu", j->hash_only ? "looking at" : "packing", j->source->person,
                 done, j->source->n);
}

static enum status work_on_items(struct job *j, struct errmsg *em)
{
    const struct pool_options pool = {
        .n = j->source->n,
        .threads =
            j->options->threads ? j->options->threads : threads_for_files(THREADS_DEFAULT_MAX),
        .stop = j->options->stop,
        .progress = show_progress,
        .context = j,
    };
    enum status st = pool_run(&pool, work_on_item, em);
    log_progress("%s", "");
    return stop_wanted(j)
               ? FAIL(em, ST_INTERRUPTED, "interrupted: %s was not written", j->options->output)
               : st;
}

/* --- the set -------------------------------------------------------------------------------- */

static enum status copy_row(const struct job *j, const struct set_description *d, size_t i,
                            int64_t row, uint8_t *room, struct set_writer *w, struct errmsg *em)
{
    const struct pack_item *item = &j->source->items[i];
    size_t pixels = pixels_of(j);
    uint8_t *mask = room + 3 * pixels, *truth = room + 4 * pixels;
    float landmarks[SET_LANDMARKS][2], points[FACE_POINTS][2];
    pack_places_stored(item, PACK_LANDMARKS, landmarks);
    pack_points_stored(item, j->options->size, points);
    struct pack_face_row face;
    pack_face_stored(item, &face);
    enum status st = spool_transfer(j, false, i, 0, room, 3 * pixels, em);
    if (st == ST_OK && d->masks)
        st = spool_transfer(j, false, i, 1, mask, pixels, em);
    if (st == ST_OK && d->masks && j->unstretch)
        pack_mask_unstretch(&item->mask, mask, pixels);
    if (st == ST_OK && d->truth)
        st = spool_transfer(j, false, i, 2, truth, 3 * pixels, em);
    const struct set_row data = {
        .name = item->name,
        .image = room,
        .mask = d->masks ? mask : NULL,
        .truth = d->truth ? truth : NULL,
        .landmarks = d->landmarks ? (const float(*)[2])landmarks : NULL,
        .points = d->points ? (const float(*)[2])points : NULL,
        .matrix = item->matrix,
        .pose = face.pose,
        .identity = face.identity,
        .source = face.source,
        .time = &face.time,
    };
    return st == ST_OK ? set_writer_put(w, row, &data, em) : st;
}

static enum status write_set(const struct job *j, const struct set_description *d,
                             struct errmsg *em)
{
    const struct pack_source *s = j->source;
    struct set_writer *w = NULL;
    int64_t row = 0;
    uint8_t *room = malloc(7 * pixels_of(j));
    enum status st = room ? set_writer_open(j->options->output, d, &w, em)
                          : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < s->n && st == ST_OK; i++) {
        if (stop_wanted(j))
            st = FAIL(em, ST_INTERRUPTED, "interrupted: %s was not written", j->options->output);
        else if (s->items[i].good)
            st = copy_row(j, d, i, row++, room, w, em);
    }
    if (st == ST_OK)
        st = set_writer_finish(w, em);
    set_writer_free(w);
    free(room);
    return st;
}

/* Adds notes about what was left out, and gives which side data all pictures have. */
static enum status choose_side_data(struct job *j, bool complete[static PACK_SIDES + 1],
                                    bool *points_out, struct errmsg *em)
{
    struct pack_source *s = j->source;
    bool masks = false;
    enum status st = pack_note_skipped(s, j->options, em);
    if (st == ST_OK)
        st = pack_note_left(s, em);
    if (st == ST_OK)
        st = pack_note_uncut(s, j->options->size, em);
    if (st == ST_OK)
        st = pack_note_copies(s, em);
    if (st == ST_OK)
        st = pack_note_profiles(s, em);
    if (st == ST_OK)
        st = pack_note_generated(s, em);
    for (int kind = 0; kind <= PACK_SIDES && st == ST_OK; kind++)
        st = pack_note_side(s, kind, &complete[kind], em);
    if (st == ST_OK && complete[PACK_MASK])
        st = pack_masks_judge(s, &j->unstretch, &masks, em);
    if (st == ST_OK && complete[PACK_SIDES])
        st = pack_note_outside(s, PACK_LANDMARKS, em);
    if (st == ST_OK)
        st = pack_points_judge(s, j->options->size, complete[PACK_SIDES], points_out, em);
    complete[PACK_MASK] = masks;
    return st;
}

static enum status describe_and_write(struct job *j, struct pack_report *r, struct errmsg *em)
{
    char hash[HASH128_HEX_BYTES];
    struct pack_source *s = j->source;
    bool complete[PACK_SIDES + 1] = {0}, points = false;
    enum status st = choose_side_data(j, complete, &points, em);
    if (st != ST_OK)
        return st;
    pack_source_hash(s, hash);
    r->n_packed = s->n - r->n_bad;
    struct set_description d = {
        .n = (int64_t)r->n_packed,
        .size = j->options->size,
        .person = s->person,
        .consent = s->consent,
        .source_hash = hash,
        .masks = complete[PACK_MASK],
        .truth = complete[PACK_TRUTH],
        .landmarks = complete[PACK_SIDES],
        .points = points,
        .matrix = true,
    };
    pack_faces_describe(s, &d);
    return write_set(j, &d, em);
}

/* --- before and after ----------------------------------------------------------------------- */

static enum status check_options(const struct pack_options *o, struct errmsg *em)
{
    if (o->n_folders == 0)
        return FAIL(em, ST_USAGE, "no folder of pictures is given");
    if (o->size < PACK_SIZE_MIN || o->size > PACK_SIZE_MAX)
        return FAIL(em, ST_USAGE, "size %d: from %d to %d pixels are possible", o->size,
                    PACK_SIZE_MIN, PACK_SIZE_MAX);
    if (o->threads < 0 || o->threads > POOL_THREADS_MAX)
        return FAIL(em, ST_USAGE, "%d threads: from 0 to %d are possible", o->threads,
                    POOL_THREADS_MAX);
    if (folder_exists(o->output))
        return FAIL(em, ST_USAGE, "%s is a folder: name a file to write, such as %s/person.h5",
                    o->output, o->output);
    if (!o->force && file_exists(o->output) && access(o->output, R_OK) != 0)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot look at what is in %s", o->output);
    return ST_OK;
}

/* ST_USAGE if the output is another person's set. A set of the same pictures is allowed: then only
 * the name was corrected. */
static enum status refuse_other_person(const struct pack_options *o, const struct set_info *there,
                                       const char *person, const char *hash, struct errmsg *em)
{
    if (o->known || strcmp(there->person, person) == 0 || strcmp(there->source_hash, hash) == 0)
        return ST_OK;
    return FAIL(em, ST_USAGE,
                "%s holds %lld pictures of %s; pictures of %s would replace them: name another "
                "file, or give --force",
                o->output, (long long)there->n, there->person, person);
}

/* Sets r->current if the known set already holds these pictures. Refuses to replace a file that is
 * not a set. */
static enum status look_at_known(struct job *j, struct pack_report *r, struct errmsg *em)
{
    const struct pack_options *o = j->options;
    const char *known = o->known ? o->known : o->output;
    char hash[HASH128_HEX_BYTES];
    struct set *old = NULL;
    if (o->force || !file_exists(known))
        return ST_OK;
    if (set_open(known, &old, NULL) != ST_OK)
        return o->known ? ST_OK
                        : FAIL(em, ST_USAGE,
                               "%s is there already and cannot be read as a set of this version; "
                               "to replace it, give --force",
                               known);
    const struct set_info *info = set_get_info(old);
    j->hash_only = true;
    enum status st = work_on_items(j, em);
    j->hash_only = false;
    pack_source_hash(j->source, hash);
    if (st == ST_OK)
        st = refuse_other_person(o, info, j->source->person, hash, em);
    r->current = st == ST_OK && strcmp(info->source_hash, hash) == 0 && info->size == o->size &&
                 strcmp(info->person, j->source->person) == 0 &&
                 strcmp(info->consent, j->source->consent) == 0 &&
                 strcmp(info->creator, "bifrons " BIFRONS_VERSION) == 0;
    if (r->current)
        r->n_packed = (size_t)info->n;
    set_free(old);
    return st;
}

static enum status open_spool(struct job *j, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    path_folder(j->options->output, folder, sizeof folder);
    enum status st = folder_make(folder, em);
    if (st != ST_OK)
        return st;
    int n = snprintf(path, sizeof path, "%s.spool.XXXXXX", j->options->output);
    if (n < 0 || (size_t)n >= sizeof path)
        return FAIL(em, ST_IO, "path too long: %s", j->options->output);
    j->spool = mkostemp(path, O_CLOEXEC);
    if (j->spool < 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write into folder %s", folder);
    unlink(path);
    return ST_OK;
}

enum status pack_folders(const struct pack_options *o, struct pack_report *report,
                         struct errmsg *em)
{
    struct pack_source source;
    *report = (struct pack_report){0};
    enum status st = check_options(o, em);
    if (st != ST_OK)
        return st;
    st = pack_source_init(&source, o, report, em);
    report->consent_missing = st == ST_USAGE;
    if (st != ST_OK)
        return st;
    struct job j = {.options = o, .source = &source, .spool = -1};
    report->n_found = source.n + left_files_pictures(&source.left);
    snprintf(report->person, sizeof report->person, "%s", source.person);

    st = look_at_known(&j, report, em);
    if (st != ST_OK || report->current || o->look_only)
        goto out;
    if ((st = open_spool(&j, em)) == ST_OK && (st = work_on_items(&j, em)) == ST_OK)
        st = describe_and_write(&j, report, em);
out:
    if (st == ST_OK) /* also if nothing was packed */
        st = pack_note_left(&source, em);
    if (j.spool >= 0)
        close(j.spool);
    pack_source_release(&source);
    return st;
}

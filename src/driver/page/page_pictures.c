/* Previews: which ones the page shows, and their bytes. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "data/picture.h"
#include "page_priv.h"

#include "base/poison.h"

enum {
    GROUPS_MAX = 8,        /* kinds of sheets: "grid", "swaps" */
    GROUP_SHOWN_MAX = 160, /* pictures of a kind */
    SIDE_MAX = 1024,
    QUALITY = 78,
};

/* previews/step-0000000480-grid.png */
struct file {
    char name[64], group[32];
    int64_t step;
    bool chosen;
};

/* --- Encoding --------------------------------------------------------------------------------- */

static json_t *base64_uri(const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char prefix[] = "data:image/jpeg;base64,";
    char *text = malloc(sizeof prefix + (n + 2) / 3 * 4), *to = text;
    if (!text)
        return NULL;
    memcpy(to, prefix, sizeof prefix - 1);
    to += sizeof prefix - 1;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            *to++ = i + k <= n ? digits[three >> (18 - 6 * k) & 63] : '=';
    }
    json_t *uri = json_stringn_nocheck(text, (size_t)(to - text));
    free(text);
    return uri;
}

json_t *page_picture_uri(const struct picture *p, const struct picture_mark *mark, int side_max)
{
    struct picture small = {0};
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    json_t *uri = NULL;
    int longer = MAX(p->width, p->height);
    enum status st = ST_OK;
    if (longer > side_max) {
        int width = MAX((int)((int64_t)p->width * side_max / longer), 1);
        int height = MAX((int)((int64_t)p->height * side_max / longer), 1);
        st = picture_resize(p, width, height, &small, &em);
    }
    if (st == ST_OK)
        st = picture_encode_jpeg(small.rgb ? &small : p, mark, QUALITY, &bytes, &n, &em);
    if (st == ST_OK)
        uri = base64_uri(bytes, n);
    free(bytes);
    picture_release(&small);
    return uri;
}

/* --- Files ------------------------------------------------------------------------------------ */

static bool parse_name(const char *name, struct file *out)
{
    static const char start[] = "step-", digits[] = "0123456789";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(name), at = sizeof start - 1;
    if (n >= sizeof out->name || strncmp(name, start, at) != 0)
        return false;
    size_t length = strspn(name + at, digits), word = at + length + 1;
    if (length == 0 || length > 18 || name[at + length] != '-')
        return false;
    size_t letters_n = strspn(name + word, letters);
    if (letters_n == 0 || letters_n >= sizeof out->group ||
        strcmp(name + word + letters_n, ".png") != 0)
        return false;
    *out = (struct file){.step = strtoll(name + at, NULL, 10)};
    memcpy(out->name, name, n + 1);
    memcpy(out->group, name + word, letters_n);
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    int groups = strcmp(x->group, y->group);
    return groups != 0 ? groups : (x->step > y->step) - (x->step < y->step);
}

/* By group, then step. The caller frees them. */
static struct file *list_files(struct page_part *p, size_t *n_out)
{
    char path[PATH_BYTES_MAX];
    struct file *files = NULL, file;
    size_t n = 0, capacity = 0;
    DIR *folder = page_path(p->run, "previews", path) ? opendir(path) : NULL;
    if (!folder && errno != ENOENT)
        page_note_add(p, "cannot read %s: %s", path, strerror(errno));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!parse_name(entry->d_name, &file))
            continue;
        if (n == capacity) {
            size_t wanted = MAX(2 * capacity, (size_t)64);
            struct file *grown = realloc(files, wanted * sizeof *grown);
            if (!grown) {
                p->failed = true;
                break;
            }
            files = grown;
            capacity = wanted;
        }
        files[n++] = file;
    }
    if (folder)
        closedir(folder);
    if (n > 0)
        qsort(files, n, sizeof *files, compare_files);
    *n_out = n;
    return files;
}

/* --- The pictures of the page ----------------------------------------------------------------- */

static struct page_picture *find_picture(const struct page_run *r, const char *name,
                                         const struct stat *s)
{
    int64_t changed_ns = s->st_mtim.tv_sec * INT64_C(1000000000) + s->st_mtim.tv_nsec;
    for (size_t i = 0; i < r->n_pictures; i++) {
        struct page_picture *q = &r->pictures[i];
        if (q->bytes == s->st_size && q->changed_ns == changed_ns && strcmp(q->name, name) == 0)
            return q;
    }
    return NULL;
}

static json_t *encode_file(struct page_part *p, const char *path)
{
    static const struct picture_mark mark = {.source = PICTURE_SOURCE_COMPOSITE};
    struct picture picture = {0};
    struct errmsg em = {0};
    if (picture_read(path, &picture, &em) != ST_OK) {
        page_note_add(p, "%s; left out", em.text);
        return NULL;
    }
    json_t *uri = page_picture_uri(&picture, &mark, SIDE_MAX);
    p->failed = p->failed || !uri;
    picture_release(&picture);
    return uri;
}

/* The picture of a file, encoded earlier or now; NULL: it is left out, and a note says why. Without
 * needs_uri only its length is needed. */
static struct page_picture *get_picture(struct page_part *p, const struct file *f, bool needs_uri)
{
    struct page_run *r = p->run;
    char name[sizeof f->name + 16], path[PATH_BYTES_MAX];
    struct stat s;
    snprintf(name, sizeof name, "previews/%s", f->name);
    if (!page_path(r, name, path) || stat(path, &s) != 0)
        return NULL;
    struct page_picture *q = find_picture(r, f->name, &s);
    if (q && (q->uri || !needs_uri))
        return q;
    json_t *uri = encode_file(p, path);
    if (q) {
        q->uri = uri;
        return uri ? q : NULL;
    }
    struct page_picture *grown =
        uri ? realloc(r->pictures, (r->n_pictures + 1) * sizeof *grown) : NULL;
    if (!grown) {
        p->failed = p->failed || uri;
        json_decref(uri);
        return NULL;
    }
    r->pictures = grown;
    q = &grown[r->n_pictures++];
    *q = (struct page_picture){
        .bytes = s.st_size,
        .changed_ns = s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec,
        .uri = uri,
        .length = json_string_length(uri),
    };
    memcpy(q->name, f->name, sizeof q->name);
    return q;
}

/* True for every stride-th of n, the first and the last. Strides are powers of 2: a larger stride
 * chooses some of the same pictures, so that encoded ones are used again. */
static bool is_chosen(size_t i, size_t n, size_t stride)
{
    return i % stride == 0 || i + 1 == n;
}

/* Encodes the chosen files of a group. False: they take more than `bytes_max` bytes. */
static bool take_group(struct page_part *p, struct file *files, size_t n, size_t stride,
                       size_t bytes_max)
{
    size_t used = 0;
    for (size_t i = n; i-- > 0;) { /* the newest first: it is always shown */
        files[i].chosen = is_chosen(i, n, stride);
        struct page_picture *q = files[i].chosen ? get_picture(p, &files[i], false) : NULL;
        files[i].chosen = q;
        used += q ? q->length : 0;
        if (used > bytes_max && stride < n)
            return false;
    }
    return true;
}

static json_t *group_json(struct page_part *p, const struct file *files, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        struct page_picture *q = files[i].chosen ? get_picture(p, &files[i], true) : NULL;
        if (!q)
            continue;
        q->shown = true;
        json_append(list, json_pack("{s:I, s:O}", "step", (json_int_t)files[i].step, "uri", q->uri),
                    &p->failed);
    }
    return json_pack("{s:s, s:I, s:o}", "name", files[0].group, "all", (json_int_t)n, "pictures",
                     list);
}

/* Frees pictures that do not fit into the page. Their lengths stay, so the next page need not
 * encode them to see that they do not fit. */
static void drop_others(struct page_run *r)
{
    for (size_t i = 0; i < r->n_pictures; i++)
        if (!r->pictures[i].shown) {
            json_decref(r->pictures[i].uri);
            r->pictures[i].uri = NULL;
        }
}

void page_add_previews(struct page_part *p)
{
    size_t n = 0, groups = 0;
    struct file *files = list_files(p, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        groups += i == 0 || strcmp(files[i].group, files[i - 1].group) != 0;
    for (size_t i = 0; i < p->run->n_pictures; i++)
        p->run->pictures[i].shown = false;
    size_t bytes_max = p->picture_bytes / MAX(groups, 1);
    for (size_t from = 0, to; from < n && groups <= GROUPS_MAX; from = to) {
        for (to = from; to < n && strcmp(files[to].group, files[from].group) == 0;)
            to++;
        size_t count = to - from, stride = 1;
        while (count / stride > GROUP_SHOWN_MAX)
            stride *= 2;
        while (!take_group(p, files + from, count, stride, bytes_max))
            stride *= 2;
        json_append(list, group_json(p, files + from, count), &p->failed);
    }
    if (groups > GROUPS_MAX)
        page_note_add(p, "previews: %zu kinds of pictures, more than %d: none is shown", groups,
                      GROUPS_MAX);
    drop_others(p->run);
    free(files);
    json_put(p->object, "previews", list, &p->failed);
}

void page_run_release(struct page_run *r)
{
    for (size_t i = 0; i < r->n_pictures; i++)
        json_decref(r->pictures[i].uri);
    free(r->pictures);
    json_decref(r->sets);
}

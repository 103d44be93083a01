/* Two sets of tiny flat pictures, with masks, and their orders: what loaders read in tests. */
#ifndef BIFRONS_TESTS_SMALL_SETS_H
#define BIFRONS_TESTS_SMALL_SETS_H

#include "base/file.h"
#include "data/order.h"
#include "data/set.h"
#include "testing.h"

enum { SMALL_N = 12, SMALL_SIZE = 8, SMALL_PIXELS = SMALL_SIZE * SMALL_SIZE, SMALL_SEED = 5 };

struct small_sets {
    char paths[2][PATH_BYTES_MAX];
    struct set *sets[2];
    struct order *orders[2];
};

/* All values of a picture and of a mask. */
static inline int small_image(int person, int64_t row)
{
    return person * 100 + (int)row;
}

static inline int small_mask(int64_t row)
{
    return 200 + (int)row;
}

static inline void small_set_write(const char *path, int person)
{
    struct errmsg em = {0};
    struct set_writer *w;
    struct set_description d = {.n = SMALL_N - person,
                                .size = SMALL_SIZE,
                                .person = "p",
                                .consent = "drawn",
                                .masks = true};
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int row = 0; row < d.n; row++) {
        uint8_t image[SMALL_PIXELS * 3], mask[SMALL_PIXELS];
        memset(image, small_image(person, row), sizeof image);
        memset(mask, small_mask(row), sizeof mask);
        assert_ok(set_writer_put(w, row,
                                 &(struct set_row){.name = "x", .image = image, .mask = mask},
                                 &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
}

/* Changes a file where it first has these bytes. */
static inline void change_bytes(const char *path, const void *bytes, size_t n)
{
    struct errmsg em = {0};
    uint8_t *all;
    size_t size, at = 0;
    assert_ok(file_read_all(path, 1 << 20, &all, &size, &em));
    while (at + n <= size && memcmp(all + at, bytes, n) != 0)
        at++;
    assert_true(at + n <= size);
    all[at] ^= 0x20;
    assert_ok(file_write_atomic(path, all, size, &em));
    free(all);
}

static inline void small_sets_init(struct small_sets *s)
{
    struct errmsg em = {0};
    char *folder = scratch_new(), name[16];
    for (int p = 0; p < 2; p++) {
        snprintf(name, sizeof name, "%d.h5", p);
        assert_true(path_join(s->paths[p], sizeof s->paths[p], folder, name));
        small_set_write(s->paths[p], p);
        assert_ok(set_open(s->paths[p], &s->sets[p], &em));
        assert_ok(order_new(set_hashes(s->sets[p]), set_get_info(s->sets[p])->n, 0, SMALL_SEED,
                            (enum order_person)p, &s->orders[p], &em));
    }
    free(folder);
}

static inline void small_sets_release(struct small_sets *s)
{
    for (int p = 0; p < 2; p++) {
        order_free(s->orders[p]);
        set_free(s->sets[p]);
    }
}

#endif

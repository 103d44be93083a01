#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "data/picture.h"
#include "page.h"

enum { SIDE = 512, PREVIEWS = 60 };

/* A picture that JPEG cannot shrink much. */
static void write_noise(const char *path)
{
    struct errmsg em = {0};
    struct picture p;
    uint32_t x = 1;
    uint8_t *png = NULL;
    size_t n = 0;
    assert_ok(picture_init(&p, SIDE, SIDE, &em));
    for (size_t i = 0; i < (size_t)3 * SIDE * SIDE; i++) {
        x = x * 1664525u + 1013904223u;
        p.rgb[i] = (uint8_t)(x >> 24);
    }
    assert_ok(picture_encode_png(&p, NULL, &png, &n, &em));
    assert_ok(file_write_atomic(path, png, n, &em));
    picture_release(&p);
    free(png);
}

/* Writes zeros over the file; its size and its time stay. */
static void damage(const char *path)
{
    struct stat s;
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && fstat(fd, &s) == 0);
    assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, 0), 8);
    const struct timespec times[2] = {s.st_atim, s.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static size_t notes_on_previews(const struct page *page)
{
    size_t n = 0;
    for (size_t i = 0; page_note(page, i); i++)
        n += strstr(page_note(page, i), "previews/") != NULL;
    return n;
}

static void the_next_page_reads_no_preview_again(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    char *run = scratch_new();
    char first[PATH_BYTES_MAX], path[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], out[PATH_BYTES_MAX];
    assert_true(path_join(folder, sizeof folder, run, "previews"));
    assert_true(path_join(out, sizeof out, run, "report.html"));
    assert_true(path_join(first, sizeof first, folder, "step-0000000001-grid.png"));
    assert_ok(folder_make(folder, &em));
    write_noise(first);
    for (int step = 2; step <= PREVIEWS; step++) {
        char name[64];
        snprintf(name, sizeof name, "step-%010d-grid.png", step);
        assert_true(path_join(path, sizeof path, folder, name));
        assert_int_equal(link(first, path), 0);
    }
    const char *const runs[] = {run};
    struct page *page = NULL;
    assert_ok(page_new(&(struct page_request){.runs = runs, .n_runs = 1}, &page, &em));
    assert_ok(page_write(page, out, &em));
    size_t bytes = page_bytes(page);
    assert_in_range(bytes, 1 << 20, PAGE_BYTES_MAX); /* not all of them have room */
    assert_int_equal(notes_on_previews(page), 0);
    damage(first);
    assert_ok(page_write(page, out, &em));
    assert_int_equal(notes_on_previews(page), 0);
    assert_int_equal(page_bytes(page), bytes);
    page_free(page);
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_page_reads_no_preview_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

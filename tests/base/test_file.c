#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "testing.h"

static void paths(void **state)
{
    (void)state;
    char out[16];
    assert_true(path_join(out, sizeof out, "a/", "b"));
    assert_string_equal(out, "a/b");
    assert_true(path_join(out, sizeof out, "a", "/b"));
    assert_string_equal(out, "/b");
    assert_false(path_join(out, sizeof out, "0123456789", "012345"));
    assert_string_equal(path_extension("x.d/a.tar.GZ"), ".GZ");
    assert_string_equal(path_extension("x.d/.hidden"), "");
    path_stem("x/a.b.png", out, sizeof out);
    assert_string_equal(out, "a.b");
    path_stem("0123456789abcd\xc3\xa9.png", out, sizeof out);
    assert_string_equal(out, "0123456789abcd"); /* 15 bytes would end within a character */
    path_folder("/a", out, sizeof out);
    assert_string_equal(out, "/");
    path_folder("a", out, sizeof out);
    assert_string_equal(out, ".");
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    const char *text = "a\xe3\x81\x82z"; /* characters of 1, 3 and 1 byte */
    const size_t fitting[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t n = 0; n < sizeof fitting / sizeof fitting[0]; n++)
        assert_int_equal(text_fit(text, n), fitting[n]);
    assert_int_equal(text_drop(text, 5), 4);
    assert_int_equal(text_drop(text, 4), 1);
    assert_int_equal(text_drop(text, 1), 0);
    assert_int_equal(text_drop(text, 0), 0);
}

static int count_entries(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void atomic_write_replaces_and_leaves_nothing(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, folder, "deep/er"));
    assert_ok(folder_make(path, &em));
    assert_ok(folder_make(path, &em));
    assert_true(path_join(path, sizeof path, folder, "deep/er/file"));
    assert_ok(file_write_atomic(path, "old", 3, &em));
    assert_ok(file_write_atomic(path, "newer", 5, &em));

    uint8_t *bytes;
    size_t n;
    assert_ok(file_read_all(path, 5, &bytes, &n, &em));
    assert_int_equal(n, 5);
    assert_string_equal((char *)bytes, "newer");
    free(bytes);
    assert_status(file_read_all(path, 4, &bytes, &n, &em), ST_DATA);
    assert_text_has(em.text, path);

    struct hash128 h;
    char hex[HASH128_HEX_BYTES];
    em = (struct errmsg){0};
    assert_ok(hash128_file(path, &h, &em));
    hash128_hex(h, hex);
    struct hash128 same = hash128("newer", 5);
    assert_true(h.high == same.high && h.low == same.low);

    /* a folder in the way: the write fails and no temporary file stays */
    assert_true(path_join(path, sizeof path, folder, "deep"));
    assert_status(file_write_atomic(path, "x", 1, &em), ST_IO);
    assert_int_equal(count_entries(folder), 1);

    em = (struct errmsg){0};
    assert_true(path_join(path, sizeof path, folder, "deep/er/link"));
    assert_ok(symlink_replace("file", path, &em));
    assert_ok(symlink_replace("file", path, &em));
    assert_true(file_exists(path));
    free(folder);
}

static void missing_files_are_named(void **state)
{
    (void)state;
    struct errmsg em = {0};
    uint8_t *bytes;
    size_t n;
    assert_status(file_read_all("/no/such", 9, &bytes, &n, &em), ST_NOINPUT);
    assert_string_equal(em.text, "cannot open /no/such: No such file or directory");
    em = (struct errmsg){0};
    assert_status(file_read_all("/tmp", 9, &bytes, &n, &em), ST_NOINPUT);
    em = (struct errmsg){0};
    assert_status(folder_make("/proc/nothing/here", &em), ST_IO);
}

/* Nothing but a file is opened or replaced: what else is there neither makes us wait nor is lost.
 */
static void only_files_are_read_and_replaced(void **state)
{
    (void)state;
    char *folder = scratch_new(), pipe_path[PATH_BYTES_MAX], link[PATH_BYTES_MAX];
    char device[PATH_BYTES_MAX]; /* a link: were it replaced, no more would be lost */
    assert_true(path_join(pipe_path, sizeof pipe_path, folder, "pipe"));
    assert_true(path_join(link, sizeof link, folder, "link"));
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_true(path_join(device, sizeof device, folder, "device"));
    assert_int_equal(symlink("pipe", link), 0);
    assert_int_equal(symlink("/dev/null", device), 0);
    const struct {
        const char *path, *told;
        enum status reading;
    } others[] = {
        {pipe_path,        "it is a FIFO, not a regular file",   ST_NOINPUT},
        {link,             "it is a FIFO, not a regular file",   ST_NOINPUT},
        {device,           "it is a device, not a regular file", ST_NOINPUT},
        {folder,           "it is a folder, not a regular file", ST_NOINPUT},
        {"/proc/self/mem", "Input/output error",                 ST_IO     },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct errmsg em = {0};
        struct hash128 h;
        uint8_t *bytes;
        size_t n;
        assert_status(file_read_all(others[i].path, 99, &bytes, &n, &em), others[i].reading);
        assert_text_has(em.text, others[i].told);
        em = (struct errmsg){0};
        assert_status(hash128_file(others[i].path, &h, &em), others[i].reading);
        assert_text_has(em.text, others[i].told);
        if (others[i].reading == ST_IO)
            continue;
        em = (struct errmsg){0};
        assert_status(file_write_atomic(others[i].path, "x", 1, &em), ST_IO);
        assert_text_has(em.text, others[i].told);
        em = (struct errmsg){0};
        assert_status(file_commit("/proc/self/mem", others[i].path, &em), ST_IO);
        assert_text_has(em.text, others[i].told);
    }
    assert_int_equal(count_entries(folder), 3);
    struct errmsg em = {0};
    assert_status(file_check_replaceable("/dev/stdout", &em), ST_IO);
    assert_true(file_same(pipe_path, link) && file_same(folder, folder));
    assert_false(file_same(pipe_path, folder) || file_same("/no/such", "/no/such"));
    free(folder);
}

/* Files of /proc say that they are empty. */
static void files_are_read_to_their_end(void **state)
{
    (void)state;
    struct errmsg em = {0};
    uint8_t *bytes;
    size_t n, all;
    assert_ok(file_read_all("/proc/self/mountinfo", 1 << 20, &bytes, &all, &em));
    assert_true(all > 0 && bytes[all - 1] == '\n' && bytes[all] == 0);
    free(bytes);
    assert_ok(file_read_all("/proc/self/mountinfo", all, &bytes, &n, &em));
    assert_int_equal(n, all);
    free(bytes);
    assert_status(file_read_all("/proc/self/mountinfo", all - 1, &bytes, &n, &em), ST_DATA);
    assert_text_has(em.text, "/proc/self/mountinfo has more than the");
}

/* As NFS: it refuses before it looks whether the folder is there. */
static int refusal;
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    errno = refusal;
    return refusal ? -1 : __real_mkdir(path, mode);
}

static void a_folder_that_is_there_need_not_be_made(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char *folder = scratch_new(), inner[PATH_BYTES_MAX], missing[PATH_BYTES_MAX];
    assert_true(path_join(inner, sizeof inner, folder, "a/b"));
    assert_true(path_join(missing, sizeof missing, inner, "c"));
    assert_ok(folder_make(inner, &em));
    refusal = EROFS;
    assert_ok(folder_make(inner, &em));
    assert_status(folder_make(missing, &em), ST_IO);
    refusal = 0;
    assert_text_has(em.text, "Read-only file system");
    free(folder);
}

static void only_own_files_are_ours(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, folder, "a"));
    assert_ok(file_check_ours(path, 4, "ab", 2, "b", &em)); /* nothing is there */
    assert_ok(file_write_atomic(path, "", 0, &em));
    assert_ok(file_check_ours(path, 4, "ab", 2, "b", &em));
    assert_ok(file_write_atomic(path, "..ab....", 8, &em));
    assert_ok(file_check_ours(path, 4, "ab", 2, "b", &em));
    assert_ok(file_check_ours(path, -6, "ab", 2, "b", &em));
    assert_ok(file_check_ours(path, -100, "ab", 2, "b", &em));
    assert_status(file_check_ours(path, 3, "ab", 2, "list of ours", &em), ST_USAGE);
    assert_text_has(em.text, "a is there already and is no list of ours: it is not replaced");
    assert_status(file_check_ours(path, -5, "ab", 2, "b", &em), ST_USAGE);
    assert_status(file_check_ours(folder, 4, "ab", 2, "b", &em), ST_IO);
    free(folder);
}

static void entries_of_a_folder_are_seen(void **state)
{
    (void)state;
    struct errmsg em = {0};
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    assert_true(path_join(path, sizeof path, folder, ".hidden"));
    assert_false(folder_has_entries(folder));
    assert_false(folder_has_entries(path)); /* nothing is there */
    assert_ok(file_write_atomic(path, "x", 1, &em));
    assert_true(folder_has_entries(folder));
    assert_false(folder_has_entries(path)); /* a file */
    free(folder);
}

/* A path that cannot be looked up is neither there nor missing. */
static void what_cannot_be_seen_is_not_missing(void **state)
{
    (void)state;
    char *folder = scratch_new(), loop[PATH_BYTES_MAX], none[PATH_BYTES_MAX];
    assert_true(path_join(loop, sizeof loop, folder, "loop"));
    assert_true(path_join(none, sizeof none, folder, "none"));
    assert_int_equal(symlink("loop", loop), 0);
    assert_false(file_exists(loop) || file_is_missing(loop));
    assert_true(file_is_missing(none));
    assert_false(file_is_missing(folder));
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(atomic_write_replaces_and_leaves_nothing),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(only_files_are_read_and_replaced),
        cmocka_unit_test(files_are_read_to_their_end),
        cmocka_unit_test(a_folder_that_is_there_need_not_be_made),
        cmocka_unit_test(only_own_files_are_ours),
        cmocka_unit_test(entries_of_a_folder_are_seen),
        cmocka_unit_test(what_cannot_be_seen_is_not_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

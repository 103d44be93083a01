/* Copies of sets: made once, and again only for a reason. */
#include "data/local_copy.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/hash.h"
#include "testing.h"

enum { BYTES = 100000 };

static struct errmsg em;
static char source[PATH_BYTES_MAX], folder[PATH_BYTES_MAX], copy[PATH_BYTES_MAX];

static void write_bytes(const char *path, uint8_t seed, size_t n)
{
    static uint8_t bytes[BYTES];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(seed + i * 7 + i / 251);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    char *scratch = scratch_new();
    em = (struct errmsg){0};
    copy[0] = '\0';
    assert_true(path_join(source, sizeof source, scratch, "person.h5"));
    assert_true(path_join(folder, sizeof folder, scratch, "local/deep"));
    write_bytes(source, 1, BYTES);
    free(scratch);
    return 0;
}

static bool stage(void)
{
    bool made;
    assert_ok(local_copy_make(source, folder, copy, &made, &em));
    return made;
}

static void assert_is_source(void)
{
    struct hash128 a, b;
    assert_ok(hash128_file(source, &a, &em));
    assert_ok(hash128_file(copy, &b, &em));
    assert_true(a.high == b.high && a.low == b.low);
}

static const char *beside(const char *suffix)
{
    static char path[PATH_BYTES_MAX + 16];
    snprintf(path, sizeof path, "%s%s", copy, suffix);
    return path;
}

static void a_copy_is_made_once(void **state)
{
    (void)state;
    char found[PATH_BYTES_MAX];
    struct stat before, after;
    assert_false(local_copy_find(source, folder, found));
    assert_true(stage());
    assert_is_source();
    assert_int_equal(stat(copy, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    assert_true(local_copy_find(source, folder, found));
    assert_string_equal(found, copy);
    assert_false(stage());
    assert_int_equal(stat(copy, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_false(file_exists(beside(".part")));
}

static void a_changed_original_is_copied_anew(void **state)
{
    (void)state;
    char found[PATH_BYTES_MAX];
    assert_true(stage());
    write_bytes(source, 9, BYTES); /* as long as before */
    assert_int_equal(utimensat(AT_FDCWD, source, (struct timespec[2]){{.tv_sec = 5}, {.tv_sec = 5}},
                               0),
                     0);
    assert_false(local_copy_find(source, folder, found));
    assert_true(stage());
    assert_is_source();
    write_bytes(source, 9, BYTES / 2);
    assert_true(stage());
    assert_is_source();
}

static void a_damaged_copy_is_made_anew(void **state)
{
    (void)state;
    assert_true(stage());
    int fd = open(copy, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 500), 1);
    close(fd);
    assert_true(stage());
    assert_is_source();
    assert_int_equal(truncate(copy, 10), 0);
    assert_true(stage());
    assert_is_source();
    assert_int_equal(unlink(beside(".staged")), 0);
    assert_true(stage());
}

static void what_has_not_the_sidecars_hash_is_no_copy(void **state)
{
    (void)state;
    char sidecar[PATH_BYTES_MAX + 8], found[PATH_BYTES_MAX];
    bool made;
    snprintf(sidecar, sizeof sidecar, "%s.xxh3", source);
    assert_ok(file_write_atomic(sidecar, "00000000000000000000000000000000  person.h5\n", 43, &em));
    assert_status(local_copy_make(source, folder, copy, &made, &em), ST_DATA);
    assert_text_has(em.text, "does not have the hash in");
    assert_false(local_copy_find(source, folder, found));
    struct hash128 h;
    char hex[HASH128_HEX_BYTES];
    assert_ok(hash128_file(source, &h, &em));
    hash128_hex(h, hex);
    assert_ok(file_write_atomic(sidecar, hex, strlen(hex), &em));
    assert_true(stage());
}

static void two_of_a_name_do_not_meet(void **state)
{
    (void)state;
    char first[PATH_BYTES_MAX], other[PATH_BYTES_MAX];
    bool made;
    assert_true(stage());
    memcpy(first, copy, sizeof first);
    assert_true(path_join(other, sizeof other, folder, "person.h5")); /* elsewhere, named alike */
    write_bytes(other, 3, BYTES);
    assert_ok(local_copy_make(other, folder, copy, &made, &em));
    assert_true(made && strcmp(first, copy) != 0);
}

static void what_cannot_be_copied_is_told(void **state)
{
    (void)state;
    bool made;
    assert_status(local_copy_make(source, source, copy, &made, &em), ST_IO); /* no folder */
    em = (struct errmsg){0};
    assert_status(local_copy_make("no/such.h5", folder, copy, &made, &em), ST_NOINPUT);
    em = (struct errmsg){0};
    assert_int_equal(truncate(source, (off_t)1 << 43), 0); /* sparse; more than there is */
    assert_status(local_copy_make(source, folder, copy, &made, &em), ST_IO);
    assert_text_has(em.text, "GiB left");
}

static void another_process_that_copies_is_not_waited_for(void **state)
{
    (void)state;
    bool made;
    assert_true(stage());
    assert_int_equal(unlink(beside(".staged")), 0);
    int fd = open(beside(".part"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    assert_status(local_copy_make(source, folder, copy, &made, &em), ST_IO);
    assert_text_has(em.text, "another process");
    assert_true(file_exists(beside(".part")));
    close(fd); /* as if it had been killed */
    em = (struct errmsg){0};
    assert_true(stage());
    assert_is_source();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_copy_is_made_once, set_up),
        cmocka_unit_test_setup(a_changed_original_is_copied_anew, set_up),
        cmocka_unit_test_setup(a_damaged_copy_is_made_anew, set_up),
        cmocka_unit_test_setup(what_has_not_the_sidecars_hash_is_no_copy, set_up),
        cmocka_unit_test_setup(two_of_a_name_do_not_meet, set_up),
        cmocka_unit_test_setup(what_cannot_be_copied_is_told, set_up),
        cmocka_unit_test_setup(another_process_that_copies_is_not_waited_for, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A sidecar tells a file from a damaged one, and says what is wrong with itself. */
#include "base/sidecar.h"

#include "testing.h"

static struct errmsg em;
static char path[PATH_BYTES_MAX], beside[SIDECAR_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    em = (struct errmsg){0};
    struct hash128 hash;
    char *folder = scratch_new();
    assert_true(path_join(path, sizeof path, folder, "person.h5"));
    free(folder);
    sidecar_path(path, beside);
    assert_ok(file_write_atomic(path, "pictures", 8, &em));
    assert_false(sidecar_exists(path));
    assert_ok(hash128_file(path, &hash, &em));
    assert_ok(sidecar_write(path, hash, &em));
    assert_true(sidecar_exists(path));
    return 0;
}

/* The line of xxhsum -H128, so that `xxhsum -c` reads it. */
static void it_is_what_xxhsum_prints(void **state)
{
    (void)state;
    uint8_t *text;
    size_t n;
    char hex[HASH128_HEX_BYTES], want[64];
    hash128_hex(hash128("pictures", 8), hex);
    snprintf(want, sizeof want, "%s  person.h5\n", hex);
    assert_ok(file_read_all(beside, 1000, &text, &n, &em));
    assert_string_equal((char *)text, want);
    free(text);
}

static void a_changed_file_is_found(void **state)
{
    (void)state;
    assert_ok(sidecar_verify(path, "", &em));
    assert_ok(file_write_atomic(path, "picture5", 8, &em));
    assert_status(sidecar_verify(path, "; pack it again", &em), ST_DATA);
    assert_text_has(em.text, "person.h5 is damaged");
    assert_text_has(em.text, "does not match");
    assert_text_has(em.text, "person.h5.xxh3; pack it again");
}

static void what_holds_no_hash_is_named(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a note\n", "0123456789abcdef0123456789abcde  short\n",
                                        "0123456789abcdef0123456789abcdef0  long\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        em = (struct errmsg){0};
        assert_ok(file_write_atomic(beside, texts[i], strlen(texts[i]), &em));
        assert_status(sidecar_verify(path, "", &em), ST_DATA);
        assert_text_has(em.text, "person.h5.xxh3 holds no XXH3-128 hash");
    }
    assert_int_equal(unlink(beside), 0);
    em = (struct errmsg){0};
    assert_status(sidecar_verify(path, "", &em), ST_NOINPUT);
    assert_text_has(em.text, "person.h5.xxh3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_what_xxhsum_prints, set_up),
        cmocka_unit_test_setup(a_changed_file_is_found, set_up),
        cmocka_unit_test_setup(what_holds_no_hash_is_named, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

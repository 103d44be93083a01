/* Files of weights: what takes too long to read is refused. Others: tests/fuzz/model/weights.c. */
#include "weights.h"

#include "testing.h"

enum { ENTRIES_MAX = 1 << 14 };

/* A dict of so many times None: None, as torch.save wrote it before PyTorch 1.6, with no storage.
 */
static void write_plain(const char *path, int entries)
{
    static const char head[] = "\x80\x02K\x01.\x80\x02K\x02.\x80\x02K\x03.\x80\x02Nq\0}(";
    static const char tail[] = "u.\x80\x02].";
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(head, 1, sizeof head - 1, f);
    for (int i = 0; i < entries; i++)
        fwrite("h\0h\0", 1, 4, f);
    fwrite(tail, 1, sizeof tail - 1, f);
    assert_int_equal(fclose(f), 0);
}

/* Each storage is looked for among them. */
static void a_plain_file_of_too_many_entries_is_refused(void **state)
{
    (void)state;
    char path[128], *folder = scratch_new();
    snprintf(path, sizeof path, "%s/plain.pth", folder);
    free(folder);
    struct weights *w = NULL;
    struct errmsg em = {0};
    write_plain(path, ENTRIES_MAX);
    assert_ok(weights_open(path, &w, &em));
    assert_null(weights_find(w, "x"));
    weights_free(w);
    write_plain(path, ENTRIES_MAX + 1);
    assert_status(weights_open(path, &w, &em), ST_DATA);
    assert_text_has(em.text, "it holds too many tensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_file_of_too_many_entries_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

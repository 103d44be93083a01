/*
 * The tables beside pictures: landmarks.csv, points.csv, faces.csv, identity.csv. The first byte
 * says which.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pack_priv.h"

enum { PICTURES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[PICTURES] = {"a.png", "b.jpg", "\xC3\xA4 1,2.png"};
    struct pack_item items[PICTURES] = {0};
    struct pack_report report = {0};
    struct errmsg em = {0};
    struct pack_source s = {.items = items, .n = PICTURES, .report = &report};
    if (n == 0)
        return 0;
    for (size_t i = 0; i < PICTURES; i++) {
        items[i] =
            (struct pack_item){.name = strdup(names[i]), .width = 64, .height = 48, .good = true};
        items[i].matrix[0][0] = items[i].matrix[1][1] = 1;
    }
    const char *path = fuzz_file(data + 1, n - 1);
    enum status st = data[0] % 4 < PACK_MARKS
                         ? pack_marks_read(&s, 0, (enum pack_marks)(data[0] % 4), path, &em)
                         : pack_faces_read(&s, 0, path, data[0] % 4 == 3, &em);
    for (size_t i = 0; i < PICTURES; i++) {
        struct pack_face_row row;
        float points[FACE_POINTS][2];
        if (st == ST_OK) {
            pack_points_stored(&items[i], 64, points);
            pack_face_stored(&items[i], &row);
            (void)pack_face_hash(&items[i]);
        }
        for (int k = 0; k < PACK_MARKS; k++)
            free(items[i].places[k].at);
        pack_face_release(&items[i].face);
        free(items[i].name);
    }
    pack_report_release(&report);
    return 0;
}

#include <stdlib.h>

#include "base/file.h"
#include "people.h"

#include "base/poison.h"

enum status people_add_reference(struct people *p, enum people_side side, struct finder *finder,
                                 const char *path, struct errmsg *em)
{
    struct picture picture = {0};
    struct face *faces = calloc(FINDER_FACES_MAX, sizeof *faces);
    const char *option = side == PEOPLE_MEANT ? "reference" : "other";
    size_t n = 0;
    enum status st = faces ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK && folder_exists(path))
        st = FAIL(em, ST_NOINPUT,
                  "--%s %s is a folder: name a picture that shows one person alone, and give --%s "
                  "again for each further picture",
                  option, path, option);
    if (st == ST_OK)
        st = picture_read(path, &picture, em);
    if (st == ST_OK)
        st = finder_find(finder, &picture, faces, &n, em);
    if (st == ST_OK && n != 1)
        st = FAIL(em, ST_DATA,
                  "--%s %s shows %zu faces: a reference shows one; cut it to the one that is "
                  "meant, or name another picture",
                  option, path, n);
    if (st == ST_OK)
        people_add(p, side, &faces[0]);
    picture_release(&picture);
    free(faces);
    return st;
}

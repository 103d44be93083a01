/*
 * Looks for faces in pictures, for tests/driver/test_finder.py:
 *
 *     finder_worker MODELS PICTURE…
 *
 * prints for each picture "PICTURE N", and for each face a line with its score and x, y of five
 * points: the pupils, the tip of the nose, the corners of the mouth. Nothing is stored.
 */
#include <stdio.h>

#include "base/checked.h"
#include "model/model.h"
#include "shape.h"

static enum status look(struct finder *f, const char *path, struct errmsg *em)
{
    static const int five[] = {68, 69, 30, 48, 54};
    static struct face faces[FINDER_FACES_MAX];
    struct picture picture = {0};
    size_t n = 0;
    enum status st = picture_read(path, &picture, em);
    if (st == ST_OK)
        st = finder_find(f, &picture, faces, &n, em);
    if (st == ST_OK)
        printf("%s %zu\n", path, n);
    for (size_t i = 0; i < n; i++) {
        double points[FACE_POINTS][2];
        shape_points(&faces[i], points);
        printf("%.3f", faces[i].score);
        for (size_t k = 0; k < ARRAY_LENGTH(five); k++)
            printf(" %.2f %.2f", points[five[k]][0], points[five[k]][1]);
        putchar('\n');
    }
    picture_release(&picture);
    return st;
}

int main(int argc, char **argv)
{
    struct finder *f = NULL;
    struct errmsg em = {0};
    model_runtime_configure(1, false);
    enum status st = argc > 2 ? finder_open(argv[1], "cpu", &f, &em) : ST_USAGE;
    for (int i = 2; i < argc && st == ST_OK; i++)
        st = look(f, argv[i], &em);
    finder_free(f);
    if (st != ST_OK)
        fprintf(stderr, "%s\n", em.text);
    return status_exit_code(st);
}

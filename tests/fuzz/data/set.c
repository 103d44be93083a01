/*
 * Sets. libhdf5 is not fuzzed: a process of its own tries a file first. The input says which
 * datasets and attributes a file has, of which types and shapes; libhdf5 writes it, and the reader
 * of sets gets it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/child.h"

#include "fuzz.h"
#include "set_priv.h"

enum { ROWS = 3, SIDE = 4, VALUES_MAX = 1 << 13, TEXT_BYTES = 40 };

/* ---- The process that tries a file, without a process ---------------------------------------- */

enum status child_start(int (*run)(int link, void *context), void *context, struct child *out,
                        struct errmsg *em)
{
    int ends[2];
    (void)em;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || run(ends[1], context) != 0)
        abort();
    close(ends[1]);
    *out = (struct child){.pid = 1, .link = ends[0]};
    return ST_OK;
}

enum child_reply child_receive(const struct child *c, void *bytes, size_t n, double within_s)
{
    (void)within_s;
    return recv(c->link, bytes, n, MSG_WAITALL) == (ssize_t)n ? CHILD_OK : CHILD_GONE;
}

int child_end(struct child *c, double within_s)
{
    (void)within_s;
    return close(c->link);
}

/* ---- A file as the input says ---------------------------------------------------------------- */

struct input {
    const uint8_t *at;
    size_t n;
};

static unsigned take(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->at++;
}

/* 0: what is right; NULL text: a fixed length. */
static hid_t text_type(unsigned how)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, how % 4 == 3 ? H5T_VARIABLE : (size_t[]){TEXT_BYTES, 1, 300}[how % 4]);
    if (how & 4)
        H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_strpad(type, how & 8 ? H5T_STR_SPACEPAD : how & 16 ? H5T_STR_NULLTERM : H5T_STR_NULLPAD);
    return type;
}

static hid_t number_type(const struct set_layout *l, unsigned how)
{
    const hid_t right = l->kind == H5T_FLOAT ? (l->element == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE)
                                             : (l->element == 8 ? H5T_STD_U64LE : H5T_STD_U8LE);
    const hid_t others[] = {right,         right,         H5T_IEEE_F32BE, H5T_STD_I8LE,
                            H5T_STD_U16BE, H5T_STD_I64BE, H5T_IEEE_F64BE, H5T_STD_U8BE};
    return H5Tcopy(others[how % 8]);
}

static void put_text(hid_t object, const char *name, const char *right, struct input *in)
{
    unsigned how = take(in);
    char text[TEXT_BYTES * 8] = {0}, *pointer = text;
    if (how == 255)
        return;
    snprintf(text, sizeof text, "%s", right);
    for (size_t i = 0; (how & 128) && i < sizeof text - 1 && in->n > 0 && *in->at > 0; i++)
        text[i] = (char)take(in);
    hid_t type = how & 64 ? H5Tcopy(H5T_NATIVE_INT) : text_type(how);
    hid_t space = how & 32 ? H5Screate_simple(1, (hsize_t[]){2}, NULL) : H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0 && !(how & (32 | 64)))
        H5Awrite(a, type, H5Tis_variable_str(type) > 0 ? (void *)&pointer : (void *)text);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

/* The shape of a layout, or another one. */
static hid_t space_of(const struct set_layout *l, unsigned how, struct input *in, hsize_t *count)
{
    hsize_t dims[5];
    int rank = l->rank;
    for (int i = 0; i < 4; i++)
        dims[i] = i == 0 ? ROWS : l->dims[i] ? l->dims[i] : SIDE;
    dims[4] = 1;
    if (how & 1)
        rank = (int)(take(in) % 6);
    if (how & 2)
        dims[take(in) % 5] = (hsize_t)take(in) << (take(in) % 40);
    *count = 1;
    for (int i = 0; i < rank; i++)
        *count =
            dims[i] > 0 && *count > VALUES_MAX ? *count : *count * MIN(dims[i], VALUES_MAX + 1);
    return rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
}

/* One byte for each value, as often as needed. */
static void write_values(hid_t dataset, hid_t type, bool texts, hsize_t count, struct input *in)
{
    static char text[VALUES_MAX * 300], *pointers[VALUES_MAX];
    static double numbers[VALUES_MAX];
    size_t each = H5Tget_size(type), n = MIN(in->n, (size_t)take(in));
    const uint8_t *bytes = in->at;
    n = MIN(n, in->n);
    in->at += n;
    in->n -= n;
    for (hsize_t i = 0; i < count && n > 0; i++) {
        numbers[i] = bytes[i % n] == 255 ? (double)NAN : bytes[i % n] == 254 ? 1e30 : bytes[i % n];
        memset(text + i * 300, bytes[i % n], each < 300 ? each : 8);
        text[i * 300 + 8] = '\0';
        pointers[i] = text + i * 300;
    }
    if (n == 0)
        return;
    if (!texts)
        H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers);
    else if (H5Tis_variable_str(type) > 0)
        H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers);
    else
        H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
}

static void put_dataset(hid_t file, const struct set_layout *l, struct input *in)
{
    unsigned how = take(in), type_how = take(in);
    hsize_t count;
    bool texts = (l->kind == H5T_STRING) != ((how & 8) != 0);
    if (how & 16)
        return;
    hid_t type = texts ? text_type(type_how) : number_type(l, type_how);
    hid_t space = space_of(l, how, in, &count), list = H5Pcreate(H5P_DATASET_CREATE);
    if ((how & 4) && H5Sget_simple_extent_ndims(space) == l->rank && count <= VALUES_MAX) {
        hsize_t chunk[5] = {1, 1, 1, 1, 1};
        H5Pset_chunk(list, l->rank, chunk);
        H5Pset_deflate(list, 1);
    }
    hid_t dataset = H5Dcreate2(file, l->name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (dataset >= 0 && count <= VALUES_MAX)
        write_values(dataset, type, texts, count, in);
    H5Dclose(dataset);
    H5Pclose(list);
    H5Sclose(space);
    H5Tclose(type);
}

static const char *file_of(struct input *in)
{
    static const char *const texts[] = {"person", "consent", "creator", "created", "source_hash"};
    static char path[64];
    long long version = 1;
    snprintf(path, sizeof path, "%s/x.h5", fuzz_folder());
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0)
        abort();
    unsigned how = take(in);
    put_text(file, "format", SET_FORMAT_NAME, in);
    hid_t space = how & 1 ? H5Screate_simple(1, (hsize_t[]){2}, NULL) : H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, "format_version", how & 2 ? H5T_IEEE_F64LE : H5T_STD_I64LE, space,
                         H5P_DEFAULT, H5P_DEFAULT);
    if (!(how & 1))
        H5Awrite(a, H5T_NATIVE_LLONG, &version);
    H5Aclose(a);
    H5Sclose(space);
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        put_text(file, texts[i], "a text", in);
    for (int p = 0; p < SET_PARTS; p++)
        put_dataset(file, &set_layouts[p], in);
    H5Fclose(file);
    return path;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void read_row(struct set *s, int64_t row)
{
    static uint8_t pixels[64 * 64 * 3];
    float points[FACE_POINTS][2], identity[SET_IDENTITY_NUMBERS];
    char source[SET_TEXT_BYTES_MAX];
    double time;
    struct errmsg em[8] = {0};
    (void)strlen(set_name(s, row));
    if (set_get_info(s)->size <= 64) {
        (void)!set_read_image(s, row, pixels, &em[0]);
        (void)!set_read_mask(s, row, pixels, &em[1]);
        (void)!set_read_truth(s, row, pixels, &em[2]);
    }
    (void)!set_read_points(s, row, points, &em[3]);
    (void)!set_read_landmarks(s, row, points, &em[4]);
    (void)!set_read_identity(s, row, identity, &em[5]);
    (void)!set_read_time(s, row, &time, &em[6]);
    if (set_read_source(s, row, source, &em[7]) == ST_OK)
        (void)strlen(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = {data, n};
    struct set *s = NULL;
    struct set_identity mean;
    double apart;
    struct errmsg em = {0};
    if (set_open(file_of(&in), &s, &em) != ST_OK)
        return 0;
    read_row(s, 0);
    read_row(s, set_get_info(s)->n - 1);
    (void)!set_verify(s, &em);
    (void)!set_mean_identity(s, &mean, &em);
    (void)!set_pupil_distance(s, &apart, &em);
    set_free(s);
    return 0;
}

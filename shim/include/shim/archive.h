/*
 * Archives: what torch.save writes.
 *
 * A .pt file that torch.load(weights_only=True) reads: a tree of dicts, lists, tuples, numbers,
 * strings and tensors, and named records beside it. Errors work as in scopes: the archive owns all
 * values, the first error stays, and shim_archive_check or _write reports it.
 *
 *     struct shim_archive *a;
 *     enum status st = shim_archive_new(&a, &em);
 *     if (st != ST_OK)
 *         return st;
 *     struct shim_value *root = shim_archive_root(a);
 *     shim_put(a, root, "epoch", shim_value_int(a, 7));
 *     shim_put(a, root, "weight", shim_value_tensor(a, SHIM_F32, memory, 2, dims));
 *     st = shim_archive_write(a, path, "bifrons.json", json, json_bytes, hash, &em);
 *     shim_archive_free(a);
 */
#ifndef BIFRONS_SHIM_ARCHIVE_H
#define BIFRONS_SHIM_ARCHIVE_H

#include "base/hash_stream.h"
#include "shim/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shim_archive;
struct shim_value;

enum status shim_archive_new(struct shim_archive **out, struct errmsg *em) MUST_CHECK;
/*
 * Reads a .pt file. Check its zip structure and checksums first: libtorch's reader does not.
 * ST_NOINPUT: cannot be opened. ST_DATA: the pickle or a tensor cannot be read, or the file holds
 * another kind of value. Never executes anything from the file.
 */
enum status shim_archive_read(const char *path, struct shim_archive **out,
                              struct errmsg *em) MUST_CHECK;
void shim_archive_free(struct shim_archive *a);
enum status shim_archive_check(const struct shim_archive *a, struct errmsg *em) MUST_CHECK;
/* The dict at the top of the tree. */
struct shim_value *shim_archive_root(struct shim_archive *a);
/* Writes the file, and an uncompressed record in it unless record_name is NULL. Adds all bytes of
 * the file to hash unless it is NULL. ST_IO gives the operating system's reason. Does not sync the
 * file, and does not remove it after a failure. */
enum status shim_archive_write(struct shim_archive *a, const char *path, const char *record_name,
                               const void *record, size_t record_bytes, struct hash128_stream *hash,
                               struct errmsg *em) MUST_CHECK;

struct shim_value *shim_value_dict(struct shim_archive *a);
struct shim_value *shim_value_list(struct shim_archive *a);
struct shim_value *shim_value_bool(struct shim_archive *a, bool x);
struct shim_value *shim_value_int(struct shim_archive *a, int64_t x);
struct shim_value *shim_value_double(struct shim_archive *a, double x);
struct shim_value *shim_value_string(struct shim_archive *a, const char *text);
struct shim_value *shim_value_none(struct shim_archive *a);
/* A pair as a tuple: Adam's betas. */
struct shim_value *shim_value_pair(struct shim_archive *a, double first, double second);
/* A copy of host memory. n_dims 0 gives a scalar tensor. */
struct shim_value *shim_value_tensor(struct shim_archive *a, enum shim_dtype dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims);
/* Borrows host memory: it must stay unchanged until the archive is freed. */
struct shim_value *shim_value_view(struct shim_archive *a, enum shim_dtype dtype,
                                   const void *memory, size_t n_dims, const int64_t *dims);
/* A copy, in host memory and of type dtype, of a range of a group's flat array. */
struct shim_value *shim_value_range(struct shim_archive *a, const struct shim_group *g,
                                    enum shim_flat which, size_t offset, enum shim_dtype dtype,
                                    size_t n_dims, const int64_t *dims);
/* Put x into a dict under a string or a number, or at the end of a list. */
void shim_put(struct shim_archive *a, struct shim_value *dict, const char *key,
              struct shim_value *x);
void shim_put_at(struct shim_archive *a, struct shim_value *dict, int64_t key,
                 struct shim_value *x);
void shim_append(struct shim_archive *a, struct shim_value *list, struct shim_value *x);

/* Reading. A NULL value, a missing key, or a value of another kind gives NULL or false: no error.
 */
struct shim_value *shim_get(struct shim_archive *a, const struct shim_value *dict, const char *key);
struct shim_value *shim_get_at(struct shim_archive *a, const struct shim_value *dict_or_list,
                               int64_t key);
bool shim_get_bool(const struct shim_value *v, bool *out);
bool shim_get_int(const struct shim_value *v, int64_t *out);
bool shim_get_double(const struct shim_value *v, double *out); /* also reads an int */
/* Borrowed until the archive is freed; NULL if v is not a string. */
const char *shim_get_string(const struct shim_value *v);
/* Shape and element type of a tensor; false if v is not a tensor of a dtype of enum shim_dtype. */
bool shim_get_tensor(const struct shim_value *v, enum shim_dtype *dtype_out, size_t *n_dims_out,
                     int64_t dims_out[SHIM_DIMS_MAX]);
/* true: a tensor without NaN and infinities. */
bool shim_is_finite(const struct shim_value *v);
/* Copies a tensor's elements into a range of a group's flat array. ST_DATA if count differs. */
enum status shim_read_range(const struct shim_value *v, struct shim_group *g, enum shim_flat which,
                            size_t offset, size_t count, struct errmsg *em) MUST_CHECK;
/* Copies a tensor's elements to host memory, row-major, as dtype (F32 or F64). ST_DATA if count
 * differs. */
enum status shim_read_tensor(const struct shim_value *v, enum shim_dtype dtype, void *memory,
                             size_t count, struct errmsg *em) MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

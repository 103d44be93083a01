// Trees of values in a .pt file. Uses the classes behind the C++ torch::save, but writes no
// TorchScript type tags: torch.load(weights_only=True) refuses them.
#include "shim/archive.h"

#include "shim_priv.hpp"

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <caffe2/serialize/file_adapter.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <vector>

using namespace shim;
using c10::IValue;

struct shim_value {
    IValue v;
};

struct shim_archive {
    struct errmsg em = {};
    std::deque<shim_value> owned;
    shim_value *root = nullptr;
};

namespace
{

IValue new_dict(c10::TypePtr key)
{
    return c10::impl::GenericDict(std::move(key), c10::AnyType::get());
}

template <class F> shim_value *make(shim_archive *a, const char *where, F f) noexcept
{
    shim_value *made = nullptr;
    if (a && a->em.code == ST_OK)
        guard(where, &a->em, [&] { made = &a->owned.emplace_back(shim_value{f()}); });
    return made;
}

template <class F>
void change(shim_archive *a, const char *where, shim_value *to, const shim_value *x, F f) noexcept
{
    if (!a || a->em.code != ST_OK)
        return;
    if (!to || !x)
        report(&a->em, ST_INTERNAL, where, "was given no value");
    else
        guard(where, &a->em, f);
}

// The keys of a dict are all strings or all numbers; the first key decides.
void dict_put(shim_value *dict, IValue key, const shim_value *x)
{
    TORCH_CHECK(dict->v.isGenericDict(), "not a dict");
    auto d = dict->v.toGenericDict();
    bool number = key.isInt(), numbers = d.keyType()->kind() == c10::TypeKind::IntType;
    TORCH_CHECK(d.empty() || number == numbers, "keys of two kinds in one dict");
    if (number != numbers)
        dict->v = new_dict(c10::IntType::get());
    dict->v.toGenericDict().insert(std::move(key), x->v);
}

// Writes to a FILE, hashes the bytes, and keeps the errno of the first failure. Reports success to
// libtorch's writer in any case: after a failure its destructor would throw.
struct sink {
    static constexpr size_t piece_bytes = 256 << 10;
    FILE *file;
    hash128_stream *hash;
    int error = 0;
    size_t write(const void *bytes, size_t n)
    {
        const char *piece = static_cast<const char *>(bytes);
        for (size_t left = n; left > 0 && error == 0;) {
            size_t now = std::min(left, piece_bytes);
            if (hash)
                hash128_stream_add(hash, piece, now);
            if (fwrite(piece, 1, now, file) != now)
                error = errno ? errno : EIO;
            piece += now;
            left -= now;
        }
        return n;
    }
};

// The pickle of a tree. Its tensors refer to `storages` by number.
std::string pickled(const IValue &root, std::vector<c10::Storage> &storages)
{
    std::string pickle;
    std::map<const void *, std::string> ids;
    auto id_of = [&](const at::Tensor &t) {
        const void *key = t.storage().unsafeGetStorageImpl();
        auto [entry, fresh] = ids.try_emplace(key, std::to_string(storages.size()));
        if (fresh)
            storages.push_back(t.storage());
        return entry->second;
    };
    torch::jit::Pickler pickler([&](const char *p, size_t n) { pickle.append(p, n); }, nullptr,
                                nullptr, nullptr, id_of, /*tag_aggregates=*/false);
    pickler.protocol();
    pickler.pushIValue(root);
    pickler.stop();
    return pickle;
}

void write_archive(sink &to, const IValue &root, const char *record_name, const void *record,
                   size_t record_bytes)
{
    std::vector<c10::Storage> storages;
    std::string pickle = pickled(root, storages);
    caffe2::serialize::PyTorchStreamWriter writer([&](const void *bytes,
                                                      size_t n) { return to.write(bytes, n); },
                                                  /*compute_crc32=*/true,
                                                  /*alignment=*/64);
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeRecord("byteorder", "little", 6);
    for (size_t i = 0; i < storages.size(); i++)
        writer.writeRecord("data/" + std::to_string(i), storages[i].data(), storages[i].nbytes());
    if (record_name)
        writer.writeRecord(record_name, record, record_bytes);
    writer.writeEndOfFile();
}

} // namespace

extern "C" {

enum status shim_archive_new(struct shim_archive **out, struct errmsg *em)
{
    shim_archive *a = nullptr;
    enum status st = guard(__func__, em, [&] {
        a = new shim_archive;
        a->root = &a->owned.emplace_back(shim_value{new_dict(c10::StringType::get())});
        *out = a;
    });
    if (st != ST_OK)
        delete a;
    return st;
}

enum status shim_archive_read(const char *path, struct shim_archive **out, struct errmsg *em)
{
    shim_archive *a = nullptr;
    struct errmsg why = {};
    FILE *f = fopen(path, "rb");
    if (!f)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    fclose(f);
    enum status st = guard(__func__, &why, [&] {
        a = new shim_archive;
        caffe2::serialize::PyTorchStreamReader reader{std::string(path)};
        IValue root = torch::jit::readArchiveAndTensors("data", "", "", std::nullopt, std::nullopt,
                                                        at::Device(at::kCPU), reader);
        TORCH_CHECK(root.isGenericDict(), "its top is no dict");
        a->root = &a->owned.emplace_back(shim_value{std::move(root)});
        *out = a;
    });
    if (st == ST_OK)
        return ST_OK;
    delete a;
    if (strstr(why.text,
               "isGenericDict() INTERNAL ASSERT")) // libtorch takes an OrderedDict for None
        return FAIL(em, ST_DATA,
                    "%s holds an OrderedDict, which cannot be read here: in Python, save plain "
                    "dicts, such as dict(model.state_dict())",
                    path);
    why.text[strcspn(why.text, "\n")] = '\0';
    return FAIL(em, st == ST_MEMORY ? ST_MEMORY : ST_DATA,
                "%s: not a file of plain tensors: %.600s", path, why.text);
}

void shim_archive_free(struct shim_archive *a)
{
    delete a;
}

enum status shim_archive_check(const struct shim_archive *a, struct errmsg *em)
{
    if (a->em.code != ST_OK)
        return errmsg_set(em, a->em.code, a->em.where, a->em.line, "%s", a->em.text);
    return ST_OK;
}

struct shim_value *shim_archive_root(struct shim_archive *a)
{
    return a->root;
}

enum status shim_archive_write(struct shim_archive *a, const char *path, const char *record_name,
                               const void *record, size_t record_bytes, struct hash128_stream *hash,
                               struct errmsg *em)
{
    enum status st = shim_archive_check(a, em);
    if (st != ST_OK)
        return st;
    sink to = {.file = fopen(path, "wb"), .hash = hash};
    if (!to.file)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
    struct errmsg why = {};
    errno = 0;
    st = guard(__func__, &why,
               [&] { write_archive(to, a->root->v, record_name, record, record_bytes); });
    if (fclose(to.file) != 0 && to.error == 0)
        to.error = errno;
    if (to.error)
        return FAIL_ERRNO(em, ST_IO, to.error, "cannot write %s", path);
    if (st != ST_OK)
        return FAIL(em, st, "cannot write %s: %s", path, why.text);
    return ST_OK;
}

struct shim_value *shim_value_dict(struct shim_archive *a)
{
    return make(a, __func__, [] { return new_dict(c10::StringType::get()); });
}

struct shim_value *shim_value_list(struct shim_archive *a)
{
    // AnyType: libtorch writes lists of one type as calls that weights_only refuses
    return make(a, __func__, [] { return IValue(c10::impl::GenericList(c10::AnyType::get())); });
}

struct shim_value *shim_value_bool(struct shim_archive *a, bool x)
{
    return make(a, __func__, [&] { return IValue(x); });
}

struct shim_value *shim_value_int(struct shim_archive *a, int64_t x)
{
    return make(a, __func__, [&] { return IValue(x); });
}

struct shim_value *shim_value_double(struct shim_archive *a, double x)
{
    return make(a, __func__, [&] { return IValue(x); });
}

struct shim_value *shim_value_string(struct shim_archive *a, const char *text)
{
    return make(a, __func__, [&] { return IValue(std::string(text)); });
}

struct shim_value *shim_value_none(struct shim_archive *a)
{
    return make(a, __func__, [] { return IValue(); });
}

struct shim_value *shim_value_pair(struct shim_archive *a, double first, double second)
{
    return make(a, __func__, [&] {
        return IValue(c10::ivalue::Tuple::create({IValue(first), IValue(second)}));
    });
}

struct shim_value *shim_value_tensor(struct shim_archive *a, enum shim_dtype dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims)
{
    return make(a, __func__, [&] {
        return IValue(at::from_blob(const_cast<void *>(memory), sizes(n_dims, dims),
                                    at::TensorOptions(scalar_type(dtype)))
                          .clone());
    });
}

struct shim_value *shim_value_view(struct shim_archive *a, enum shim_dtype dtype,
                                   const void *memory, size_t n_dims, const int64_t *dims)
{
    return make(a, __func__, [&] {
        return IValue(at::from_blob(const_cast<void *>(memory), sizes(n_dims, dims),
                                    at::TensorOptions(scalar_type(dtype))));
    });
}

struct shim_value *shim_value_range(struct shim_archive *a, const struct shim_group *g,
                                    enum shim_flat which, size_t offset, enum shim_dtype dtype,
                                    size_t n_dims, const int64_t *dims)
{
    return make(a, __func__, [&] {
        at::IntArrayRef shape = sizes(n_dims, dims);
        on_device here(g->device);
        at::Tensor t = range(g, which, offset, size_t(c10::multiply_integers(shape)));
        // copy: a view would save its storage, the whole flat array
        t = t.to(at::Device(at::kCPU), scalar_type(dtype), /*non_blocking=*/false, /*copy=*/true);
        return IValue(t.view(shape));
    });
}

void shim_put(struct shim_archive *a, struct shim_value *dict, const char *key,
              struct shim_value *x)
{
    change(a, __func__, dict, x, [&] { dict_put(dict, IValue(std::string(key)), x); });
}

void shim_put_at(struct shim_archive *a, struct shim_value *dict, int64_t key, struct shim_value *x)
{
    change(a, __func__, dict, x, [&] { dict_put(dict, IValue(key), x); });
}

void shim_append(struct shim_archive *a, struct shim_value *list, struct shim_value *x)
{
    change(a, __func__, list, x, [&] {
        TORCH_CHECK(list->v.isList(), "not a list");
        list->v.toList().push_back(x->v);
    });
}

static struct shim_value *lookup(struct shim_archive *a, const struct shim_value *dict,
                                 const IValue &key)
{
    shim_value *found = nullptr;
    if (a && dict && dict->v.isGenericDict())
        guard(__func__, nullptr, [&] {
            auto d = dict->v.toGenericDict();
            auto at = d.find(key);
            if (at != d.end())
                found = &a->owned.emplace_back(shim_value{at->value()});
        });
    return found;
}

struct shim_value *shim_get(struct shim_archive *a, const struct shim_value *dict, const char *key)
{
    return lookup(a, dict, IValue(std::string(key)));
}

struct shim_value *shim_get_at(struct shim_archive *a, const struct shim_value *v, int64_t key)
{
    if (!a || !v || !(v->v.isList() || v->v.isTuple()))
        return lookup(a, v, IValue(key));
    shim_value *found = nullptr;
    guard(__func__, nullptr, [&] {
        if (v->v.isTuple())
            found =
                &a->owned.emplace_back(shim_value{v->v.toTupleRef().elements().at(size_t(key))});
        else
            found = &a->owned.emplace_back(shim_value{v->v.toListRef().at(size_t(key))});
    });
    return found;
}

bool shim_get_bool(const struct shim_value *v, bool *out)
{
    if (!v || !v->v.isBool())
        return false;
    *out = v->v.toBool();
    return true;
}

bool shim_get_int(const struct shim_value *v, int64_t *out)
{
    if (!v || !v->v.isInt())
        return false;
    *out = v->v.toInt();
    return true;
}

bool shim_get_double(const struct shim_value *v, double *out)
{
    int64_t whole;
    if (shim_get_int(v, &whole)) {
        *out = double(whole);
        return true;
    }
    if (!v || !v->v.isDouble())
        return false;
    *out = v->v.toDouble();
    return true;
}

const char *shim_get_string(const struct shim_value *v)
{
    return v && v->v.isString() ? v->v.toStringRef().c_str() : nullptr;
}

bool shim_get_tensor(const struct shim_value *v, enum shim_dtype *dtype_out, size_t *n_dims_out,
                     int64_t dims_out[SHIM_DIMS_MAX])
{
    static constexpr struct {
        at::ScalarType theirs;
        enum shim_dtype ours;
    } known[] = {
        {at::kFloat,    SHIM_F32 },
        {at::kDouble,   SHIM_F64 },
        {at::kBFloat16, SHIM_BF16},
        {at::kByte,     SHIM_U8  },
        {at::kLong,     SHIM_I64 }
    };
    if (!v || !v->v.isTensor() || !v->v.toTensor().defined())
        return false;
    const at::Tensor &t = v->v.toTensor();
    if (t.dim() > SHIM_DIMS_MAX || t.layout() != at::kStrided)
        return false;
    for (auto pair : known)
        if (pair.theirs == t.scalar_type()) {
            *dtype_out = pair.ours;
            *n_dims_out = size_t(t.dim());
            std::copy(t.sizes().begin(), t.sizes().end(), dims_out);
            return true;
        }
    return false;
}

bool shim_is_finite(const struct shim_value *v)
{
    bool finite = false;
    if (v && v->v.isTensor())
        guard(__func__, nullptr, [&] { finite = v->v.toTensor().isfinite().all().item<bool>(); });
    return finite;
}

// ST_OK if v is a tensor of `count` numbers.
static enum status check_count(const struct shim_value *v, size_t count, struct errmsg *em)
{
    enum shim_dtype unused;
    size_t n_dims;
    int64_t dims[SHIM_DIMS_MAX];
    if (!shim_get_tensor(v, &unused, &n_dims, dims))
        return FAIL(em, ST_DATA, "not a tensor of numbers");
    int64_t n = v->v.toTensor().numel();
    if (size_t(n) != count)
        return FAIL(em, ST_DATA, "a tensor of %lld elements, wanted %zu", (long long)n, count);
    return ST_OK;
}

enum status shim_read_range(const struct shim_value *v, struct shim_group *g, enum shim_flat which,
                            size_t offset, size_t count, struct errmsg *em)
{
    enum status st = check_count(v, count, em);
    if (st != ST_OK)
        return st;
    return guard_on(g, __func__, em,
                    [&] { range(g, which, offset, count).copy_(v->v.toTensor().reshape({-1})); });
}

enum status shim_read_tensor(const struct shim_value *v, enum shim_dtype dtype, void *memory,
                             size_t count, struct errmsg *em)
{
    enum status st = check_count(v, count, em);
    if (st != ST_OK)
        return st;
    return guard(__func__, em, [&] {
        const at::Tensor &t = v->v.toTensor();
        at::from_blob(memory, t.sizes(), at::TensorOptions(scalar_type(dtype))).copy_(t);
    });
}

} // extern "C"

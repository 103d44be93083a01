// Compiles only if shim.h is C++ as well as C; the tests beside it include it as C.
#include "shim/graph.h"
#include "shim/shim.h"

enum status shim_header_as_cxx(struct errmsg *em);
enum status shim_header_as_cxx(struct errmsg *em)
{
    struct shim_scope *s = nullptr;
    enum status st = shim_scope_new("cpu", SHIM_F32, &s, em);
    shim_scope_free(s);
    return st;
}

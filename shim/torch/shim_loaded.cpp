// Which libtorch is loaded.
#include "shim/loaded.h"

#include <torch/headeronly/version.h>
#include <torch/version.h>

#include <exception>
#include <string>

namespace at
{
std::string show_config(); // of ATen/Version.h, which includes all of ATen
}

namespace
{

// "2.13.0" of "2.13.0+cu130" or "2.13.0a0+git1234"
std::string digits(const std::string &version)
{
    return version.substr(0, version.find_first_not_of("0123456789."));
}

} // namespace

extern "C" enum status shim_loaded_check(struct errmsg *em)
{
    // TORCH_VERSION is what the headers say; the library tells its own among its settings
    static const std::string key = "TORCH_VERSION=";
    std::string settings;
    try {
        settings = at::show_config();
    } catch (const std::exception &) {
        return ST_OK;
    }
    size_t at = settings.find(key);
    if (at == settings.npos)
        return ST_OK;
    std::string loaded = digits(settings.substr(at + key.size(), 64));
    std::string built = digits(TORCH_VERSION);
    if (loaded == built)
        return ST_OK;
    return FAIL(
        em, ST_NODEVICE,
        "built for libtorch %s, but libtorch %s is loaded: results would be wrong. Is another "
        "libtorch in LD_LIBRARY_PATH? Build again, or take its folder out",
        built.c_str(), loaded.c_str());
}

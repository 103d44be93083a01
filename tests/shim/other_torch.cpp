// Preloaded by cli/test_other_torch: libtorch says that it is of another version.
#include <string>

namespace at
{

std::string show_config();
std::string show_config()
{
    return "Build settings: BLAS_INFO=mkl, TORCH_VERSION=1.2.3, USE_CUDA=0, ";
}

} // namespace at

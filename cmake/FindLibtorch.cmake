# Finds libtorch and, for CUDA builds of it, the CUDA runtime and NCCL that it was built for.
#
#   Libtorch::cpu     headers and libraries; all that a CPU build needs
#   Libtorch::cuda    the same with the CUDA libraries, where libtorch is a CUDA build
#   CudaRT::cudart, Nccl::nccl   for src/comm
#
# Where it looks: LIBTORCH_DIR (the unpacked libtorch zip, or the torch/ folder of a wheel; no Python
# needed); else the torch wheel of .venv in the source tree, else that of the python3 in PATH. torch
# itself is not imported: that takes seconds and needs its libraries to load.
#
# CUDA wheels keep NVIDIA's libraries beside torch/: nvidia/cu13/{include,lib} (CUDA 13, one folder)
# or nvidia/cuda_runtime/{include,lib} (CUDA 12, a folder a library), and nvidia/nccl in both. The
# headers may also come from a toolkit: CUDA_HOME or /usr/local/cuda.
#
# Own file rather than the TorchConfig.cmake of the wheel, which for CUDA asks for nvcc, a toolkit of
# the same version, and a GPU to probe.

include(FindPackageHandleStandardArgs)

function(_libtorch_ask_python python)
  execute_process(
    COMMAND ${python} -c
      "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  if(failed STREQUAL "0")
    set(LIBTORCH_DIR "${folder}" CACHE PATH "The libtorch zip unpacked, or a wheel's torch/" FORCE)
  endif()
endfunction()

if(NOT LIBTORCH_DIR AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  _libtorch_ask_python("${PROJECT_SOURCE_DIR}/.venv/bin/python")
endif()
if(NOT LIBTORCH_DIR)
  _libtorch_ask_python(python3)
endif()

set(LIBTORCH_LIB_DIR "${LIBTORCH_DIR}/lib")
unset(_libtorch_library)
if(EXISTS "${LIBTORCH_LIB_DIR}/libtorch_cpu.so" AND EXISTS "${LIBTORCH_LIB_DIR}/libc10.so")
  set(_libtorch_library "${LIBTORCH_LIB_DIR}/libtorch_cpu.so")
endif()
if(EXISTS "${LIBTORCH_DIR}/version.py") # a wheel
  file(STRINGS "${LIBTORCH_DIR}/version.py" _libtorch_line REGEX "^__version__")
  string(REGEX REPLACE ".*'([^']+)'.*" "\\1" Libtorch_VERSION "${_libtorch_line}")
elseif(EXISTS "${LIBTORCH_DIR}/build-version") # the zip
  file(STRINGS "${LIBTORCH_DIR}/build-version" Libtorch_VERSION LIMIT_COUNT 1)
endif()
find_package_handle_standard_args(Libtorch
  REQUIRED_VARS LIBTORCH_DIR _libtorch_library VERSION_VAR Libtorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup, or give -DLIBTORCH_DIR= the unpacked libtorch zip or the torch/ folder of a wheel")

function(_libtorch_shared target file)
  if(NOT TARGET ${target})
    add_library(${target} SHARED IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${file}" IMPORTED_NO_SONAME FALSE)
  endif()
endfunction()

if(Libtorch_FOUND AND NOT TARGET Libtorch::cpu)
  _libtorch_shared(Libtorch::c10 "${LIBTORCH_LIB_DIR}/libc10.so")
  _libtorch_shared(Libtorch::torch_cpu "${LIBTORCH_LIB_DIR}/libtorch_cpu.so")
  add_library(Libtorch::cpu INTERFACE IMPORTED GLOBAL)
  target_include_directories(Libtorch::cpu INTERFACE "${LIBTORCH_DIR}/include"
                             "${LIBTORCH_DIR}/include/torch/csrc/api/include")
  target_link_libraries(Libtorch::cpu INTERFACE Libtorch::torch_cpu Libtorch::c10)
endif()

# ---- CUDA ------------------------------------------------------------------------------------

set(Libtorch_HAS_CUDA OFF)
if(Libtorch_FOUND AND EXISTS "${LIBTORCH_LIB_DIR}/libtorch_cuda.so")
  set(Libtorch_HAS_CUDA ON)
endif()
if(NOT Libtorch_HAS_CUDA)
  return()
endif()

get_filename_component(_nvidia "${LIBTORCH_DIR}/../nvidia" ABSOLUTE)
# crt/host_config.h and not cuda_runtime.h: the runtime wheel has the latter but lacks crt/, without
# which it does not compile, so a toolkit (or the nvidia-cuda-crt wheel) must win over it.
find_path(CUDART_INCLUDE_DIR crt/host_config.h
          HINTS ${CUDA_INCLUDE_HINT} "$ENV{CUDA_HOME}/include" "${_nvidia}/cu13/include"
                "${_nvidia}/cuda_runtime/include" /usr/local/cuda/include)
# Of the CUDA that libtorch was built for, "+cu130" in its version: a toolkit of another one may be
# here too. By the name with its number: wheels have no plain libcudart.so.
if(Libtorch_VERSION MATCHES "\\+cu([0-9][0-9])")
  set(_libtorch_cudart libcudart.so.${CMAKE_MATCH_1})
else()
  set(_libtorch_cudart libcudart.so.13 libcudart.so.12 libcudart.so)
endif()
find_library(CUDART_LIBRARY NAMES ${_libtorch_cudart}
             HINTS "${_nvidia}/cu13/lib" "${_nvidia}/cuda_runtime/lib" "${LIBTORCH_LIB_DIR}"
                   "$ENV{CUDA_HOME}/lib64" /usr/local/cuda/lib64)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS "${_nvidia}/nccl/include" "$ENV{NCCL_HOME}/include")
find_library(NCCL_LIBRARY NAMES libnccl.so.2 libnccl.so
             HINTS "${_nvidia}/nccl/lib" "$ENV{NCCL_HOME}/lib" "${LIBTORCH_LIB_DIR}")

if(CUDART_INCLUDE_DIR AND CUDART_LIBRARY)
  _libtorch_shared(CudaRT::cudart "${CUDART_LIBRARY}")
  target_include_directories(CudaRT::cudart INTERFACE "${CUDART_INCLUDE_DIR}")
  if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
    _libtorch_shared(Nccl::nccl "${NCCL_LIBRARY}")
    target_include_directories(Nccl::nccl INTERFACE "${NCCL_INCLUDE_DIR}")
    target_link_libraries(Nccl::nccl INTERFACE CudaRT::cudart)
  endif()
  _libtorch_shared(Libtorch::c10_cuda "${LIBTORCH_LIB_DIR}/libc10_cuda.so")
  _libtorch_shared(Libtorch::torch_cuda "${LIBTORCH_LIB_DIR}/libtorch_cuda.so")
  if(NOT TARGET Libtorch::cuda)
    add_library(Libtorch::cuda INTERFACE IMPORTED GLOBAL)
    # No symbol of libtorch_cuda is used directly; without --no-as-needed the linker drops it, and
    # torch has no CUDA at run time. Its own needs (cuBLAS, cuDNN) are found when it is loaded.
    set_target_properties(Libtorch::cuda PROPERTIES
      INTERFACE_LINK_LIBRARIES "-Wl,--push-state,--no-as-needed;Libtorch::torch_cuda;-Wl,--pop-state;Libtorch::c10_cuda;CudaRT::cudart;Libtorch::cpu"
      INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")
  endif()
endif()

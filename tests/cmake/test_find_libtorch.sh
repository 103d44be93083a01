#!/usr/bin/env bash
# test_find_libtorch.sh SOURCE-FOLDER: FindLibtorch on trees laid out like the libtorch zip and like
# CPU and CUDA wheels. The files are empty: what is looked at is what CMake finds.

set -euo pipefail
source=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# make FILE...: empty files below the scratch folder
make() {
    local file
    for file; do
        mkdir -p "$scratch/$(dirname "$file")"
        : >"$scratch/$file"
    done
}
# find_libtorch NAME: configures a project that looks for $scratch/NAME/torch, prints what it found
find_libtorch() {
    local tree=$1
    env -u CUDA_HOME cmake -S "$scratch/project" -B "$scratch/build-$tree" \
        -DLIBTORCH_DIR="$scratch/$tree/torch" -DMODULES="$source/cmake" -G Ninja 2>&1
}
# expect NAME LINE...: that run prints each line
expect() {
    local out line
    out=$(find_libtorch "$1") || fail "$1: $out"
    for line in "${@:2}"; do
        grep -qF -- "$line" <<<"$out" || fail "$1: no \"$line\" in: $out"
    done
}

mkdir "$scratch/project"
cat >"$scratch/project/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(probe LANGUAGES C)
list(APPEND CMAKE_MODULE_PATH ${MODULES})
find_package(Libtorch 2.11 REQUIRED)
foreach(target Libtorch::cpu Libtorch::cuda CudaRT::cudart Nccl::nccl)
  if(TARGET ${target})
    message("has ${target}")
  else()
    message("lacks ${target}")
  endif()
endforeach()
message("version ${Libtorch_VERSION} cudart ${CUDART_LIBRARY} ${CUDART_INCLUDE_DIR} nccl ${NCCL_LIBRARY}")
EOF

cpu=(lib/libc10.so lib/libtorch_cpu.so include/ATen/ATen.h)
cuda=("${cpu[@]}" lib/libc10_cuda.so lib/libtorch_cuda.so)

make "${cpu[@]/#/zip/torch/}"
echo 2.13.0+cpu >"$scratch/zip/torch/build-version"
expect zip "has Libtorch::cpu" "lacks Libtorch::cuda" "version 2.13.0+cpu"

make "${cuda[@]/#/cu13/torch/}" cu13/nvidia/nccl/{include/nccl.h,lib/libnccl.so.2} \
    cu13/nvidia/cu13/{include/crt/host_config.h,lib/libcudart.so.13}
echo "__version__ = '2.13.0+cu130'" >"$scratch/cu13/torch/version.py"
expect cu13 "has Libtorch::cuda" "has Nccl::nccl" "version 2.13.0+cu130" \
    "cudart $scratch/cu13/nvidia/cu13/lib/libcudart.so.13" \
    "nccl $scratch/cu13/nvidia/nccl/lib/libnccl.so.2"

make "${cuda[@]/#/cu12/torch/}" cu12/nvidia/nccl/{include/nccl.h,lib/libnccl.so.2} \
    cu12/nvidia/cuda_runtime/{include/crt/host_config.h,lib/libcudart.so.12}
echo "__version__ = '2.11.0+cu126'" >"$scratch/cu12/torch/version.py"
expect cu12 "has Libtorch::cuda" "has Nccl::nccl" "version 2.11.0+cu126" \
    "cudart $scratch/cu12/nvidia/cuda_runtime/lib/libcudart.so.12" \
    "$scratch/cu12/nvidia/cuda_runtime/include"

make "${cpu[@]/#/old/torch/}"
echo "__version__ = '1.9.0'" >"$scratch/old/torch/version.py"
out=$(find_libtorch old) && fail "1.9.0 was accepted"
out=$(find_libtorch nowhere) && fail "an absent folder was accepted"
grep -qF "scripts/setup" <<<"$out" || fail "no remedy in: $out"

#!/usr/bin/env python3
"""tests/standins/make_standins.py TORCH_LIB_FOLDER OUT [SONAME=OBJECT,OBJECT...]...

Writes to OUT a stand-in for each NVIDIA library that the CUDA libtorch in TORCH_LIB_FOLDER is
linked with: the same SONAME, the same versions of symbols, and every symbol that libtorch wants.
For a SONAME given with objects, those are it. All else answers 0, which NVIDIA's libraries read as
"success", and does nothing, but that products of matrices are told to standin_trace; of a library
given with objects, what they lack ends the process with the symbol's name.
"""

import re
import subprocess
import sys
from pathlib import Path

TORCH = ("libtorch_cpu.so", "libtorch_cuda.so", "libc10_cuda.so", "libtorch_nvshmem.so",
         "libtorch_cuda_linalg.so", "libtorch_python.so")
# libraries without versions of symbols are told by how their symbols begin
PREFIX = {"libnccl.so.2": "nccl", "libcufile.so.0": "cuFile", "libcurand.so.10": "curand",
          "libcusparseLt.so.0": "cusparseLt", "libnvshmem_host.so.3": "nvshmem",
          "libcupti.so": "cupti"}
VERSION = {"libnvshmem_host.so.3": "NVSHMEM"}  # the others': their own SONAME
PRODUCT = """void (*trace)(const char *, const char *) = dlsym(RTLD_DEFAULT, "standin_trace");
if (trace)
    trace("kernel", "%s");
"""
ABORT = """
static void refuse(const char *symbol)
{
    fprintf(stderr, "stand-in %s: %s is not there\\n", symbol);
    abort();
}
"""


def lines_of(*command):
    return subprocess.check_output(command, text=True).splitlines()


def library_of(symbol, version, known):
    if version.startswith("lib"):
        return version
    prefixes = (p for p in PREFIX if symbol.startswith(PREFIX[p]))
    prefix = next(prefixes, None)
    return next((k for k in known if prefix and k.startswith(prefix)), None)


def wanted_symbols(folder):
    """{SONAME: symbols} over all of libtorch's own libraries."""
    wanted = {}
    libraries = [folder / name for name in TORCH if (folder / name).exists()]
    for library in libraries:
        for line in lines_of("readelf", "-dW", str(library)):
            found = re.search(r"NEEDED.*\[(lib(?:cu|nv|nccl)[^\]]*)\]", line)
            if found:
                wanted.setdefault(found[1], set())
    for library in libraries:
        for line in lines_of("nm", "-D", "--undefined-only", str(library)):
            found = re.match(r"\s+[Uw] (\w+)(?:@(\S+))?$", line)
            soname = found and library_of(found[1], found[2] or "", wanted)
            if soname:
                wanted.setdefault(soname, set()).add(found[1])
    return wanted


def is_product(symbol):
    return re.match(r"cublas.*([Gg]em[mv]|[Dd]ot|LtMatmul$)", symbol)


def make(soname, symbols, objects, out):
    have = {line.split()[-1] for o in objects for line in lines_of("nm", "--defined-only", o)}
    missing = sorted(symbols - have)
    source = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    if objects:
        source += ABORT.replace("%s:", soname + ":")
        source += "".join(f'void {s}(void) {{ refuse("{s}"); }}\n' for s in missing)
    else:
        source += "".join(f"long {s}(void) {{ {PRODUCT % s if is_product(s) else ''}return 0; }}\n" for s in missing)
    versions = out / f"{soname}.map"
    versions.write_text(f"{VERSION.get(soname, soname)} {{ global: *; }};\n")
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", *objects,
                    "-o", str(out / soname), f"-Wl,-soname,{soname}",
                    f"-Wl,--version-script={versions}", "-L", str(out), "-lpthread", "-lrt"],
                   input=source, text=True, check=True)
    versions.unlink()
    print(f"{soname}: {len(symbols)} symbols wanted, {len(missing)} of them do nothing")


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 64
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    given = dict(argument.split("=", 1) for argument in sys.argv[3:])
    out.mkdir(parents=True, exist_ok=True)
    wanted = wanted_symbols(folder)
    for soname in sorted(set(wanted) | set(given)):
        objects = [o for o in given.get(soname, "").split(",") if o]
        make(soname, wanted.get(soname, set()), objects, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

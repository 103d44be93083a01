# Sourced by the scripts here: messages, steps with a log, and the facts they share.
set -euo pipefail

readonly EX_USAGE=64 EX_UNAVAILABLE=69
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=scripts/versions
. scripts/versions
logs=build/logs

say() { printf '%s\n' "$*"; }
die() { # die STATUS MESSAGE...
    local status=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$status"
}

usage_of() { sed -n '2,/^$/s/^# \{0,1\}//p' "$1"; } # the comment at the top of a script

# Seconds as people read them.
duration() {
    if (($1 >= 60)); then printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); else printf '%d s' "$1"; fi
}

# The last line a log shows now: progress bars rewrite theirs with carriage returns.
last_line() {
    tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' |
        grep -v '^[[:space:]]*$' | tail -n 1 | cut -c 1-"$2" || true
}

ticker_pid=
stop_ticker() {
    [ -n "$ticker_pid" ] || return 0
    kill -KILL "$ticker_pid" 2>/dev/null || true # TERM, early on, makes bash complain
    wait "$ticker_pid" 2>/dev/null || true
    ticker_pid=
}
trap stop_ticker EXIT

# Shows how a step is getting on: one line rewritten on a terminal, a line each 30 s in a log.
ticker() { # ticker LOG TITLE PARENT
    local begin=$SECONDS columns
    while sleep 1 >/dev/null 2>&1 && kill -0 "$3" 2>/dev/null; do
        if [ -t 1 ]; then
            columns=$(tput cols 2>/dev/null || echo 80)
            printf '\r\033[K%s' "$(printf '%s  %s  %s' "$2" "$(duration $((SECONDS - begin)))" \
                "$(last_line "$1" 60)" | cut -c 1-$((columns - 1)))"
        elif (((SECONDS - begin) % 30 == 0)); then
            printf '   ... %s: %s\n' "$(duration $((SECONDS - begin)))" "$(last_line "$1" 100)"
        fi
    done
}

# run_step NAME TITLE COMMAND...: runs it with no stdin and its output in build/logs/NAME.log; says
# how long it took; on failure shows the log's end and returns the command's status. A function runs in
# a subshell that ends at its first failure (but not where run_step itself is followed by ||).
run_step() {
    local log=$logs/$1.log title=$2 begin=$SECONDS status=0
    shift 2
    mkdir -p "$logs"
    [ -t 1 ] || say "$title"
    : >"$log"
    ticker "$log" "$title" $$ &
    ticker_pid=$!
    set +e
    (
        set -e
        "$@"
    ) </dev/null >"$log" 2>&1
    status=$?
    set -e
    stop_ticker
    [ ! -t 1 ] || printf '\r\033[K'
    if ((status != 0)); then
        printf '%s: failed (status %d). The end of %s:\n' "$title" "$status" "$log" >&2
        tail -n 40 "$log" >&2
        return "$status"
    fi
    if [ -t 1 ]; then
        say "$title: $(duration $((SECONDS - begin)))"
    elif ((SECONDS - begin >= 5)); then
        say "   done in $(duration $((SECONDS - begin)))"
    fi
}

has_header() { printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$1" | c++ -E -x c++ - >/dev/null 2>&1; }

# What building takes, but for libtorch: what is not found, a line each. Of headers without a
# pkg-config file CMake alone knows where it is told to look for them.
missing_for_build() {
    local x
    for x in cc c++ cmake ninja pkg-config git mpicc mpirun; do
        command -v "$x" >/dev/null || printf '%s\n' "$x"
    done
    if [ -z "${CMAKE_PREFIX_PATH:-}${CMAKE_INCLUDE_PATH:-}" ] && command -v c++ >/dev/null; then
        has_header uninorm.h || printf 'libunistring (library with headers)\n'
        has_header stb/stb_image.h || printf 'stb (headers)\n'
        has_header toml++/toml.h || printf 'toml++ (headers)\n'
    fi
    command -v pkg-config >/dev/null || return 0
    for x in jansson libxxhash libzip zlib; do
        pkg-config --exists "$x" || printf '%s (library with headers)\n' "$x"
    done
    pkg-config --exists hdf5-serial || pkg-config --exists hdf5 || printf 'hdf5 (library with headers)\n'
}

# Ends with one message where scripts/setup has not been run, or not to its end. CMake may know of
# more places than pkg-config does: where it is told of some, it looks for libraries itself.
need_setup() {
    local missing=() x
    while read -r x; do
        [ -n "${CMAKE_PREFIX_PATH:-}" ] && [[ $x = *' ('* ]] || missing+=("$x")
    done < <(missing_for_build)
    x=$(libtorch_folder)
    [ -e "$x/lib/libtorch_cpu.so" ] || missing+=("libtorch (neither in .venv nor by scripts/setup --torch DIR)")
    ((${#missing[@]} > 0)) || return 0
    x=$(printf '%s, ' "${missing[@]}")
    die $EX_UNAVAILABLE "not found: ${x%, }. Run scripts/setup first"
}

venv_python() { [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; }

# The libtorch to build with: the one chosen with setup --torch DIR, else the one in .venv.
libtorch_folder() {
    if [ -e .torch-dir ]; then
        head -n 1 .torch-dir
    else
        printf '%s\n' .venv/lib/python3*/site-packages/torch | sed "s|^|$root/|;1q"
    fi
}

# cuda_wheels VERSION FOLDER: puts a small set of the CUDA wheels (0.75 GB) of this torch there, with the NCCL that
# torch asks for: enough to compile, link and start. Wheels that are there already stay. crt and cccl have headers
# that the runtime's headers include, but torch does not require them. "===" refuses a local CPU wheel of this version.
cuda_wheels() {
    local nccl packages=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-crt==13.0.88 nvidia-cuda-cccl==13.0.85
        nvidia-cuda-cupti==13.0.85 nvidia-cuda-nvrtc==13.0.88)
    local install=(.venv/bin/python -m pip install --progress-bar off --retries 2 --no-deps --target "$2")
    [ "$(cat "$2/.packages" 2>/dev/null)" != "torch $1 ${packages[*]}" ] || return 0
    rm -rf "$2"
    run_step cuda-wheels "Installing CUDA's wheel of torch $1 (0.5 GB)" "${install[@]}" "torch===$1" || return
    nccl=$(sed -n 's/^Requires-Dist: \(nvidia-nccl-cu13==[0-9.]*\).*/\1/p' "$2"/torch-*.dist-info/METADATA)
    [ -n "$nccl" ] || {
        say "torch $1 is not built for CUDA 13."
        return 1
    }
    run_step cuda-wheels "Installing NVIDIA's wheels that it needs to start (0.25 GB)" "${install[@]}" \
        "$nccl" "${packages[@]}" || return
    echo "torch $1 ${packages[*]}" >"$2/.packages"
}

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
# how long it took; on failure shows the log's end and returns the command's status.
run_step() {
    local log=$logs/$1.log title=$2 begin=$SECONDS status=0
    shift 2
    mkdir -p "$logs"
    [ -t 1 ] || say "$title"
    : >"$log"
    ticker "$log" "$title" $$ &
    ticker_pid=$!
    "$@" </dev/null >"$log" 2>&1 || status=$?
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

venv_python() { [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; }

# The libtorch to build with: the one chosen with setup --torch DIR, else the one in .venv.
libtorch_folder() {
    if [ -e .torch-dir ]; then
        head -n 1 .torch-dir
    else
        printf '%s\n' .venv/lib/python3*/site-packages/torch | sed "s|^|$root/|;1q"
    fi
}

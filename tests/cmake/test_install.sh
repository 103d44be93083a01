#!/usr/bin/env bash
# test_install.sh BUILD-FOLDER: installs to a scratch folder, uses what is there from elsewhere, and removes it.

set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/log" || fail "$(cat "$scratch/log")"
cd "$scratch"
bifrons=prefix/bin/bifrons

[[ $("$bifrons" --version) == "bifrons "[0-9]* ]] || fail "--version says $("$bifrons" --version)"
commands=$("$bifrons" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')
for command in $commands; do
    "$bifrons" "$command" --help >help || fail "$command --help ends with status $?"
    grep -q '^Usage: ' help || fail "$command --help shows no usage"
    "$bifrons" "$command" -h | cmp -s - help || fail "$command -h is not $command --help"
done
[ -s help ] || fail "--help names no command"
for file in libexec/bifrons/bifrons-engine share/bash-completion/completions/bifrons \
    share/bifrons/configs share/doc/bifrons/NOTICE; do
    [ -e "prefix/$file" ] || fail "$file is not installed"
done

if [ -e "$build/bifrons-video" ] && [ ! -x prefix/libexec/bifrons/bifrons-video ]; then
    fail "bifrons-video is not installed beside the engine, where it is looked for"
fi

# shellcheck disable=SC1091
(
    . prefix/share/bash-completion/completions/bifrons
    COMP_WORDS=("$bifrons" tr) COMP_CWORD=1
    _bifrons
    [ "${COMPREPLY[*]}" = train ] || fail "tr<TAB> gives \"${COMPREPLY[*]}\""
    COMP_WORDS=("$bifrons" pack --str) COMP_CWORD=2
    _bifrons
    [ "${COMPREPLY[*]}" = --strict ] || fail "pack --str<TAB> gives \"${COMPREPLY[*]}\""
    for command in $commands; do
        COMP_WORDS=("$bifrons" "$command" --he) COMP_CWORD=2
        _bifrons
        [ "${COMPREPLY[*]}" = --help ] || fail "$command --he<TAB> gives \"${COMPREPLY[*]}\""
    done
)

"$bifrons" train configs/recipe.toml 2>said && fail "train reads a file that is not there"
grep -q "comes with bifrons: $scratch/prefix/share/bifrons/configs/recipe.toml\$" said ||
    fail "train does not say where the configurations are: $(cat said)"
"$bifrons" plan "$scratch/prefix/share/bifrons/configs/debug.toml" --cluster gpu8x80.toml 2>said &&
    fail "plan reads a cluster that is not there"
grep -q "comes with bifrons: $scratch/prefix/share/bifrons/configs/clusters/gpu8x80.toml\$" said ||
    fail "plan does not say where the clusters are: $(cat said)"
if "$bifrons" synth drawn --count 1 --size 64 2>said; then
    "$bifrons" pack drawn/person_a -o a.h5 2>said || fail "pack: $(cat said)"
    grep -q "next: .*bifrons train $scratch/prefix/share/bifrons/configs/recipe.toml --set data.a=a.h5" said ||
        fail "pack names another configuration: $(cat said)"
    mkdir configs && touch configs/recipe.toml
    "$bifrons" pack drawn/person_a -o a.h5 2>said || fail "pack: $(cat said)"
    grep -q "next: .*bifrons train configs/recipe.toml" said || fail "pack names another configuration: $(cat said)"
fi
"$bifrons" train configs/other.toml 2>said && fail "train reads a file that is not there"
grep -q "other.toml: No such file or directory\$" said || fail "train says: $(cat said)"

if command -v help2man >/dev/null; then
    "$source/packaging/make-man" "$scratch/$bifrons" man 2>log || fail "$(cat log)"
    for page in bifrons $(printf 'bifrons-%s ' $commands); do
        headings="NAME SYNOPSIS DESCRIPTION OPTIONS \"EXIT STATUS\" EXAMPLES \"SEE ALSO\""
        [ $page != bifrons ] ||
            headings="NAME SYNOPSIS DESCRIPTION COMMANDS \"EXIT STATUS\" ENVIRONMENT \"SEE ALSO\""
        has=$(sed -n 's/^\.SH //p' "man/$page.1" | grep -v "^\"CONFIGURATION\|^FILES" | paste -sd " ")
        [ "$has" = "$headings" ] || fail "the manual page $page.1 has $has"
        grep -qx 64 "man/$page.1" || fail "the manual page $page.1 does not list exit status 64"
        if command -v man >/dev/null; then
            LC_ALL=C.UTF-8 man --warnings -l "man/$page.1" >/dev/null 2>said || fail "man ends with status $?"
            [ ! -s said ] || fail "man says of $page.1: $(cat said)"
        fi
    done
    grep -q '^\.SH FILES' man/bifrons.1 && grep -q '^\.SH FILES' man/bifrons-train.1 || fail "no FILES"
    grep -qx "seed = 1" man/bifrons-train.1 || fail "bifrons-train.1 does not list the keys"
fi

# Into folders of others, twice: a later version no longer has a file that an earlier one put there.
mkdir -p others/bin others/share/man/man1
touch others/bin/tool "others/share/man/man1/tool.1"
find others | sort >before
for version in earlier later; do
    cmake --install "$build" --prefix "$scratch/others" >"$scratch/log" || fail "$(cat "$scratch/log")"
    if [ $version = earlier ]; then
        touch others/share/bifrons/configs/dropped.toml
        echo share/bifrons/configs/dropped.toml >>others/libexec/bifrons/installed.txt
    fi
done
others/libexec/bifrons/uninstall >said || fail "uninstall ends with status $?"
[ ! -s said ] || fail "uninstall says: $(cat said)"
find others | sort | diff before - || fail "uninstall leaves or takes this"

# What a user put among our files stays, and is named.
touch "$scratch/prefix/share/bifrons/configs/my own.toml"
prefix/libexec/bifrons/uninstall >said || fail "uninstall ends with status $?"
[ "$(cat said)" = "left, because cmake --install did not put it there: $scratch/prefix/share/bifrons/configs/my own.toml" ] ||
    fail "uninstall says: $(cat said)"
[ "$(find prefix -type f)" = "prefix/share/bifrons/configs/my own.toml" ] || fail "left: $(find prefix -type f)"
rm -r prefix

# A prefix of its own is gone afterwards, whatever it was called, and wherever it was moved to.
DESTDIR=$scratch/stage cmake --install "$build" --prefix /a/prefix >"$scratch/log" || fail "$(cat "$scratch/log")"
mv stage/a/prefix "moved here"
"moved here/libexec/bifrons/uninstall" --force >said && fail "uninstall takes --force"
"moved here/libexec/bifrons/uninstall" >said || fail "uninstall ends with status $?"
[ ! -e "moved here" ] || fail "left: $(find "moved here")"

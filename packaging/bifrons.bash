# bash completion for bifrons: commands, their options as --help tells them, files.

_bifrons() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} program=${COMP_WORDS[0]} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$word")
    elif [[ $word == -* && $word != *=* ]]; then
        words=$("$program" "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --direction ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'a2b b2a' -- "$word")
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --coverage ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'face head' -- "$word")
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --resume ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'auto none' -f -- "$word")
    fi
}
complete -o default -o bashdefault -F _bifrons bifrons

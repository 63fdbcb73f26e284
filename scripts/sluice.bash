# SPDX-License-Identifier: Apache-2.0
# Completion of sluice in bash: commands and options are those that its help shows, sandboxes and providers those that there are.

# The groups, or the verbs of one.
_sluice_commands() {
    sluice -h | awk -v group="$1" '/^global:/ { exit }
        /^  [a-z]/ { verb = substr($0, 12, 13); sub(/ .*/, "", verb); if (group == "") print $1; else if ($1 == group) print verb }' | sort -u
}

_sluice() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} group= verb= word words value
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [ "$word" != -- ] || return 0
        if [ -z "$group" ]; then
            ! grep -qxF -e "$word" <(_sluice_commands) || group=$word
        elif [ -z "$verb" ]; then
            ! grep -qxF -e "$word" <(_sluice_commands "$group") || verb=$word
        fi
    done
    # What follows an option is one of the words that its help lists, else a file or something that nobody can know.
    value=$(sluice $group $verb -h | sed -nE "s/^ +(-[a-z], )?$before ([^ ]+).*/\2/p; s/^ +$before, --[a-z-]+ ([^ ]+).*/\1/p")
    case $value,$current in
    *"|"*,*) words=${value//|/ } ;;
    [^,]*,*) return 0 ;;
    *,-*) words=$(sluice $group $verb -h | grep -oE '^  (-[a-z],|   ) --[a-z-]+' | grep -oE -- '--[a-z-]+') ;;
    *)
        case $(sluice $group $verb -h | sed -n 1p) in
        *PRESET*) words=$(sluice preset list | awk 'NR > 1 { print $1 }') ;;
        "usage: sluice gateway "*NAME*) words=$(sluice gateway list | awk 'NR > 1 { print $1 }') ;;
        *NAME*) words=$(sluice -q sandbox list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
        *PROVIDER*) words=$(sluice -q provider list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
        *) [ -n "$verb" ] || words=$(_sluice_commands "$group") ;;
        esac
        ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -o default -F _sluice sluice

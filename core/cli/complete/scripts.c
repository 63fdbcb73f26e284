/* SPDX-License-Identifier: Apache-2.0 */
/* sluice completion: what a shell needs to ask `sluice __complete`. */
#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "cli/cli.h"

static const char bash[] =
    "# Completion of sluice in bash.\n"
    "_sluice() {\n"
    "    local line\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :files) compopt -o default 2>/dev/null ;;\n"
    "        :dirs) compopt -o dirnames 2>/dev/null ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(sluice __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    case ${COMPREPLY[*]} in *=) compopt -o nospace 2>/dev/null ;; esac\n"
    "}\n"
    "complete -F _sluice sluice\n";

static const char zsh[] =
    "#compdef sluice\n"
    "# Completion of sluice in zsh.\n"
    "_sluice() {\n"
    "    local line word lead=\n"
    "    local -a found\n"
    "    [[ ${words[CURRENT]} != --*=* ]] || lead=${words[CURRENT]%%=*}=\n"
    "    for line in ${(f)\"$(sluice __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"}; do\n"
    "        case $line in\n"
    "        :files) [[ -z $lead ]] || compset -P '*='; _files; return ;;\n"
    "        :dirs) [[ -z $lead ]] || compset -P '*='; _files -/; return ;;\n"
    "        esac\n"
    "        word=$lead${line%%$'\\t'*}\n"
    "        [[ $line != *$'\\t'* ]] || found+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        [[ $line == *$'\\t'* ]] || found+=(\"${word//:/\\\\:}\")\n"
    "    done\n"
    "    _describe sluice found\n"
    "}\n"
    "if [[ ${funcstack[1]} == _sluice ]]; then\n"
    "    _sluice \"$@\"\n"
    "else\n"
    "    compdef _sluice sluice\n"
    "fi\n";

static const char fish[] =
    "# Completion of sluice in fish.\n"
    "function __sluice_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    set -l current (commandline -ct)\n"
    "    set -l lead (string match -r -- '^--[^=]*=' \"$current\")\n"
    "    for line in (sluice __complete $words \"$current\" 2>/dev/null)\n"
    "        switch $line\n"
    "            case :files\n"
    "                __fish_complete_path (string replace -- \"$lead\" '' \"$current\")\n"
    "            case :dirs\n"
    "                __fish_complete_directories (string replace -- \"$lead\" '' \"$current\")\n"
    "            case '*'\n"
    "                echo -- \"$lead$line\"\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c sluice -f -a '(__sluice_complete)'\n";

int cmd_completion(struct cli *cli)
{
    static const struct {
        const char *shell, *script;
    } all[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    const char *shell = cli->n_operands ? cli->operands[0] : "";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(shell, all[i].shell) == 0) {
            terminal_lines(stdout, "", all[i].script);
            return EXIT_DONE;
        }
    return usage_error(cli, "of which shell? bash, zsh or fish%s%s%s", *shell ? ", not '" : "",
                       shell, *shell ? "'" : "");
}

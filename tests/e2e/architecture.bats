#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The law of core/README.md where a program can check it: on the sources and on the built objects.
# Each check names what breaks it, and is tried on a tree that does.

bats_require_minimum_version 1.5.0

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    build=${SLUICE_BUILD:-$top/build-test}
    data=$top/tests/fixtures/architecture
    bad=$BATS_TEST_TMPDIR/bad
    mkdir -p "$bad/core/base" "$bad/core/api" "$bad/core/doc" "$bad/core/http" "$bad/plugins/x" "$bad/include/sluice"
}

# ---- the checks: each prints what is wrong in the tree $1, one a line, and nothing when all is well ----

# FILE: INCLUDED for every include "folder/…" of core/ from the same line of layers.txt or a later one.
wrong_layers() {
    (cd "$1" && grep -rnE --include='*.[ch]' '^ *# *include +"' core) |
        awk -v list="$data/layers.txt" '
            BEGIN { while ((getline line < list) > 0) if (line !~ /^#/) { n = split(line, names, " "); level++; for (i = 1; i <= n; i++) rank[names[i]] = level } }
            {
                split($0, part, ":"); file = part[1]; split(file, path, "/"); from = path[2]
                match($0, /"[^"]*"/); name = substr($0, RSTART + 1, RLENGTH - 2); split(name, target, "/"); to = target[1]
                if (!(from in rank)) print file ": folder " from " is in no layer"
                else if (index(name, "/") == 0) next           # beside it
                else if (to != from && !(to in rank)) print file ": " name " is of no layer"
                else if (to != from && rank[to] >= rank[from]) print file ": " name " is no lower layer"
            }'
}

# FOLDER: FILES of each cycle of includes within a folder of core/; a source file and its header are one.
include_cycles() { # include_cycles TREE FOLDER…
    local tree=$1 folder
    shift
    for folder; do
        python3 "$data/cycles.py" "$tree" "$folder" | sed "s,^,$folder: ,"
    done
}

# What is wrong with the lists of cycles.txt: a folder of "none" that has a cycle, a folder of "some" that has none.
wrong_cycles() {   # wrong_cycles TREE LIST
    local list folder
    while read -r list folder; do
        case $list in
            none) include_cycles "$1" "$folder" ;;
            some) [ -n "$(include_cycles "$1" "$folder")" ] || echo "$folder: has no cycle any more: it belongs to none" ;;
        esac
    done < <(grep -v '^#' "$2")
    (cd "$1/core" && ls -d */) | tr -d / | while read -r folder; do
        grep -qE "^(none|some) $folder$" "$2" || echo "$folder: is in no list"
    done
}

# Includes of http/ where the protocol of a client is none of a folder's business.
wrong_protocol() { # wrong_protocol TREE FOLDER…
    (cd "$1" && shift && grep -rnE --include='*.[ch]' '^ *# *include +["<]http/' "$@" || true)
}

# FILE: INCLUDED for every header of parts that a file of another folder includes.
wrong_parts() {
    (cd "$1" && grep -rnE --include='*.[ch]' '^ *# *include +"[^"]*[/_]parts\.h"' core tests 2>/dev/null || true) |
        awk '{
            split($0, part, ":"); file = part[1]; folder = file; sub(/^core\//, "", folder); sub(/\/[^\/]*$/, "", folder)
            match($0, /"[^"]*"/); name = substr($0, RSTART + 1, RLENGTH - 2); own = name; sub(/\/[^\/]*$/, "", own)
            if (own != folder) print file ": " name
        }'
}

# What plugins and public headers include: <sluice/…> and the C library, nothing of core/.
wrong_public_includes() {
    (cd "$1" && { grep -rnE --include='*.[ch]' '^ *# *include +"' plugins include || true; } | grep -vE '"[a-z_]+\.h"' || true)
    (cd "$1" && grep -rnE --include='*.h' '^ *# *include +<' include | grep -vE '<(sluice/[a-z_]+|std[a-z]+|string|inttypes)\.h>' || true)
}

# Mutable variables with static storage of the objects given, by the section they are in: what is
# constant is in .rodata or, where it holds addresses, in .data.rel.ro.
mutable_variables() {
    readelf -sSW "$@" 2>/dev/null | awk '
        /^File: / { file = $2; delete section }
        /^ *\[ *[0-9]+\]/ { gsub(/[][]/, " "); section[$1] = $2 }
        $1 ~ /^[0-9]+:$/ && ($4 == "OBJECT" || $4 == "TLS" || $7 == "COM") {
            where = $7 == "COM" ? "COMMON" : section[$7]
            if (where ~ /^(\.data|\.bss|\.tdata|\.tbss|COMMON)/ && where !~ /^\.data\.rel\.ro/ && $8 !~ /^(__odr_asan|__asan|__ubsan|__gcov|__prof|__emutls)/)
                print file ": " $8 " in " where
        }'
}

# Calls of a function outside the folders given: the rest of the arguments is a pattern of them.
wrong_callers() {  # wrong_callers TREE FUNCTION FOLDERS
    (cd "$1" && grep -rnE --include='*.[ch]' "\\b$2\\b" core plugins | grep -vE "^core/($3)/" || true)
}

# Output that does not go through core/base/terminal.c, by the folders and files given: a text from
# elsewhere would reach the terminal raw.  Of the kind are all calls of stdio and write() that print.
raw_output() {     # raw_output TREE PATH…
    (cd "$1" && shift && grep -rnE --include='*.c' '\b(v?f?printf|v?dprintf|f?puts|putc|fputc|putchar|fwrite|perror|psignal|json_dumpf|json_dumpfd|json_dump_file)(_unlocked)?\(|\b(write|writev|send)\((1|2|STDOUT_FILENO|STDERR_FILENO)\b' "$@" || true)
}

# What names a kind of database, its files or the scheme of its URLs outside core/store/.
wrong_database_names() {
    (cd "$1" && grep -rniE --include='*.[ch]' 'sqlite|postgres:|[".]wal\b|-wal\b|-shm\b|-journal\b' core include plugins | grep -v '^core/store/' || true)
}

# Threads and loops over write(2) that are made by hand: core/base has them.
handmade() {
    (cd "$1" && grep -rnE --include='*.[ch]' '\b(pthread_create|uv_thread_create|thrd_create)\(|= write\(' core plugins |
        grep -vE '^core/(base/(thread|io)\.c|sandbox/(init|attach)/)' || true)
}

# Handles of libuv whose making can fail, and where nobody looks whether it did: net/handle.h does.
unlooked_handles() {
    (cd "$1" && grep -rnE --include='*.c' '^ +(\(void\) ?)?uv_(loop|async|signal|poll)_init\(' core plugins || true)
}

# Calls of abort(): base/die.h says first why.
nameless_ends() {
    (cd "$1" && grep -rnE --include='*.[ch]' '^[^*]*\babort\(\);' core plugins | grep -v '^core/base/die\.c:' || true)
}

source_files() {
    (cd "$1" && find core plugins include scripts tests CMakeLists.txt -type f \( -name '*.c' -o -name '*.h' -o -name '*.lua' -o -name '*.bats' \
        -o -name '*.bash' -o -name '*.cmake' -o -name CMakeLists.txt -o -path 'scripts/*' ! -name '*.*' \) 2>/dev/null)
}

without_licence() {
    comm -23 <(source_files "$1" | sort) \
        <(cd "$1" && source_files . | xargs -rd '\n' grep -m 1 -nHF 'SPDX-License-Identifier: Apache-2.0' | sed -nE 's/:[12]:.*//p' | sort)
}

# Notes to be done later, and paths of somebody's machine.  This file names them.
unwanted_words() {
    { source_files "$1"; (cd "$1" && find . -name '*.md' -not -path './build*' -not -path './.*'); } | grep -v '^tests/e2e/architecture.bats$' | (cd "$1" && xargs -r grep -nHE '\b(TODO|FIXME|HACK)\b|(^|[^A-Za-z0-9_}*./-])/(work|workspace|root|Users)/' || true)
}

# Bash does not end a function at a command behind "!" that succeeds: such a line asserts nothing.
inert_assertions() {
    (cd "$1" && grep -rnE --include='*.bats' '^ *! ' tests || true)
}

longer_than() {    # longer_than TREE LINES: sources of core/ and plugins/
    (cd "$1" && find core plugins -name '*.[ch]' -exec wc -l {} + | awk -v most="$2" '$2 != "total" && $1 > most { print $2 ": " $1 " lines" }')
}

# FILE<tab>TEST of each row of the table of attacks; a file of tests of which none is named has the TEST "".
attack_tests() {
    awk -F'|' '/^\|/ && $2 !~ /^ (attack|---) / {
        n = split($3, span, "`")
        file = n < 3 ? "row:" $2 : ""; named = n >= 3
        for (i = 2; i <= n; i += 2) {
            if (span[i] !~ /^[a-z0-9]+\/.*\.[a-z]+$/) { print file "\t" span[i]; named = 1; continue }
            if (!named) print file "\t"
            file = span[i]; named = file ~ /\.lua$/
            print file "\t."
        }
        if (!named) print file "\t"
    }' "$1/tests/security/README.md"
}

# FILE, a tab, and the name of each test that is in it; a test of cmocka is one that is in its program's list.
tests_that_are_there() {
    cd "$1/tests"
    find * -type f -printf '%p\t.\n'
    grep -rHoE --include='*.c' '(^|[ {])(cmocka_unit_test[a-z_]*|[A-Z][A-Z_]*)\([A-Za-z_0-9]+[,)]' -- * | sed -E 's/:[^(]*\(/\t/; s/[,)]$//'
    grep -rHE --include='*.bats' '^@test "the picture of the layers is that of the table, and the table that of the law" {
    run -0 "$top/scripts/picture" --check
    for folder in $(grep -v '^#' "$data/layers.txt"); do
        grep -q ">$folder</text>" "$top/core/layers.svg" || { echo "not in the picture: $folder"; return 1; }
    done
}

@test ".*" \{$' -- * | sed -E 's/:@test "/\t/; s/" \{$//'
    grep -rHE --include='*.txt' '^(case:|===|=e=) ' -- * | sed -E 's/:(case:|===|=e=) /\t/'
}

# What the table of attacks names and is not there.
missing_attack_tests() {
    comm -23 <(attack_tests "$1" | sort -u) <(tests_that_are_there "$1" | sort -u) |
        sed -E 's/^([^\t]*)\t(.*)$/tests\/security\/README.md: \1: \2/; s/: $/: no test is named/'
}

# ---- on the tree ----

none() {           # none CHECK…: it prints nothing
    run -0 "$@"
    [ -z "$output" ] || { echo "$output" >&2; return 1; }
}

@test "a folder of core/ includes only from lower layers" {
    none wrong_layers "$top"
}

@test "no cycle of files inside a folder, but for those that are known" {
    none wrong_cycles "$top" "$data/cycles.txt"
    for folder in net http egress runtime gateway policy; do grep -qx "none $folder" "$data/cycles.txt"; done
}

@test "a header of parts is for the files of its folder alone" {
    none wrong_parts "$top"
}

@test "the runtime takes no HTTP request and gives no HTTP answer" {
    none wrong_protocol "$top" core/runtime core/update core/drafts
}

@test "plugins and public headers need nothing of core/" {
    none wrong_public_includes "$top"
}

@test "no mutable file-scope state in core/ and plugins/" {
    objects=$(find "$build" -name '*.o' \( -path '*.dir/core/*' -o -path "$build/core/*" -o -path "$build/plugins/*" \))
    [ "$(wc -l <<<"$objects")" -gt 150 ]
    run -0 mutable_variables $objects
    while read -r file variable _; do
        [ -n "$file" ] || continue
        source=${file%.o:}
        [[ "$source" != */core/* ]] || source=core/${source##*/core/}
        [[ "$source" != core/* || -e $top/$source ]] || continue     # of a source that is gone
        grep -q "^$source ${variable%%.*}:" "$data/thread_local.txt" || { echo "$source: $variable" >&2; return 1; }
    done <<<"$output"
}

@test "only core/update commits a revision" {
    none wrong_callers "$top" store_tx_revision_commit 'update|store'
}

@test "only core/store knows which database a store is" {
    none wrong_database_names "$top"
    # Within it, only the backend's own folder and the list of backends.
    none eval "cd '$top' && grep -rliE 'sqlite' core/store --include='*.[ch]' | grep -vE '^core/store/(sqlite/.*|(store|url|audit)\.c|(url|backend)\.h)$' || true"
    # The tests that hold for every backend name none.
    [ "$(ls "$top"/tests/unit/store/contract/test_*.c | wc -l)" -ge 7 ]
    none eval "cd '$top' && grep -rniE 'sqlite|postgres|\.db\b|-wal\b|SELECT |UPDATE [a-z]+ SET' tests/unit/store/contract || true"
}

@test "sources have the layout of scripts/format, in the folders that were brought into it" {
    folders=$(grep -v '^#' "$data/formatted.txt")
    [ "$folders" = "$(printf 'core\ninclude\nplugins\ntests')" ]
    none "$top/scripts/format" --check $folders
}

@test "a process ends itself in core/base alone, where it says why" {
    none nameless_ends "$top"
}

@test "a handle of libuv is not used where it could not be made" {
    none unlooked_handles "$top"
}

@test "threads and whole writes are made in core/base" {
    none handmade "$top"
}

@test "what the programs print goes one way, which makes it printable" {
    # The exceptions: files of ours, what sftp is told to copy, a report that escapes as XML does.
    none eval "raw_output '$top' core/cli core/testkit core/gateway | grep -vE '^core/(cli/new_file.c:[0-9]+: +bool ok = file && fwrite\(bytes, |cli/sandbox/current_sandbox.c:[0-9]+: +fprintf\(file, |cli/sandbox/transfer.c:[0-9]+: +if \(input < 0 \|\| dprintf\(input, |testkit/report_(junit|html).c:[0-9]+: +fwrite\(out(\.|->)data)' || true"
    # Only exec hands on bytes as they are: they are the command's own.
    [ "$(cd "$top" && grep -rlE '\b(io_write_all|write)\(' core/cli)" = core/cli/sandbox/exec.c ]
}

@test "every source file names its licence" {
    [ "$(source_files "$top" | wc -l)" -gt 300 ]
    none without_licence "$top"
}

@test "no notes for later, no paths of a machine" {
    none unwanted_words "$top"
}

@test "no assertion that cannot fail" {
    none inert_assertions "$top"
}

@test "no file that nobody can hold" {
    none longer_than "$top" 650
}

@test "the tests that the table of attacks names are there" {
    [ "$(attack_tests "$top" | grep -vc '	\.$')" -gt 80 ]
    none missing_attack_tests "$top"
}

# ---- the checks see what they are for ----

some() {           # some PATTERN CHECK…: it prints this and nothing else
    local pattern=$1
    shift
    run -0 "$@"
    [ "${#lines[@]}" -eq 1 ] || { echo "$output" >&2; return 1; }
    [[ "$output" == $pattern ]] || { echo "$output" >&2; return 1; }
}

@test "a higher layer is seen" {
    echo '#include "api/api.h"' >"$bad/core/base/log.c"
    echo '#include "base/log.h"' >"$bad/core/api/call.c"
    some 'core/base/log.c: api/api.h is no lower layer' wrong_layers "$bad"
}

@test "a cycle of files is seen, through headers and through sources" {
    mkdir -p "$bad/core/net"
    printf '#include "net/b.h"\n' >"$bad/core/net/a.h"
    printf '#include "net/c.h"\n' >"$bad/core/net/b.h"
    touch "$bad/core/net/c.h"
    none include_cycles "$bad" net
    printf '#include "net/c.h"\n#include "net/a.h"\n' >"$bad/core/net/c.c"
    some 'net: net/a net/b net/c' include_cycles "$bad" net
    rmdir "$bad"/core/{base,api,doc,http}
    echo 'none net' >"$bad/list"
    some 'net: net/a net/b net/c' wrong_cycles "$bad" "$bad/list"
    echo 'some net' >"$bad/list"
    none wrong_cycles "$bad" "$bad/list"
    rm "$bad/core/net/c.c"
    some 'net: has no cycle any more: it belongs to none' wrong_cycles "$bad" "$bad/list"
    mkdir "$bad/core/extra"
    echo 'none net' >"$bad/list"
    some 'extra: is in no list' wrong_cycles "$bad" "$bad/list"
}

@test "HTTP in the runtime is seen" {
    mkdir -p "$bad/core/runtime"
    printf '#include "net/stream.h"\n' >"$bad/core/runtime/a.c"
    none wrong_protocol "$bad" core/runtime
    printf '#include "http/request.h"\n' >>"$bad/core/runtime/a.c"
    some 'core/runtime/a.c:2:*' wrong_protocol "$bad" core/runtime
}

@test "an assertion that cannot fail is seen" {
    mkdir -p "$bad/tests"
    printf '    run ! true\n    ! grep -q x file\n' >"$bad/tests/x.bats"
    some 'tests/x.bats:2:*' inert_assertions "$bad"
}

@test "a layer beside is seen" {
    printf '#include "doc/tree.h"\n' >"$bad/core/http/server.c"
    some 'core/http/server.c: doc/tree.h is no lower layer' wrong_layers "$bad"
}

@test "a folder without a layer is seen" {
    mkdir -p "$bad/core/misc"
    echo '#include "base/log.h"' >"$bad/core/misc/a.c"
    some 'core/misc/a.c: folder misc is in no layer' wrong_layers "$bad"
    echo '#include "misc/a.h"' >"$bad/core/misc/a.c"
    mv "$bad/core/misc/a.c" "$bad/core/api/a.c"
    some 'core/api/a.c: misc/a.h is of no layer' wrong_layers "$bad"
}

@test "a header of parts in another folder is seen" {
    echo '#include "doc/schema_parts.h"' >"$bad/core/doc/a.c"
    [ -z "$(wrong_parts "$bad")" ]
    cp "$bad/core/doc/a.c" "$bad/core/api/a.c"
    some 'core/api/a.c: doc/schema_parts.h' wrong_parts "$bad"
}

@test "a plugin that includes the core is seen" {
    echo '#include "base/log.h"' >"$bad/plugins/x/x.c"
    some '*"base/log.h"' wrong_public_includes "$bad"
    rm "$bad/plugins/x/x.c"
    echo '#include <uv.h>' >"$bad/include/sluice/x.h"
    some '*<uv.h>' wrong_public_includes "$bad"
}

@test "each kind of mutable state is seen, and constants are not" {
    cat >"$bad/state.c" <<'C'
int global_zero, global_one = 1;
static int file_zero, file_one = 1;
static _Thread_local int thread_zero;
static const int constant = 1;
static const char *const texts[] = {"a", "b"};
static const char *pointer = "a";
const char *const *use(int i) { static int counter; counter += i; file_zero = file_one + constant + thread_zero; thread_zero = counter; pointer++; return texts + file_zero + *pointer; }
C
    cc -c -fPIC -fno-common -o "$bad/state.o" "$bad/state.c"
    run -0 mutable_variables "$bad/state.o" "$bad/state.o"
    [ "$(sed -n 's/.*: \([a-z_]*\)[.0-9]* in .*/\1/p' <<<"$output" | sort -u | tr '\n' ' ')" = "counter file_one file_zero global_one global_zero pointer thread_zero " ]
}

@test "a second committer is seen" {
    echo 'int f(void) { return store_tx_revision_commit(tx, r, 1, err); }' >"$bad/core/api/a.c"
    some 'core/api/a.c:1:*' wrong_callers "$bad" store_tx_revision_commit 'update|store'
}

@test "a name of a database outside the store is seen" {
    for line in 'f("sqlite:%s")' '#include <sqlite3.h>' 'char *p = alloc_printf("%s-wal", path);'; do
        printf '%s\n' "$line" >"$bad/core/api/a.c"
        some 'core/api/a.c:1:*' wrong_database_names "$bad"
    done
}

@test "a line that is too wide, a tab and includes out of order are seen, and put right" {
    mkdir "$bad/scripts"
    cp "$top/scripts/format" "$bad/scripts"
    check() { "$bad/scripts/format" --check core || true; }
    printf '#include "api/a.h"\n\n#include <stdio.h>\n\n#include "base/log.h"\n\nint x;\n' >"$bad/core/api/a.c"
    none check
    printf '#include "api/a.h"\n\n#include "base/log.h"\n\n#include <stdio.h>\n' >"$bad/core/api/a.c"
    some "core/api/a.c: includes: *" check
    "$bad/scripts/format" core
    [ "$(cat "$bad/core/api/a.c")" = $'#include "api/a.h"\n\n#include <stdio.h>\n\n#include "base/log.h"' ]
    printf '\tint x;\n' >"$bad/core/api/a.c"
    some 'core/api/a.c:1: a tab, or a blank at the end' check
    printf 'int %0100d;\n' 0 >"$bad/core/api/a.c"
    some 'core/api/a.c:1: 105 columns, at most 100' check
    # A wide line alone is laid out anew.
    cp "$top/.clang-format" "$bad"
    printf 'int  odd ;\nvoid f(int the_first_of_the_arguments, int the_second_of_the_arguments, int the_third_of_the_arguments);\n' >"$bad/core/api/a.c"
    "$bad/scripts/format" core
    [ "$(wc -l <"$bad/core/api/a.c")" -eq 3 ]
    [ "$(head -1 "$bad/core/api/a.c")" = 'int  odd ;' ]
}

@test "a thread and a loop of writes made by hand are seen" {
    for line in '    pthread_create(&id, NULL, run, NULL);' '        ssize_t n = write(fd, text, len);'; do
        printf '%s\n' "$line" >"$bad/core/api/a.c"
        some 'core/api/a.c:1:*' handmade "$bad"
    done
}

@test "an end without a name is seen" {
    echo '        abort();' >"$bad/core/api/a.c"
    some 'core/api/a.c:1:*' nameless_ends "$bad"
    echo '/* abort() and raise() */' >"$bad/core/api/a.c"
    none nameless_ends "$bad"
}

@test "a handle that nobody looks at is seen" {
    echo '    uv_async_init(loop, &wake, on_wake);' >"$bad/core/api/a.c"
    some 'core/api/a.c:1:*' unlooked_handles "$bad"
    echo '    if (uv_poll_init(loop, &poll, fd) != 0)' >"$bad/core/api/a.c"
    none unlooked_handles "$bad"
}

@test "output past the one way is seen" {
    mkdir -p "$bad/core/cli"
    for call in 'printf("%s", text)' 'fprintf(stderr, "%s", text)' 'fputs(text, stdout)' 'puts(text)' 'fwrite(text, 1, 1, stdout)' 'json_dumpf(json, stdout, 0)' 'perror(text)' 'write(STDOUT_FILENO, text, 1)' 'putchar(c)'; do
        printf 'void f(void) { %s; }\n' "$call" >"$bad/core/cli/a.c"
        some 'core/cli/a.c:1:*' raw_output "$bad" core/cli
    done
    echo 'void f(void) { snprintf(text, 1, "x"); buf_printf(&out, "x"); terminal_print(stdout, "%s", text); }' >"$bad/core/cli/a.c"
    none raw_output "$bad" core/cli
}

@test "a missing licence is seen" {
    echo 'int x;' >"$bad/core/api/a.c"
    printf '/* SPDX-License-Identifier: Apache-2.0 */\nint y;\n' >"$bad/core/api/b.c"
    some 'core/api/a.c' without_licence "$bad"
}

@test "a note for later and a path of a machine are seen" {
    echo '/* TODO: more */' >"$bad/core/api/a.c"
    some 'core/api/a.c:1:*' unwanted_words "$bad"
    echo 'static const char path[] = "/work/main/x";' >"$bad/core/api/a.c"
    some 'core/api/a.c:1:*' unwanted_words "$bad"
    echo 'static const char path[] = "/home/sandbox/work/x";' >"$bad/core/api/a.c"
    echo 'static const char glob[] = "sandboxes/*/work/x";' >>"$bad/core/api/a.c"
    none unwanted_words "$bad"
}

@test "a long file is seen" {
    seq 651 >"$bad/core/api/a.c"
    some 'core/api/a.c: 651 lines' longer_than "$bad" 650
}

@test "a test that the table of attacks names, and that is gone, is seen" {
    mkdir -p "$bad/tests/unit" "$bad/tests/security/lua"
    printf '@test "a b" {\n}\n' >"$bad/tests/security/x.bats"
    printf '        cmocka_unit_test(here),\n' >"$bad/tests/unit/x.c"
    table() { printf '| attack | tried in | not covered |\n| --- | --- | --- |\n| one | %s | |\n' "$1" >"$bad/tests/security/README.md"; }
    table '`security/x.bats` `a b`; `unit/x.c` `here`'
    none missing_attack_tests "$bad"
    for row in '`security/x.bats` `a`' '`unit/x.c` `here` `he`' '`unit/x.c`' '`unit/y.c`' '`unit/x.c`; `security/x.bats` `a b`' '`security/lua/x.lua`' ''; do
        table "$row"
        run -0 missing_attack_tests "$bad"
        [[ "$output" == "tests/security/README.md: "* ]] || { echo "not seen: $row" >&2; return 1; }
    done
}

@test "each fuzz target names files that exist, and has a corpus; scripts/fuzz refuses another name" {
    local target file
    [ "$(sed '/^#/d; s/ .*//' "$top/tests/fuzz/files.txt")" = "$(cd "$top/tests/fuzz" && ls *.c | grep -vx replay_main.c | sed 's/\.c$//')" ]
    while read -r target files; do
        [ -n "$(ls -A "$top/tests/fuzz/corpus/$target")" ]
        for file in $files; do [ -f "$top/core/${file%%-*}" ] || { echo "$target: no $file"; return 1; }; done
    done < <(sed '/^#/d' "$top/tests/fuzz/files.txt")
    run -2 "$top/scripts/fuzz" nothing
    [[ "$output" == "nothing: no such target; tests/fuzz has: "*" yaml" ]]
    run -2 "$top/scripts/fuzz" all --for soon
    [[ "$output" == "fuzz all|NAME... [--for 24h|12m|90s] "* ]]
    run -2 "$top/scripts/coverage" --all
    [[ "$output" == "coverage [--units | --suite]: "* ]]
}

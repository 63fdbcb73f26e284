#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice plugin check: what a gateway would make of a file, without one.
bats_require_minimum_version 1.5.0

setup() {
    load support
    folder=$BATS_TEST_TMPDIR
    umask 022
}

@test "a voter in C: name, version, ABI, options with defaults and help, codes, digest" {
    exits 0 "$sluice" plugin check "$plugins/quorum.so"
    says "quorum 1.0.0 (native, ABI 1)"
    says "option approvals (integer, default 2): "
    says "option hosts (list): "
    says "code QUORUM: "
    says "sha256 $(sha256sum "$plugins/quorum.so" | cut -d' ' -f1)"
    run -0 --separate-stderr "$sluice" plugin check -o json "$plugins/quorum.so"
    [ "$(jq -c '[.name, .kind, .abi, .codes[0].code, (.options[] | select(.name == "approvals") | .type, .default)]' <<<"$output")" = \
        '["quorum","native",1,"QUORUM","integer","2"]' ]
}

@test "a rule in Lua" {
    exits 0 "$sluice" plugin check scripts/rules/max_endpoints.lua
    says "max_endpoints 1.0.0 (lua)"
    says "option max (integer, default 50): Most endpoints"
    says "code TOO_MANY_ENDPOINTS: "
}

@test "every file is told; one that is refused makes it exit 1, one that cannot be read 2" {
    echo 'return {' >"$folder/broken.lua"
    touch "$folder/program.py"
    exits 1 "$sluice" plugin check "$folder/broken.lua" "$build/tests/plugins/wrong_abi.so" "$folder/program.py" "$plugins/live_reload.so"
    says "sluice: $folder/broken.lua:2: unexpected symbol near <eof>"
    says "sluice: $build/tests/plugins/wrong_abi.so speaks plugin ABI 2, this gateway speaks 1: rebuild it"
    says "program.py is neither a voter in C (.so) nor a rule (.lua)"
    says "live_reload 1.0.0 (native, ABI 1)"
    exits 2 "$sluice" plugin check "$folder/absent.so" "$folder/broken.lua" "$plugins/live_reload.so"
    says "sluice: cannot read $folder/absent.so: No such file or directory"
    says "broken.lua:2: unexpected symbol"
    says "live_reload 1.0.0 (native, ABI 1)"
    exits 2 "$sluice" plugin check
    exits 0 "$sluice" plugin check -o yaml "$plugins/live_reload.so" "$plugins/quorum.so"
    [ "$(grep -c '^---$' <<<"$output")" -eq 2 ]
}

@test "one that crashes while it starts is refused like any other" {
    cat >"$folder/crash.c" <<'C'
#include <sluice/plugin.h>
#include <signal.h>
static int init(const struct sluice_host *h, const struct sluice_options *o, void **self)
{ (void)h; (void)o; (void)self; return raise(SIGSEGV); }
static enum sluice_verdict vote(void *self, const struct sluice_transition *t, struct sluice_ballot *b)
{ (void)self; (void)t; return sluice_allow(b); }
SLUICE_PLUGIN(.name = "crash", .version = "1.0.0", .init = init, .vote = vote);
C
    compile "$folder/crash.c" crash -Iinclude
    exits 1 "$sluice" plugin check "$folder/crash.so" "$plugins/live_reload.so"
    says "crash.so: its process could not open it: it was killed by signal 11"
    says "live_reload 1.0.0"
}

@test "what a voter says of itself can be shown, and its codes can be cast" {
    # refused NAME TEXT MEMBERS [DECLARATION]
    refused() {
        printf '%s\n' '#include <sluice/plugin.h>' \
            'static enum sluice_verdict vote(void *self, const struct sluice_transition *t, struct sluice_ballot *b)' \
            '{ (void)self; (void)t; return sluice_allow(b); }' "$4" \
            "SLUICE_PLUGIN(.name = \"$1\", .version = \"1.0.0\", $3, .vote = vote);" >"$folder/$1.c"
        compile "$folder/$1.c" "$1" -Iinclude
        exits 1 timeout 180 "$sluice" plugin check "$folder/$1.so"
        says "sluice: $folder/$1.so$2"
        printf 'plugin: %s.so\ncases: [{name: x, expect: {load_error: "."}, candidate: {version: 1}}]\n' "$1" >"$folder/$1.test.yaml"
        exits 0 timeout 180 "$sluice" plugin test "$folder/$1.test.yaml"
    }
    refused summary ': its summary is no UTF-8 text or has invisible characters: save its source as UTF-8' '.summary = "red \33[31m"'
    refused help ': its help for code A is no UTF-8 text' '.codes = codes' \
        'static const struct sluice_code codes[] = {{"A", "caf\351"}, {0}};'
    refused code ": it declares the code 'TOO MANY', which is not made of 1 to 64 letters, digits, '_', '.' and '-'" '.codes = codes' \
        'static const struct sluice_code codes[] = {{"TOO MANY", ""}, {0}};'
    refused option ': its default of option a is no UTF-8 text' '.options = options' \
        'static const struct sluice_option options[] = {{"a", SLUICE_TEXT, "caf\351", NULL}, {0}};'
    refused init ' refused to start: caf\xe9' '.init = init' \
        'static int init(const struct sluice_host *h, const struct sluice_options *o, void **s) { (void)o; (void)s; h->log(h, "caf\351"); return 1; }'
}

@test "one that was built on a newer system is refused by its own name" {
    cd "$folder"
    echo 'GLIBC_9.9 { global: newer; };' >versions
    echo 'int newer(void); int newer(void) { return 1; }' | cc -shared -fPIC -nostdlib -Wl,-soname,libc.so.6,--version-script=versions -o newer_libc.so -xc -
    cat >newer.c <<'C'
#include <sluice/plugin.h>
int newer(void);
static enum sluice_verdict vote(void *self, const struct sluice_transition *t, struct sluice_ballot *b)
{ (void)self; (void)t; return newer() ? sluice_allow(b) : sluice_abstain(b); }
SLUICE_PLUGIN(.name = "newer", .version = "1.0.0", .vote = vote);
C
    cc -shared -fPIC -I"$OLDPWD/include" -o newer.so newer.c newer_libc.so
    exits 1 "$sluice" plugin check newer.so
    says "sluice: $folder/newer.so cannot be loaded: "
    says "version \`GLIBC_9.9' not found (required by $folder/newer.so): build it on a system that is no newer than this one"
}

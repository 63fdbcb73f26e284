#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every code block of the READMEs that teach is run as it is printed, on an installed sluice with a gateway
# at work; only /etc/sluice lies elsewhere.

setup_file() {
    load ../e2e/helper.bash
    umask 022
    export prefix=$BATS_FILE_TMPDIR/usr
    cmake --install "$build" --prefix "$prefix" >"$BATS_FILE_TMPDIR/install.log" 2>&1 || {
        cat "$BATS_FILE_TMPDIR/install.log" >&2
        return 1
    }
}

setup() {
    load ../e2e/helper.bash
    load support
    umask 022
    PATH=$prefix/bin:$PATH
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig CMAKE_PREFIX_PATH=$prefix
    folder=$BATS_TEST_TMPDIR/work
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$folder/etc/sluice"
    cd "$folder"
}

teardown() { if [ -e "$state/gateway.pid" ]; then teardown_all; fi; }

# play README: its blocks from the first to the last, with a gateway that read an empty configuration.
play() {
    echo "chain: {}" >etc/sluice/sluice.yaml
    start_gateway --config "$folder/etc/sluice/sluice.yaml"
    sluice sandbox create --name reader >/dev/null
    exits 0 "$top/tests/rules/blocks" "$top/$1" .
    exits 0 bash run.sh
}

# rules N [PORT]: a policy of as many rules.
rules() {
    echo "version: 1"
    echo "network_policies:"
    for i in $(seq "$1"); do
        echo "  r$i: {endpoints: [{host: a$i.example.com, port: ${2:-443}}], binaries: [{path: /usr/bin/curl}]}"
    done
}

@test "a voter in C: plugins/README.md" {
    play plugins/README.md
    says "4 passed, 0 failed"
    says "few_rules 1.0.0 (native, ABI 1)"
    says "P50 ns"
    says "Reloaded: 4 voters"
    says "100% tests passed, 0 tests failed out of 1"
    rules 25 >fits.yaml
    rules 26 >more.yaml
    exits 0 sluice policy set reader --policy fits.yaml --wait
    exits 1 sluice policy set reader --policy more.yaml
    says "26 rules, at most 25 are allowed"
}

@test "a rule in Lua: scripts/rules/README.md" {
    play scripts/rules/README.md
    says "6 passed, 0 failed"
    says "covered: 100.0 %"
    says "no_plain_http 1.0.0 (lua)"
    says "Reloaded: 4 voters"
    rules 1 80 >plain.yaml
    exits 1 sluice policy set reader --policy plain.yaml
    says "r1 opens port 80 of a1.example.com"
}

@test "a voter in Python: include/WIRE.md" {
    play include/WIRE.md
    says "7 passed, 0 failed"
    says "Reloaded: 4 voters"
    rules 26 >more.yaml
    exits 1 sluice policy set reader --policy more.yaml
    says "26 rules, where 25 are allowed"
}

@test "the folders that plugin new writes, by their own READMEs" {
    exits 0 sluice plugin new in_c --c
    exits 0 sluice plugin new in_lua --lua
    for name in in_c in_lua; do
        cd "$folder/$name"
        sed -i 's/^```yaml$/`chain.yaml`:\n&/' README.md
        exits 0 "$top/tests/rules/blocks" README.md .
        exits 1 bash run.sh
        says "5 passed, 5 failed"
    done
}

@test "the chain that such a README shows keeps the default voters" {
    for language in c lua; do
        exits 0 sluice plugin new "in_$language" "--$language"
        cd "$folder/in_$language"
        sed -i 's/^```yaml$/`chain.yaml`:\n&/' README.md
        "$top/tests/rules/blocks" README.md .
        mkdir -p build etc/sluice/rules
        if [ "$language" = c ]; then cc -shared -fPIC $(pkg-config --cflags sluice-plugin) -o build/in_c.so in_c.c; else cp in_lua.lua etc/sluice/rules/; fi
        exits 0 sluiced --check --config chain.yaml --plugin-dir "$prefix/lib/sluice/plugins" --plugin-dir build
        says "configuration is good: 4 voters"
        for voter in static_fields policy_safety live_reload; do says "$voter"; done
        cd "$folder"
    done
}

@test "a policy of each protocol: core/policy/FORMAT.md" {
    exits 0 "$top/tests/rules/blocks" "$top/core/policy/FORMAT.md" .
    exits 0 bash run.sh
    says "policy.yaml is good"
    [[ "$output" != *warning:* ]]
    [ "$(grep -c '^allowed by work$' <<<"$output")" -eq 3 ]
    [ "$(grep -c '^denied: ' <<<"$output")" -eq 3 ]
}

@test "each configuration that a README shows" {
    mkdir -p etc/sluice/rules
    cp "$prefix/share/sluice/rules/"*.lua etc/sluice/rules/
    "$top/tests/rules/blocks" "$top/include/WIRE.md" .
    cp few_rules.py etc/sluice/
    touch etc/sluice/ca.pem
    sluice -q gateway init-tls tls --host localhost >/dev/null
    cp tls/ca.pem otel-ca.pem
    (umask 077 && echo token >otlp.token && head -c 32 /dev/urandom | base64 >siem.key)
    shown=0
    for readme in core/gateway plugins/quorum plugins/mode_lock plugins/freeze_window plugins/secrets_guard; do
        sed -n '/^```yaml$/,/^```$/p' "$top/$readme/README.md" | sed '1d;$d' >shown.yaml
        if grep -q '^- ' shown.yaml; then { echo "chain:"; echo "  voters:"; sed 's/^/    /' shown.yaml; } >gateway.yaml; else cp shown.yaml gateway.yaml; fi
        sed -i "s#/etc/sluice#$folder/etc/sluice#; s#/usr/lib/sluice/plugins#$prefix/lib/sluice/plugins#" gateway.yaml
        exits 0 sluiced --check --config gateway.yaml
        says "configuration is good"
        shown=$((shown + 1))
    done
    [ "$shown" -eq "$(cd "$top" && find . -name README.md -not -path './build*' -not -path './.git/*' | xargs grep -lE '^```yaml$' | grep -cvE '^./(plugins|scripts/rules|core/testkit)/README.md$')" ]
}

@test "the example on top of sluice/plugin.h" {
    sed -n 's/^ \*     //p' "$prefix/include/sluice/plugin.h" >few_rules.c
    exits 0 cc -shared -fPIC -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags sluice-plugin) -o few_rules.so few_rules.c
    exits 0 sluice plugin check few_rules.so
    says "few_rules 1.0.0 (native, ABI 1)"
}

@test "the case file of core/testkit/README.md" {
    mkdir cases
    cp "$prefix/share/sluice/rules/no_wildcards.lua" .
    sed -n '/^```yaml$/,/^```$/p' "$top/core/testkit/README.md" | sed '1d;$d' >cases/shown.test.yaml
    exits 0 sluice plugin test cases
    says "3 passed, 0 failed"
}

@test "include/README.md names every header, and the numbers are those of the headers" {
    cd "$top/include"
    [ "$(grep -o '^| `[a-z]*\.h`' README.md | tr -d '|` ' | sort)" = "$(cd sluice && ls)" ]
    number() { sed -n "s/.*\b$1[ =][ =]*\([0-9][0-9]*\).*/\1/p" sluice/*.h | head -1; }
    [ "$(number SLUICE_ABI)" -ge 1 ]
    grep -q "\`SLUICE_ABI\` is $(number SLUICE_ABI)\." README.md
    grep -q "most $(number SLUICE_CODE_MAX) bytes of letters" README.md
    grep -q "messages are cut at $(number SLUICE_MESSAGE_MAX) bytes and paths at $(number SLUICE_PATH_MAX);" README.md
}

@test "scripts/rules/README.md names all that a vote sees and says" {
    names() { sed -n "/^---@class sluice.$1\b/,/^\$/p" "$top/scripts/sluice.lua" | sed -n 's/^---@field \([a-z_]*\).*/t.\1/p'; }
    { names Transition; sed -n 's/^function \(Transition\|Ballot\):\([a-z_]*\).*/:\2/p; s/^function \(sluice\.[a-z_]*\).*/\1/p' "$top/scripts/sluice.lua"; } |
        grep -v '^t.now_ms$' >names
    [ "$(wc -l <names)" -ge 24 ]
    while read -r name; do grep -qF -- "$name" "$top/scripts/rules/README.md" || { echo "not named: $name"; return 1; }; done <names
}

@test "the README of each shipped voter tells its options, defaults and codes, and the tables name each" {
    for file in "$build"/plugins/*.so; do
        name=$(basename "$file" .so)
        grep -q "^| \[$name\]($name/) " "$top/plugins/README.md" || { echo "no $name in plugins/README.md"; return 1; }
        sluice plugin check -o json "$file" |
            jq -r '(.codes[] | "`\(.code)`"), (.options[] | "`\(.name)`", .default // empty)' >told
        while read -r text; do grep -qF -- "$text" "$top/plugins/$name/README.md" || { echo "$name: $text"; return 1; }; done <told
    done
    for file in "$prefix"/share/sluice/rules/*.lua; do
        grep -q "^| \`$(basename "$file")\` |" "$top/scripts/rules/README.md" || { echo "no $file"; return 1; }
    done
}

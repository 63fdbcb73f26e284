#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The table of scripts/bench voters has its rows, whatever the numbers are.
bats_require_minimum_version 1.5.0

setup_file() {
    load support
    umask 022
    # Stands in for the engine: answers as the rule in Rego would, and with numbers of the right form.
    cat >"$BATS_FILE_TMPDIR/opa" <<'SH'
#!/bin/bash
numbers() { printf '"histogram_timer_%s_ns_median": 27000.5, "histogram_timer_%s_ns_99%%": 99000' "$1" "$1"; }
case $1 in
    version) echo 'Version: 0.0.1' ;;
    eval) grep -q '\*\.' "$7" && path='{"path": "network_policies.wiki.endpoints[0]"}'
        echo "{\"result\": [{\"expressions\": [{\"value\": [${path-}]}]}]}" ;;
    bench) echo "{\"Extra\": {$(numbers rego_query_eval), $(numbers server_handler)}}" ;;
esac
SH
    chmod +x "$BATS_FILE_TMPDIR/opa"
    # It starts in a twentieth of the time.
    mkdir "$BATS_FILE_TMPDIR/bin"
    ln -s "$(command -v gojq)" "$BATS_FILE_TMPDIR/bin/jq"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
    export OPA=$BATS_FILE_TMPDIR/opa
    SLUICE_BUILD=$build tests/bench/voters.sh quick >"$BATS_FILE_TMPDIR/table" 2>&3
}

setup() {
    load support
    table=$BATS_FILE_TMPDIR/table
}

# rows NAME: how many rows begin with it and go on with a number and its unit.
rows() {
    awk -v name="$1" 'index($0, name) == 1 && substr($0, length(name) + 1) ~ /^ +[0-9]+(\.[0-9]+)?( ns| us| ms|x)( |$)/' "$table" | wc -l
}

@test "the machine and the peer are named" {
    grep -qE '^machine: [0-9]+ cores, .*Linux ' "$table"
    grep -qx 'peer: OPA 0.0.1' "$table"
}

# parts FILE: in how many parts the voter of this source has a row: those of changes, or that of requests.
parts() {
    if grep -qE '^ +vote = function|\.vote = ' "$1"; then echo 2; else echo 1; fi
}

@test "each shipped voter has a row in both parts, or among those that judge requests" {
    for folder in plugins/*/CMakeLists.txt; do
        name=$(basename "$(dirname "$folder")")
        [ "$(rows "$name (C), inline")" = "$(parts "plugins/$name/$name.c")" ]
    done
    for rule in scripts/rules/*.lua; do
        [ "$(rows "$(basename "$rule" .lua) (Lua), inline")" = "$(parts "$rule")" ]
    done
}

@test "so have one rule in each language, chains, ten beside one, and the ratios to the peer" {
    while read -r name; do
        [ "$(rows "$name")" = 2 ] || { echo "no two rows: $name" >&2; cat "$table" >&2; return 1; }
    done <<'NAMES'
no_wildcards in C, inline
no_wildcards in Lua, inline
no_wildcards in C, isolated
no_wildcards in Lua, isolated
no_wildcards in Python, isolated
no_wildcards in Rego, evaluated in one process
no_wildcards in Rego, answered by its server
Rego in one process to Lua inline
Rego in one process to C inline
Rego in its server to Lua isolated
a chain of 10 C and 10 Lua voters, inline
isolated voters that run Lua: 1
isolated voters that run Lua: 10 at once
isolated voters that run Lua: 10 to 1
NAMES
    [ "$(rows "isolated voters that wait 5 ms: 10 to 1")" = 1 ]
}

@test "whatever has a target says whether it is met" {
    [ "$(grep -c '<=' "$table")" -gt 30 ]
    [ "$(grep '<=' "$table" | grep -cvE ' (met|not met)$')" = 0 ]
}

@test "without the peer it says how to have it and goes on" {
    run bash -c 'SLUICE_BUILD=$1 OPA=/absent/opa tests/bench/voters.sh quick | head -6' - "$build"
    says "peer not installed: put opa on PATH or name it in OPA"
    says "no_wildcards in C, inline"
    says_not Rego
}

@test "a peer that decides otherwise is not measured" {
    printf '#!/bin/bash\necho "{\\"result\\": [{\\"expressions\\": [{\\"value\\": []}]}]}"\n' >"$BATS_TEST_TMPDIR/opa"
    chmod +x "$BATS_TEST_TMPDIR/opa"
    SLUICE_BUILD=$build OPA=$BATS_TEST_TMPDIR/opa run tests/bench/voters.sh quick
    [ "$status" -ne 0 ]
    says "the rule in Rego refuses '', not 'network_policies.wiki.endpoints[0]'"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Presets: each with its cases, listed, shown, added to a running sandbox and given to a new one.

setup_file() {
    load helper
    start_gateway
    sluice sandbox create --name plain
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

hosts() { sluice policy get "$1" -o json | jq -c '[.policy.network_policies[]?.endpoints[].host] | sort | unique'; }

@test "each preset is a good policy, and its cases come out as they say" {
    names=$(sluice preset list -o json | jq -r '.presets[].name')
    [ "$(echo $names)" = "apt claude codex crates github github-readonly golang npm pypi" ]
    for name in $names; do
        sluice preset show "$name" >"$BATS_TEST_TMPDIR/$name.yaml"
        run -0 sluice policy check "$BATS_TEST_TMPDIR/$name.yaml" -o json
        [ "$(jq -c '[.files[0] | .errors[], .warnings[] | .message | select(startswith("on this machine") | not)]' <<<"$output")" = "[]" ] || { echo "$output" >&2; return 1; }
        run -0 sluice policy check --cases "$top/presets/cases/$name.yaml" "$BATS_TEST_TMPDIR/$name.yaml"
        [[ "$output" =~ ^[1-9][0-9]*\ passed,\ 0\ failed$ ]]
        # What it lets through and what it does not are both tried.
        grep -q 'expect: allow' "$top/presets/cases/$name.yaml"
        grep -q 'expect: deny' "$top/presets/cases/$name.yaml"
        [ "$(sluice preset show "$name" -o json | jq -c '[.name, .version, .policy.version, (.policy.network_policies | length)]')" = "[\"$name\",1,1,1]" ]
    done
    run -0 sluice preset list
    [[ "$output" == "NAME "*"pypi "*"install packages from PyPI"* ]]
}

@test "a preset is added to a running sandbox, again without effect, and tried with --dry-run" {
    run -0 sluice preset add pypi --sandbox plain --dry-run
    [ "$(hosts plain)" = "[]" ]
    run -0 sluice preset add pypi --sandbox plain --wait
    [ "$(hosts plain)" = '["files.pythonhosted.org","pypi.org"]' ]
    revision=$(sluice policy get plain -o json | jq .revision)
    run -0 sluice preset add plain pypi --wait
    [ "$(sluice policy get plain -o json | jq .revision)" = "$revision" ]
    run -0 sluice preset add plain crates,golang
    [ "$(hosts plain | jq length)" = 7 ]
    run -2 sluice preset add plain pipy
    [[ "$output" == "sluice: there is no preset 'pipy', did you mean 'pypi'?" ]]
    run -2 sluice preset add ../cases/pypi --sandbox plain
    [[ "$output" == "sluice: there is no preset '../cases/pypi'"* ]]
    run -2 sluice preset add
}

@test "a new sandbox gets the rules of its presets, beside those of its policy" {
    sluice sandbox create --name made --preset pypi,npm --preset apt
    [ "$(hosts made | jq -c '[.[] | select(. == "pypi.org" or . == "registry.npmjs.org" or . == "deb.debian.org")] | length')" = 3 ]
    first_rule >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice sandbox create --name both --policy "$BATS_TEST_TMPDIR/policy.yaml" --preset crates
    [ "$(hosts both)" = '["10.77.0.2","crates.io","index.crates.io","static.crates.io"]' ]
    printf 'version: 1\nnetwork_policies: {crates: {endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}}\n' >"$BATS_TEST_TMPDIR/other.yaml"
    run -1 sluice sandbox create --name none --policy "$BATS_TEST_TMPDIR/other.yaml" --preset crates
    [ "$output" = "sluice: the policy has another rule 'crates' than the preset crates: rename it" ]
    run -2 sluice sandbox create --name none --preset cargo
    [[ "$output" == "sluice: there is no preset 'cargo'"* ]]
    run -1 sluice sandbox get none
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every shipped voter's cases, through the runner that its authors use.

setup() {
    load support
}

@test "the cases of every shipped voter pass, inline" {
    exits 0 "$sluice" plugin test --plugin-dir "$plugins" plugins scripts/rules
}

@test "and in processes of their own" {
    exits 0 "$sluice" plugin test --isolation process --plugin-dir "$plugins" plugins scripts/rules
}

@test "in any order, as often as you like" {
    exits 0 "$sluice" plugin test --shuffle --repeat 3 --plugin-dir "$plugins" plugins scripts/rules
}

@test "every voter has cases" {
    for folder in plugins/*/CMakeLists.txt; do
        name=$(basename "$(dirname "$folder")")
        ls "plugins/$name/cases/"*.test.yaml
        grep -lx "plugin: $name" "plugins/$name/cases/"*.test.yaml
    done
    for rule in scripts/rules/*.lua; do
        grep -rlx "plugin: .*$(basename "$rule")" scripts/rules --include=*.test.yaml
    done
}

@test "they cast every declared code, set every option, and run the lines of rules" {
    exits 0 "$sluice" plugin test --min-cover 98 --plugin-dir "$plugins" --format "json=$BATS_TEST_TMPDIR/all.json" plugins scripts/rules
    [ "$(jq -r '.coverage.voters[] | .name as $voter | (.codes + .options) | to_entries[] | select(.value | not) | "\($voter) \(.key)"' \
        "$BATS_TEST_TMPDIR/all.json")" = "" ]
}

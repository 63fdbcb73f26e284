#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every block of the tutorials, as it is printed, on an installed sluice with a gateway at work; only /etc/sluice lies elsewhere, and
# the site of the examples. That of operators is run on a machine of its own (tests/e2e/package.bats), that of reviewers in a
# browser (tests/e2e/console.bats).

setup_file() {
    load ../e2e/helper.bash
    umask 022
    export prefix=$BATS_FILE_TMPDIR/usr
    cmake --install "$build" --prefix "$prefix" >"$BATS_FILE_TMPDIR/install.log" 2>&1 || {
        cat "$BATS_FILE_TMPDIR/install.log" >&2
        return 1
    }
    export PATH=$prefix/bin:$PATH
    start_origin
    start_gateway --config /dev/null
}

setup() {
    load ../e2e/helper.bash
    load support
    umask 022
    PATH=$prefix/bin:$PATH
    state=$BATS_FILE_TMPDIR/state
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig CMAKE_PREFIX_PATH=$prefix
    folder=$BATS_TEST_TMPDIR/work
    mkdir "$folder"
    cd "$folder"
}

teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

follow() {         # follow NAME: the tutorial's blocks from the first to the last
    TUTORIAL_URL=$url "$top/scripts/tutorial" --print "$top/tutorials/$1.md" >script
    exits 0 bash script
}

@test "an agent's owner" {
    follow owner
    says policy_denied
    says $'\n200\n'
    says "the first approved request: "
    says "openshell:resolve:env:"
    says "dry run: "
}

@test "the author of a rule in Lua" {
    follow rule
    says "5 passed, 5 failed"
    says "10 passed, 0 failed"
    says "covered: 100.0 %"
}

@test "the author of a voter in C" {
    follow voter
    says "5 passed, 5 failed"
    says "5 passed, 0 failed"
    says "few_hosts 1.0.0 (native, ABI 1)"
}

@test "a runner of voters' tests" {
    follow ci
    says "10 passed, 0 failed"
    says "1 passed, 0 failed"
}

@test "each tutorial is in the list, and is run by a test" {
    for file in "$top"/tutorials/*.md; do
        name=$(basename "$file" .md)
        [ "$name" != README ] || continue
        grep -q "($name.md)" "$top/tutorials/README.md" || { echo "not in the list: $name"; return 1; }
        grep -q "follow $name$\|tutorials/$name.md" "$top/tests/rules/tutorials.bats" "$top"/tests/e2e/{package,console}.bats || { echo "nobody runs $name"; return 1; }
        [ "$(grep -c '' "$file")" -le 100 ]
    done
    printf '```yaml\na: b\n```\n' >bad.md
    exits 1 "$top/scripts/tutorial" --print bad.md
    says "bad.md: nobody runs the block below:"
}

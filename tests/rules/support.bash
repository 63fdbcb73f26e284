# SPDX-License-Identifier: Apache-2.0
# What the suites of this folder share.  They run in the top folder, on what SLUICE_BUILD holds.
build=${SLUICE_BUILD:-$PWD/build-test}
sluice=$build/bin/sluice
plugins=$build/plugins

# compile FILE.c NAME [FLAG...]: a voter beside the case files of this test.
compile() {
    cc -shared -fPIC -Wall -Wextra "${@:3}" -o "$folder/$2.so" "$1"
}

# The voter faulty.so: made once for a file, and put beside the case files of each of its tests.
make_faulty() {
    export folder=$BATS_FILE_TMPDIR
    umask 022
    compile tests/fixtures/testkit/faulty.c faulty -Iinclude
}
take_faulty() {
    folder=$BATS_TEST_TMPDIR
    umask 022
    cp "$BATS_FILE_TMPDIR/faulty.so" "$folder/"
}

# case_file NAME: a case file from stdin, in a folder that only we may write.
case_file() {
    cat >"$folder/$1.test.yaml"
}

# exits CODE COMMAND...: runs it and says what came instead.
exits() {
    local code=$1
    shift
    run "$@"
    [ "$status" -eq "$code" ] || { printf 'exit %s, wanted %s\n%s\n' "$status" "$code" "$output" >&2; return 1; }
}

says() {
    [[ "$output" == *"$1"* ]] || { printf 'does not say: %s\n%s\n' "$1" "$output" >&2; return 1; }
}

says_not() {
    [[ "$output" != *"$1"* ]] || { printf 'says: %s\n%s\n' "$1" "$output" >&2; return 1; }
}

# Case files of the voter faulty.so, and what comes of them.
passing() {
    case_file good <<'YAML'
plugin: faulty.so
options: {how: deny}
policies:
  empty: {version: 1}
cases:
  - name: it denies
    kind: [replace, merge]
    candidate: empty
    expect: {verdict: deny, code: ASKED, message: "^refused as asked", path: network_policies, facts: {asked_by: dev}}
  - name: it allows
    options: {how: allow}
    candidate: empty
    expect: {verdict: allow}
YAML
}

failing() {
    case_file bad <<'YAML'
plugin: faulty.so
cases:
  - name: it denies (or so)
    candidate: {version: 1}
    expect: {verdict: deny, code: ASKED}
YAML
}

crashing() {
    case_file crash <<'YAML'
plugin: faulty.so
cases:
  - {name: before, candidate: {version: 1}, expect: {verdict: allow}}
  - {name: boom, candidate: {version: 1}, reason: crash, expect: {verdict: allow}}
  - {name: after, candidate: {version: 1}, expect: {verdict: allow}}
YAML
}

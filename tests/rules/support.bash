# SPDX-License-Identifier: Apache-2.0
# What the suites of this folder share.  They run in the top folder, on what SLUICE_BUILD holds.
build=${SLUICE_BUILD:-$PWD/build-test}
sluice=$build/bin/sluice
plugins=$build/plugins

# compile FILE.c NAME [FLAG...]: a voter beside the case files of this test.
compile() {
    cc -shared -fPIC -Wall -Wextra "${@:3}" -o "$folder/$2.so" "$1"
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

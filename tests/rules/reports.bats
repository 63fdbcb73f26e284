#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice plugin test: its reports, as the programs that read them want them.

setup_file() { load support; make_faulty; }
setup() { load support; take_faulty; }

@test "tap: prove reads it, failures and skips included" {
    passing
    exits 0 prove -q --exec "$sluice plugin test --format tap" "$folder/good.test.yaml"
    says "All tests successful"
    failing
    "$sluice" plugin test -j 1 --fail-fast --format "tap=$BATS_TEST_TMPDIR/out.tap" "$folder" || true
    exits 1 prove -v -e cat "$BATS_TEST_TMPDIR/out.tap"
    says "Failed 1/4 subtests"
    says "(less 3 skipped subtests: 0 okay)"
    says_not "Parse errors"
    says 'again: "sluice plugin test'
}

@test "junit: the schema of its readers accepts it" {
    passing
    failing
    crashing
    exits 5 "$sluice" plugin test -q --format "junit=$folder/all.xml" "$folder"
    xmllint --noout --schema tests/fixtures/testkit/junit.xsd "$folder/all.xml"
    exits 1 "$sluice" plugin test -j 1 -q --fail-fast --format "junit=$folder/fast.xml" "$folder/bad.test.yaml" "$folder/good.test.yaml"
    xmllint --noout --schema tests/fixtures/testkit/junit.xsd "$folder/fast.xml"
    count() { xmllint --xpath "string($2)" "$folder/$1.xml"; }
    [ "$(count all /testsuites/@tests)" = 7 ]
    [ "$(count all /testsuites/@failures)" = 1 ]
    [ "$(count all /testsuites/@errors)" = 1 ]
    [ "$(count all 'count(//testcase)')" = 7 ]
    [ "$(count all 'count(//testsuite)')" = 3 ]
    [ "$(count fast 'sum(//testsuite/@skipped)')" = 3 ]
    [[ "$(count all //failure)" == *"wanted verdict: deny"* ]]
}

@test "json and several reports at once" {
    passing
    failing
    exits 1 "$sluice" plugin test --cover --format pretty --format "json=$folder/r.json" --format "tap=$folder/r.tap" "$folder"
    says "3 passed, 1 failed"
    [ "$(jq '.passed, .failed, .crashed, .skipped' "$folder/r.json" | tr '\n' ' ')" = "3 1 0 0 " ]
    [ "$(jq -r '.tests[] | select(.result == "failed") | .mismatches[0].wanted' "$folder/r.json")" = deny ]
    [ "$(jq '.coverage.percent == 40' "$folder/r.json")" = true ]
    grep -q '^1\.\.4$' "$folder/r.tap"
    exits 1 "$sluice" plugin test -o json "$folder"
    [ "$(jq -r '.tests[0].ballots[0].voter' <<<"$output")" = faulty ]
}

@test "what a voter prints before it crashes breaks no report, whatever it is" {
    cat >"$folder/rude.c" <<'C'
#include <sluice/plugin.h>
#include <stdio.h>
#include <stdlib.h>
static enum sluice_verdict vote(void *self, const struct sluice_transition *t, struct sluice_ballot *b)
{
    (void)self, (void)t, (void)b;
    fwrite("caf\xe9 \0 \x1b[31m ]]> \xef\xbf\xbe", 1, 20, stderr);
    abort();
}
SLUICE_PLUGIN(.name = "rude", .version = "1.0.0", .vote = vote);
C
    compile "$folder/rude.c" rude -Iinclude
    case_file rude <<'YAML'
plugin: rude.so
cases: [{name: it prints, candidate: {version: 1}, expect: {verdict: allow}}]
YAML
    exits 5 "$sluice" plugin test --isolation inline --format "junit=$folder/r.xml" --format "json=$folder/r.json" --format "tap=$folder/r.tap" "$folder"
    says '| caf\xe9 \x00 \x1b[31m ]]> \ufffe'
    xmllint --noout --schema tests/fixtures/testkit/junit.xsd "$folder/r.xml"
    [ "$(jq -r '.tests[0].output' "$folder/r.json")" = 'caf\xe9 \x00 \x1b[31m ]]> \ufffe' ]
    iconv -f UTF-8 -t UTF-8 "$folder/r.tap" >"$folder/copy"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a policy is made of, from the tables it is read by: policy explain, policy schema, man pages, presets.

setup() { load helper; }

@test "the JSON Schema accepts what policy check accepts, and refuses what it refuses for its shape" {
    sluice policy schema >"$BATS_TEST_TMPDIR/schema.json"
    [ "$(sluice policy schema -o json)" = "$(cat "$BATS_TEST_TMPDIR/schema.json")" ]
    mkdir "$BATS_TEST_TMPDIR/policies"
    cd "$top"
    run -0 python3 tests/e2e/policy_schema.py "$BATS_TEST_TMPDIR/schema.json" "$BATS_TEST_TMPDIR/policies" 0 \
        $(git ls-files 'tests/fixtures/policies/*.yaml' '*.test.yaml' 2>/dev/null || find tests/fixtures/policies scripts plugins -name '*.yaml')
    [[ "$output" =~ ^[1-9][0-9][0-9]\ accepted ]]
    run -0 python3 tests/e2e/policy_schema.py "$BATS_TEST_TMPDIR/schema.json" "$BATS_TEST_TMPDIR/policies" 1 tests/fixtures/policies/complete.yaml
    [[ "$output" =~ [1-9][0-9][0-9]\ refused$ ]]
}

@test "policy explain tells of every field, and of a part by its path however that is written" {
    sluice policy explain >"$BATS_TEST_TMPDIR/all"
    for field in $(sluice policy schema | jq -r '[.. | objects | .properties? | objects | to_entries[] | select(.value.deprecated | not) | .key] | unique[]'); do
        grep -qE "^ *$field: " "$BATS_TEST_TMPDIR/all" || { echo "not explained: $field" >&2; return 1; }
    done
    protocol=$(sluice policy explain network_policies.endpoints.protocol)
    [[ "$protocol" == "protocol: tcp | rest |"*"What is judged beside host and port"* ]]
    for path in 'network_policies.api.endpoints[0].protocol' 'network_policies.endpoints[].protocol' network_policies.NAME.endpoints.protocol; do
        [ "$(sluice policy explain "$path")" = "$protocol" ]
    done
    [ "$(sluice policy explain network_policies.endpoints.rules.allow.method)" = "$(sluice policy explain 'network_policies.x.endpoints[1].rules[2].method')" ]
    [ "$(sluice policy explain network_policies.endpoints.access -o json | jq -c '.enum')" = '["read-only","read-write","full"]' ]
    run -1 sluice policy explain network_policies.endpoints.protocl
    [ "$output" = 'sluice: an endpoint has no field "protocl"; did you mean "protocol"?' ]
    run -1 sluice policy explain network_policies.endpoint
    [ "$output" = 'sluice: a rule has no field "endpoint"; did you mean "endpoints"?' ]
    run -1 sluice policy explain version.minor
    [ "$output" = 'sluice: "version" is no map: it has no field "minor"' ]
}

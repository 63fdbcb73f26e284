#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ceilings: what the policies of sandboxes must lie within, whichever way they change.

load helper

setup_file() {
    start_gateway
    sluice -q sandbox create --name inside --label team=a
    sluice -q sandbox create --name other --label team=b
    for name in inside other; do
        sluice -q policy update "$name" --add-endpoint api.example.com:443 --add-endpoint evil.example.net:443 --binary /usr/bin/curl
    done
}

teardown_file() {
    teardown_all
}

ceiling() {        # ceiling HOST: curl may reach this host and nothing else
    cat <<YAML
version: 1
network_policies:
  all: {endpoints: [{host: "$1", port: 443}], binaries: [{path: /usr/bin/curl}]}
YAML
}

reachable() {      # reachable NAME HOST
    sluice policy can-i "$1" --binary /usr/bin/curl --host "$2" --port 443
}

@test "a dry run prints what would be tightened, and changes nothing" {
    run -0 sluice ceiling set --label team=a --policy - --dry-run < <(ceiling api.example.com)
    [[ "$output" == *"this is a dry run"*"inside would be tightened"*"curl may no longer reach evil.example.net:443"* ]]
    [[ "$output" != *"other"* ]]
    run -0 sluice ceiling get -o json
    [ "$(jq '.ceilings | length' <<<"$output")" = 0 ]
    reachable inside evil.example.net
}

@test "set tightens at once, by a revision of its own, and only where the label matches" {
    run -0 sluice ceiling set --label team=a --policy - --reason "no exfiltration" < <(ceiling api.example.com)
    [[ "$output" == *"✓ The ceiling for team=a is set"*"inside is tightened: revision 3"* ]]
    reachable inside api.example.com
    run -1 reachable inside evil.example.net
    reachable other evil.example.net
    run -0 sluice policy list inside -o json
    [ "$(jq -r '.revisions[0] | "\(.kind) \(.identity) \(.reason)"' <<<"$output")" = "global uid the ceiling for team=a was set: no exfiltration" ]
}

@test "no way of changing a policy leads out of the ceiling, and the refusal says by what" {
    run -1 sluice policy update inside --add-endpoint evil.example.net:443 --binary /usr/bin/curl
    [[ "$output" == *"ceiling"*"OUTSIDE_CEILING"*"the ceiling for team=a does not allow this: /usr/bin/curl may now reach evil.example.net:443"* ]]
    run -1 sluice policy set inside --policy - < <(ceiling evil.example.net)
    [[ "$output" == *OUTSIDE_CEILING* ]]
    run -1 sluice policy rollback inside --to 2
    [[ "$output" == *OUTSIDE_CEILING* ]]
    run -1 sluice sandbox create --name third --label team=a --policy - < <(ceiling evil.example.net)
    [[ "$output" == *OUTSIDE_CEILING* ]]
    run -0 curl -sS --unix-socket "$state/sluice.sock" -X POST -H 'Content-Type: application/json' http://localhost/v1/sandboxes/inside/drafts \
        -d '{"proposals":[{"rule_name":"more","rule":{"endpoints":[{"host":"evil.example.net","port":443}],"binaries":[{"path":"/usr/bin/curl"}]}}]}'
    run -1 sluice rule approve inside --chunk-id "$(sluice rule get inside -o json | jq -r '.chunks[0].id')"
    [[ "$output" == *OUTSIDE_CEILING* ]]
    sluice policy set inside --policy - < <(ceiling api.example.com)
}

@test "labels lead out of no ceiling without the right to it, and into one at once" {
    sluice -q sandbox set other --label team=a
    run -1 reachable other evil.example.net
    cat >"$state/sluice.yaml" <<YAML
auth: {roles: {keeper: [sandbox.read, sandbox.create, policy.read, gateway.read]}}
YAML
    stop_gateway
    start_gateway --config "$state/sluice.yaml"
    keeper=$(sluice -q token create --role keeper --name kim)
    SLUICE_TOKEN=$keeper run -1 sluice sandbox set other --label team=c
    [[ "$output" == *"without the label team=a the sandbox would leave its ceiling: this needs the permission ceiling.manage"* ]]
    SLUICE_TOKEN=$keeper run -1 sluice ceiling delete --label team=a
    [[ "$output" == *"the role keeper may not do this, as it lacks the permission ceiling.manage"* ]]
    SLUICE_TOKEN=$keeper run -0 sluice sandbox set other --label since=today
    run -1 sluice policy update other --add-endpoint evil.example.net:443 --binary /usr/bin/curl
    [[ "$output" == *OUTSIDE_CEILING* ]]
    sluice -q sandbox set other --label team=c
    sluice -q policy update other --add-endpoint evil.example.net:443 --binary /usr/bin/curl
}

@test "a ceiling for every sandbox, get and delete; what is wrong is said" {
    run -0 sluice ceiling set --policy - < <(ceiling '*.example.com')
    [[ "$output" == *"The ceiling for every sandbox is set"*"other is tightened"* ]]
    [[ "$(sluice policy get other --full)" == *"public_only: true"* ]]
    run -0 sluice ceiling get
    [[ "$output" == *"every sandbox"*"team=a"* ]]
    run -0 sluice ceiling get --label team=a
    [[ "$output" == *"host: api.example.com"* ]]
    run -0 sluice ceiling delete
    run -0 sluice ceiling delete --label team=a
    run -1 sluice ceiling delete --label team=a
    [[ "$output" == *'there is no ceiling for team=a: `sluice ceiling get` shows those there are'* ]]
    sluice policy update inside --add-endpoint evil.example.net:443 --binary /usr/bin/curl
    run -1 sluice ceiling set --label team --policy - < <(ceiling a.example)
    [[ "$output" == *"query parameter label is KEY=VALUE, not 'team'"* ]]
    run -2 sluice ceiling set
    [[ "$output" == *"which policy? --policy FILE"* ]]
    run -0 sluice ceiling set --label no=body --policy - <<<$'version: 1\nprocess: {run_as_user: "1500"}'
    [[ "$output" == *"warning: process: a ceiling limits what may be reached: this section limits nothing"* ]]
}

@test "what is done to ceilings is in the audit chain, with their documents" {
    sluice -q ceiling set --label team=z --policy - --reason "a try" < <(ceiling api.example.com)
    run -0 sluice -q ceiling delete --label team=z --reason "it was a try"
    run -0 sluice decision list --limit 2 -o json
    [ "$(jq -r '.decisions[] | "\(.kind) \(.outcome) \(.sandbox) \(.actor.identity) \(.reason)"' <<<"$output")" = "$(printf '%s\n' \
        "ceiling_delete allowed  uid the ceiling for team=z was deleted: it was a try" "ceiling_set allowed  uid the ceiling for team=z was set: a try")" ]
    [ "$(jq '.decisions[0].base_hash == .decisions[1].candidate_hash' <<<"$output")" = true ]
    id=$(jq -r '.decisions[1].id' <<<"$output")
    [ "$(api GET "/v1/decisions/$id" | jq -r '.candidate.network_policies.all.endpoints[0].host')" = api.example.com ]
    run -0 sluice decision show "$id"
    [[ "$output" == *"(admin, via unix, known by uid, from unix:"*"): the ceiling for team=z was set: a try." ]]
    run -0 sluice audit verify
    # A chain is not asked about them.
    printf 'chain: {voters: [{plugin: static_fields, isolation: inline}]}\n' >"$BATS_TEST_TMPDIR/chain.yaml"
    run sluice plugin replay --chain "$BATS_TEST_TMPDIR/chain.yaml"
    [[ "$output" != *ceiling_set* && "$output" != *"cannot be asked"* ]]
}

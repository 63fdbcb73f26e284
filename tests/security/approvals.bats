#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a workload, or one person by several ways, must not get approved.

load ../e2e/helper.bash

hash_of() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

setup_file() {
    load ../e2e/helper.bash
    export state=$BATS_FILE_TMPDIR/state XDG_STATE_HOME=$BATS_FILE_TMPDIR/client
    export SLUICE_GATEWAY=unix:$state/sluice.sock
    mkdir -p "$state"
    {
        echo "tokens:"
        for name in alice bob; do echo "  - {name: $name, sha256: $(hash_of "$name-secret"), role: admin}"; done
        echo "egress: {hosts: {private.test: [10.77.0.2], linklocal.test: [169.254.1.1], cgnat.test: [100.64.0.1],"
        echo "  ula.test: ['fd00::1'], mapped.test: ['::ffff:10.1.2.3'], nat64.test: ['64:ff9b::a01:203'],"
        echo "  sixtofour.test: ['2002:a01:203::1'], teredo.test: ['2001:0:a01:203::1'],"
        echo "  mixed.test: [93.184.216.34, 10.77.0.2], box: [93.184.216.34], a.internal: [93.184.216.34],"
        echo "  printer.local: [93.184.216.34], public.test: [93.184.216.34], loop.test: [127.0.0.1]}}"
        echo "chain: {voters: [{plugin: live_reload, isolation: inline}]}"
    } >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
}

teardown_file() { teardown_all; }

with_chain() {      # with_chain VOTERS: as flow YAML
    sed -i "s|^chain:.*|chain: {voters: [{plugin: live_reload, isolation: inline}$1]}|" "$state/sluice.yaml"
    sluice plugin reload
}

as() { local who=$1; shift; sluice --token "$who-secret" "$@"; }
chunk() { sluice rule get "$1" -o json | jq -e --arg h "$2" '.chunks[] | select(.host == $h)'; }
refuse() { sluice sandbox exec "$1" -- curl -sS -m 5 -o /dev/null "http://$2/" || true; until_so "chunk $1 $2 >/dev/null"; }

@test "approval mode auto approves a name by its addresses, and says why not" {
    sluice sandbox create --name auto --approval-mode auto
    for host in private.test linklocal.test cgnat.test ula.test mapped.test nat64.test sixtofour.test teredo.test \
        mixed.test loop.test box a.internal printer.local; do
        refuse auto "$host"
        until_so "chunk auto $host | jq -e '.reason | test(\"a person decides\")'"

        [ "$(chunk auto "$host" | jq -r .status)" = pending ]
        [ "$(chunk auto "$host" | jq -r '.addresses | length > 0')" = true ]
    done
    [[ $(chunk auto private.test | jq -r .reason) == *"private.test resolves to internal address 10.77.0.2"* ]]
    [[ $(chunk auto box | jq -r .reason) == *"'box' is a name of a local network"* ]]
    sluice rule get auto | grep -q 'Addresses:  10.77.0.2'
    [ "$(sluice policy get auto -o json | jq .revision)" -eq 1 ]
}

@test "a rule that nobody approved says public_only, and a name that changes its addresses opens nothing" {
    refuse auto public.test
    until_so '[ "$(chunk auto public.test | jq -r .status)" = approved ]'
    sluice policy get auto --full | grep -q 'public_only: true'
    sluice policy get auto --full >"$BATS_TEST_TMPDIR/p.yaml"
    revision=$(sluice policy get auto -o json | jq .revision)
    sluice policy set auto --policy "$BATS_TEST_TMPDIR/p.yaml"
    [ "$(sluice policy get auto -o json | jq .revision)" -eq "$revision" ]
    printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: private.test, port: 8080, public_only: true}]\n    binaries: [{path: /usr/bin/curl}]\n' >"$BATS_TEST_TMPDIR/q.yaml"
    sluice sandbox create --name marked --policy "$BATS_TEST_TMPDIR/q.yaml"
    run sluice sandbox exec marked -- curl -sS http://private.test:8080/
    [[ $output == *"resolves to internal address 10.77.0.2"* ]]
}

@test "a chunk that voters held is asked about again when the chain is reloaded" {
    with_chain ', {plugin: quorum, isolation: inline, options: {approvals: 1}}'
    sluice sandbox create --name again --approval-mode auto
    refuse again public.test
    until_so "chunk again public.test | jq -e '.reason | test(\"held\")'"
    [ "$(chunk again public.test | jq -r .status)" = pending ]
    with_chain ''
    [ "$(chunk again public.test | jq -r .status)" = approved ]
}

@test "who ran what was refused is not the one who approves it, by whichever name" {
    with_chain ', {plugin: quorum, isolation: inline, options: {approvals: 1}}'
    as bob sandbox create --name eyes
    as alice sandbox exec eyes -- sh -c 'setsid sh -c "sleep 0.2; curl -sS -o /dev/null http://public.test/" >/dev/null 2>&1 &'
    until_so "chunk eyes public.test >/dev/null"
    [ "$(chunk eyes public.test | jq -r '.asked_by | index("alice") != null')" = true ]
    id=$(chunk eyes public.test | jq -r .id)
    run as alice rule approve eyes --chunk-id "$id"
    [ "$status" -ne 0 ]
    run sluice rule approve eyes --chunk-id "$id"          # the account that alice called from
    [ "$status" -ne 0 ]
    as alice rule approve-all eyes || true
    run ! eval "sluice policy get eyes --full | grep -q public.test"
    as bob rule approve eyes --chunk-id "$id"
    sluice policy get eyes --full | grep -q public.test
    as alice rule undo eyes --chunk-id "$id"
    run as alice rule approve eyes --chunk-id "$id"
    [ "$status" -ne 0 ]
    run ! eval "sluice policy get eyes --full | grep -q public.test"
}

@test "who edits a chunk is not the one who approves it" {
    as alice sandbox create --name edits
    as alice sandbox exec edits -- curl -sS -o /dev/null http://public.test/ || true
    until_so "chunk edits public.test >/dev/null"
    id=$(chunk edits public.test | jq -r .id)
    printf '{"rule": {"endpoints": [{"host": "other.test", "port": 80}], "binaries": [{"path": "/usr/bin/curl"}]}}' |
        curl -sS --fail --unix-socket "$state/sluice.sock" -X PATCH -H 'Authorization: Bearer bob-secret' -H 'Content-Type: application/json' \
            -d @- "http://localhost/v1/sandboxes/edits/drafts/$id" >/dev/null
    run as bob rule approve edits --chunk-id "$id"
    [ "$status" -ne 0 ]
    run ! eval "sluice policy get edits --full | grep -q other.test"
}

@test "rules that nobody approved are few, and the next one waits" {
    with_chain ''
    sluice sandbox create --name storm --approval-mode auto
    sluice sandbox exec storm -- sh -c 'for p in $(seq 1 14); do curl -sS -m 5 -o /dev/null http://public.test:$((1000 + p))/; done' || true
    until_so "sluice rule get storm -o json | jq -e '[.chunks[] | select(.reason | test(\"within a minute\"))] | length >= 4'"
    [ "$(sluice rule get storm -o json | jq '[.chunks[] | select(.status == "approved")] | length')" -eq 10 ]
}

@test "a program named by a pattern makes no chunk, and the log says so" {
    sluice sandbox create --name glob
    sluice sandbox exec glob -- sh -c 'cp /usr/bin/curl "/sandbox/**"; "/sandbox/**" -sS -o /dev/null http://public.test/; cp /usr/bin/curl "/sandbox/c?rl"; "/sandbox/c?rl" -sS -o /dev/null http://public.test/' || true
    until_so "grep -qF \"c?rl' made no chunk\" '$state/gateway.log'"
    [ "$(sluice rule get glob -o json | jq '.chunks | length')" -eq 0 ]
}

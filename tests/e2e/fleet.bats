#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two gateways on one store in PostgreSQL: what one accepts is enforced by a supervisor of the other.

setup_file() {
    load helper
    db=$BATS_FILE_TMPDIR/db a=$BATS_FILE_TMPDIR/a b=$BATS_FILE_TMPDIR/b
    export db a b pg="postgresql://sluice@/postgres?host=$BATS_FILE_TMPDIR/db" PGUSER=sluice PGHOST=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db"
    start_origin
    for state in "$a" "$b"; do
        mkdir -p "$state"
        chain_with static_fields policy_safety live_reload
    done
    start b
    start a
    first_rule >"$a/first-rule.yaml"
}
setup() { load helper; state=$a; export SLUICE_GATEWAY=unix:$a/sluice.sock; }
teardown_file() {
    load helper
    state=$b stop_gateway || true
    state=$a SLUICE_GATEWAY=unix:$a/sluice.sock teardown_all
    "$top/tests/lib/postgres" stop "$db"
}

start() {          # start a|b: that gateway
    state=$BATS_FILE_TMPDIR/$1
    start_gateway --config "$state/sluice.yaml" --store "$pg"
}

on_b() { SLUICE_GATEWAY=unix:$b/sluice.sock "$@"; }

# new_rule N: a policy with the first rule and another one, so that each N is a change.
new_rule() { sed "s/^  allow_10_77_0_2_8080:/  rule_$1: {endpoints: [{host: h$1.test, port: 443}], binaries: [{path: \/usr\/bin\/curl}]}\n&/" "$a/first-rule.yaml"; }

# The revisions of a sandbox have no gap and none is doubled, at either gateway, and the audit chain is intact.
history_is_whole() {
    local made
    made=$(sluice policy list "$1" --limit 1000 -o json | jq '[.revisions[].revision] | max')
    for each in "$a" "$b"; do
        [ "$(SLUICE_GATEWAY=unix:$each/sluice.sock sluice policy list "$1" --limit 1000 -o json | jq -c '[.revisions[].revision] | sort')" = "$(jq -nc "[range(1; $made + 1)]")" ]
        SLUICE_GATEWAY=unix:$each/sluice.sock sluice audit verify
    done
}

@test "a sandbox of one gateway is known at the other, which says whose it is" {
    sluice sandbox create --name demo --keep
    until_so 'on_b sluice sandbox get demo -o json >"$b/demo.json" 2>/dev/null'
    until_so '[ "$(on_b sluice sandbox get demo -o json | jq -c "[.gateway_here, .gateway_alive]")" = "[false,true]" ]'
    [ "$(on_b sluice sandbox get demo -o json | jq -r .gateway)" = "$(hostname) unix:$a/sluice.sock" ]
    [ "$(sluice sandbox get demo -o json | jq -c '[.gateway_here, .gateway_alive]')" = '[true,true]' ]
    for command in "sandbox exec demo -- true" "sandbox stop demo" "sandbox start demo" "sandbox delete demo" "logs demo"; do
        # shellcheck disable=SC2086
        on_b run -1 sluice $command
        [[ "$output" == *"sandbox 'demo' runs at the gateway $(hostname) unix:$a/sluice.sock, which alone can do this: ask that one, with --gateway"* ]]
    done
    run -0 sluice sandbox exec demo -- true
}

@test "the status of each gateway names all, and which of them it is" {
    [ "$(sluice status -o json | jq -c '[.gateways[] | [.here, .alive]]')" = '[[false,true],[true,true]]' ]
    [ "$(on_b sluice status -o json | jq -c '[.gateways[] | [.here, .alive]]')" = '[[true,true],[false,true]]' ]
}

@test "an update at one gateway is enforced by a supervisor of the other before it is said to be loaded" {
    [ "$(knock demo)" = 403 ]
    on_b run -0 sluice policy set demo --policy "$a/first-rule.yaml" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock demo)" = 200 ]
    on_b run -0 sluice policy rollback demo --to 1 --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock demo)" = 403 ]
    history_is_whole demo
}

@test "a refused request at one gateway is approved at the other, whose watchers hear of it, and undone there" {
    state=$b wait_event demo draft '.status == "pending"'
    until_so 'on_b sluice rule get demo --status pending -o json | jq -e ".chunks[0]" >/dev/null'
    chunk=$(on_b sluice rule get demo -o json | jq -r '.chunks[0].id')
    on_b run -0 sluice rule approve demo --chunk-id "$chunk" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    wait_event demo draft '.status == "approved"'
    wait_event demo decision '.kind == "approve"'
    [ "$(knock demo)" = 200 ]
    on_b run -0 sluice rule undo demo --chunk-id "$chunk" --wait -o json
    [ "$(knock demo)" = 403 ]
    history_is_whole demo
}

@test "an approval with an end at one gateway ends at the other, and is used up there" {
    [ "$(knock demo)" = 403 ]
    until_so 'on_b sluice rule get demo --status pending -o json | jq -e ".chunks[0]" >/dev/null'
    chunk=$(on_b sluice rule get demo --status pending -o json | jq -r '.chunks[0].id')
    on_b run -0 sluice rule approve demo --chunk-id "$chunk" --once --wait
    [ "$(knock demo)" = 200 ]
    [ "$(knock demo)" = 403 ]
    until_so '[ "$(on_b sluice policy get demo -o json | jq -c .grants)" = "[]" ]'
}

@test "requests that wait at one gateway are let through, and refused, by decisions at the other" {
    sluice sandbox create --name patient --hold 10m
    waits() {      # waits PORT: a request of patient waits for a decision; its chunk is $chunk, its answer goes to answer.PORT
        sluice sandbox exec patient -- curl -sS -o /dev/null -w '%{http_code}' "http://10.77.0.2:$1/" >"$a/answer.$1" 3>&- &
        asked=$!
        until_so "[ \"\$(sluice rule get patient -o json | jq '[.chunks[] | select(.port == $1) | .waiting] | add')\" = 1 ]"
        chunk=$(on_b sluice rule get patient -o json | jq -r ".chunks[] | select(.port == $1) | .id")
    }
    waits 8080
    on_b sluice rule approve patient --chunk-id "$chunk"
    wait "$asked"
    [ "$(cat "$a/answer.8080")" = 200 ]
    waits 8081
    on_b sluice rule reject patient --chunk-id "$chunk"
    wait "$asked"
    [ "$(cat "$a/answer.8081")" = 403 ]
    waits 8082
    on_b sluice rule clear patient
    wait "$asked"
    [ "$(cat "$a/answer.8082")" = 403 ]
    sluice sandbox delete patient
    until_so '! on_b sluice sandbox get patient >/dev/null 2>&1'
}

@test "settings, labels and tokens that are changed at one gateway count at the other" {
    on_b sluice sandbox set demo --label team=blue
    on_b sluice sandbox set demo --approval-mode auto
    wait_event demo settings '.approval_mode == "auto"'
    [ "$(sluice sandbox get demo -o json | jq -r '.labels.team + " " + .approval_mode')" = "blue auto" ]
    sluice sandbox set demo --approval-mode manual
    [ "$(on_b sluice sandbox get demo -o json | jq -r '.labels.team + " " + .approval_mode')" = "blue manual" ]
    # label LETTER: eight labels in one go, over one connection.
    label() {
        local n calls=()
        for n in 1 2 3 4 5 6 7 8; do
            calls+=(--next -sS -o /dev/null --unix-socket "$state/sluice.sock" -X PATCH -H 'Content-Type: application/json' -d "{\"labels\": {\"$1$n\": \"yes\"}}" http://localhost/v1/sandboxes/demo)
        done
        curl "${calls[@]:1}"
    }
    label a 3>&- &
    state=$b label b
    wait
    [ "$(sluice sandbox get demo -o json | jq -r '.labels | keys | join(" ")')" = "$(echo a{1..8} b{1..8} team)" ]
    token=$(on_b sluice token create --role viewer --name carol)
    until_so 'SLUICE_TOKEN=$token sluice sandbox list >/dev/null 2>&1'
    on_b sluice token revoke carol
    until_so '! SLUICE_TOKEN=$token sluice sandbox list >/dev/null 2>&1'
}

@test "a token that was revoked while a gateway missed what others wrote is no longer good there" {
    token=$(on_b sluice token create --role viewer --name dora)
    until_so 'SLUICE_TOKEN=$token sluice sandbox list >/dev/null 2>&1'
    psql -qc "delete from token where name = 'dora'; insert into outbox(gateway, topic, subject, part, number) values('', 'all', '', '', 0)" postgres
    until_so '! SLUICE_TOKEN=$token sluice sandbox list >/dev/null 2>&1'
    until_so '! SLUICE_TOKEN=$token on_b sluice sandbox list >/dev/null 2>&1'
}

@test "updates that race at both gateways are all made, in one order, and the newest is enforced" {
    for n in 1 2 3 4 5 6; do
        sluice policy update demo --add-endpoint "a$n.example.com:443" --binary /usr/bin/curl >"$a/race.$n" 2>&1 3>&- &
        on_b sluice policy update demo --add-endpoint "b$n.example.com:443" --binary /usr/bin/curl >"$b/race.$n" 2>&1 3>&- &
    done
    wait
    run -0 sluice policy get demo -o json
    [ "$(jq -c '[.policy.network_policies[].endpoints[].host] | sort' <<<"$output")" = "$(jq -nc '[("a", "b") as $g | range(1; 7) | "\($g)\(.).example.com"]')" ]
    until_so '[ "$(on_b sluice policy get demo -o json | jq ".revision == .loaded_revision")" = true ]'
    history_is_whole demo
    echo "# updates on B, until a supervisor of A has loaded them: $(
        for n in 1 2 3 4 5 6 7 8; do
            new_rule "$n" >"$b/next.yaml"
            took_ms on_b sluice -q policy set demo --policy "$b/next.yaml" --wait >/dev/null
            echo -n "$ms "
        done)ms with the client" >&3
}

@test "a gateway that is killed: the other accepts, and the supervisor has it when its gateway is back" {
    new_rule 20 >"$b/next.yaml"
    on_b sluice policy set demo --policy "$b/next.yaml" --wait
    stop_gateway KILL
    new_rule 21 >"$b/next.yaml"
    on_b run -124 sluice policy set demo --policy "$b/next.yaml" --wait --timeout 1
    [ "$(on_b sluice policy get demo -o json | jq -r .status)" = pending ]
    on_b sluice policy rollback demo --to 1
    start a
    until_so '[ "$(on_b sluice policy get demo -o json | jq -r .status)" = loaded ]'
    [ "$(knock demo)" = 403 ]
    [ "$(on_b sluice decision list demo --limit 2 -o json | jq -c '[.decisions[].kind]')" = '["rollback","replace"]' ]
    history_is_whole demo
}

@test "a gateway that is killed right after it accepted: the other one enforces it, and it starts again" {
    new_rule 30 >"$b/next.yaml"
    on_b sluice policy set demo --policy "$b/next.yaml"
    state=$b stop_gateway KILL
    until_so '[ "$(sluice policy get demo -o json | jq ".revision == .loaded_revision")" = true ]'
    [ "$(knock demo)" = 200 ]
    (start b)
    history_is_whole demo
}

@test "a server that is killed: what is accepted afterwards at one gateway is enforced at the other" {
    "$top/tests/lib/postgres" kill "$db"
    run -1 sluice policy get demo
    on_b run -1 sluice policy set demo --policy "$a/first-rule.yaml"
    "$top/tests/lib/postgres" start "$db"
    until_so 'on_b sluice policy set demo --policy "$a/first-rule.yaml" --wait >/dev/null 2>&1'
    [ "$(knock demo)" = 200 ]
    history_is_whole demo
}

@test "a gateway that is stopped is told apart from one that lives; a copy of its folder does not start" {
    mkdir "$BATS_TEST_TMPDIR/copy"
    cp "$a/gateway.id" "$BATS_TEST_TMPDIR/copy/"
    run -1 sluiced --state-dir "$BATS_TEST_TMPDIR/copy" --store "$pg"
    [[ "$output" == *"or as this gateway, with a copy of its state folder: stop it"* ]]
    stop_gateway
    until_so '[ "$(on_b sluice sandbox get demo -o json | jq .gateway_alive)" = false ]'
    on_b run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"which alone can do this and was last heard of at 2"*": start it again"* ]]
    on_b run -0 sluice status
    [[ "$output" == *"$(hostname) unix:$b/sluice.sock (this one)"*"$(hostname) unix:$a/sluice.sock (does not answer)"* ]]
    start a
    until_so '[ "$(knock demo 2>/dev/null)" = 200 ]'
}

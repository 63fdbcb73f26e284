#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A gateway whose store is in PostgreSQL: the story, a server that is killed, copies of the store.

setup_file() {
    load helper
    db=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db"
    export state=$BATS_FILE_TMPDIR/state db
    export pg="postgresql://sluice:s3cret@/postgres?host=$db" PGUSER=sluice PGHOST=$db
    mkdir -p "$state"
    chain_with static_fields policy_safety live_reload
    start_origin
    start_gateway --config "$state/sluice.yaml" --store "$pg"
    first_rule >"$state/first-rule.yaml"
}
setup() { load helper; }
teardown_file() {
    load helper
    teardown_all
    "$top/tests/lib/postgres" stop "$db"
}

# new_rule N: a policy with the first rule and another one, so that each N is a change.
new_rule() { sed "s/^  allow_10_77_0_2_8080:/  rule_$1: {endpoints: [{host: h$1.test, port: 443}], binaries: [{path: \/usr\/bin\/curl}]}\n&/" "$state/first-rule.yaml"; }

@test "a refused request becomes a draft, and what is approved is enforced" {
    sluice sandbox create --name demo --keep
    [ "$(knock demo)" = 403 ]
    wait_event demo draft '.status == "pending"'
    chunk=$(sluice rule get demo -o json | jq -r '.chunks[0].id')
    run -0 sluice rule approve demo --chunk-id "$chunk" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock demo)" = 200 ]
    run -0 sluice audit verify
    [[ "$output" == *"is intact"* ]]
    run -0 sluice audit verify --file "$pg"
    [[ "$output" == *"is intact"* ]]
}

@test "a server that is killed while policies change: 503 meanwhile, nothing acknowledged is lost, sandboxes go on" {
    # A workload that asks whenever a line comes; it needs nothing of the gateway but its relay.
    mkfifo "$state/ask" "$state/answers"
    sluice sandbox exec demo -- sh -c "while read -r _; do curl -sS -o /dev/null -w '%{http_code}\n' $url; done" <"$state/ask" >"$state/answers" 3>&- &
    exec 8>"$state/ask" 9<"$state/answers"
    ask() { echo >&8; read -r -t 180 answer <&9; echo "$answer"; }
    [ "$(ask)" = 200 ]
    # One update after the other, until one fails; its number is that of the last that was acknowledged.
    (
        n=0
        while new_rule $((n + 1)) >"$state/next.yaml" && sluice policy set demo --policy "$state/next.yaml" >"$state/said" 2>&1; do
            n=$((n + 1))
            echo "$n" >"$state/acknowledged"
        done
    ) 3>&- 8>&- 9<&- &
    until_so '[ "$(cat "$state/acknowledged" 2>/dev/null || echo 0)" -ge 3 ]'
    "$top/tests/lib/postgres" kill "$db"
    run sluice policy get demo
    [ "$status" -ne 0 ]
    [ "$(api GET /v1/sandboxes/demo/policy -o /dev/null -w '%{http_code}')" = 503 ]
    [ "$(ask)" = 200 ]
    exec 8>&- 9<&-
    "$top/tests/lib/postgres" start "$db"
    wait
    kill -0 "$(cat "$state/gateway.pid")"
    until_so 'sluice policy get demo >/dev/null 2>&1'
    acknowledged=$(cat "$state/acknowledged")
    # The one that was under way may have been made; none before it is missing, none is doubled.
    run -0 sluice policy list demo -o json
    made=$(jq '[.revisions[].revision] | max' <<<"$output")
    [ "$made" -ge $((acknowledged + 2)) ]
    [ "$(jq -c '[.revisions[].revision] | sort' <<<"$output")" = "$(jq -nc "[range(1; $made + 1)]")" ]
    run -0 sluice audit verify
    [[ "$output" == *"is intact"* ]]
    new_rule 999 >"$state/next.yaml"
    run -0 sluice policy set demo --policy "$state/next.yaml" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock demo)" = 200 ]
}

@test "a backup of the running gateway is restored into an empty state folder" {
    head=$(sluice audit verify -o json | jq -r .head)
    copy=$BATS_TEST_TMPDIR/copy
    run -0 sluice backup "$BATS_TEST_TMPDIR/backup.db" --store "$pg"
    [[ "$output" == *"its audit chain is intact"*"$head"* ]]
    [[ "$output" == *"keep secret.key elsewhere." ]]
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/backup.db")" = 600 ]
    [ "$(ls "$BATS_TEST_TMPDIR")" = backup.db ]
    run -2 sluice backup "$BATS_TEST_TMPDIR/backup.db" --store "$pg"
    [[ "$output" == *"is there already: name a new file"* ]]
    run -0 sluice restore "$BATS_TEST_TMPDIR/backup.db" --state-dir "$copy"
    run -2 sluice restore "$BATS_TEST_TMPDIR/backup.db" --state-dir "$copy"
    [[ "$output" == *"is restored into an empty state folder"* ]]
    run -0 sluice audit verify --file "$copy/sluice.db" --head "$head"
    sqlite3 "$BATS_TEST_TMPDIR/backup.db" 'PRAGMA user_version=999'
    run -2 sluice restore "$BATS_TEST_TMPDIR/backup.db" --state-dir "$BATS_TEST_TMPDIR/newer"
    [[ "$output" == *"has schema 999"*"use the newer sluice"* ]]
}

@test "a store moves to the other kind of database and back, and a gateway goes on with it" {
    run -2 sluice store migrate --from "$pg" --to "sqlite:$BATS_TEST_TMPDIR/moved.db"
    [[ "$output" == *"another sluiced works in the store"* ]]
    [[ "$output" != *s3cret* ]]
    head=$(sluice audit verify -o json | jq -r .head)
    stop_gateway
    run -0 sluice store migrate --from "$pg" --to "sqlite:$BATS_TEST_TMPDIR/moved.db"
    [[ "$output" == *"is intact"*"$head"* ]]
    run -2 sluice store migrate --from "sqlite:$BATS_TEST_TMPDIR/moved.db" --to "$pg"
    [[ "$output" == *"is not empty"* ]]
    psql -qc 'create database back' postgres
    run -0 sluice store migrate --from "sqlite:$BATS_TEST_TMPDIR/moved.db" --to "postgresql:///back"
    # Every row came through, in the order and with the contents that it had.
    for table in sandbox revision decision audit_head draft draft_event traffic event; do
        [ "$(psql -Atc "select md5(string_agg(t::text, chr(10) order by t::text)) from $table t" postgres)" = \
          "$(psql -Atc "select md5(string_agg(t::text, chr(10) order by t::text)) from $table t" back)" ]
    done
    start_gateway --config "$state/sluice.yaml" --store postgresql:///back
    until_so '[ "$(knock demo 2>/dev/null)" = 200 ]'
    new_rule 1000 >"$state/next.yaml"
    run -0 sluice policy set demo --policy "$state/next.yaml" --wait
}

@test "what is wrong with a store is told, and no password" {
    fails() { run sluiced --state-dir "$BATS_TEST_TMPDIR/x" --store "$1"; [ "$status" -ne 0 ]; [[ "$output" == *"$2"* ]]; [[ "$output" != *s3cret* ]]; }
    fails "postgresql://sluice:s3cret@/postgres?host=$BATS_TEST_TMPDIR" "check that the server runs"
    fails "postgresql://sluice:s3cret@/none?host=$db" 'database "none" does not exist'
    fails "postgresql://sluice:s3cret%zz@/postgres?host=$db" "is no URL that libpq understands"
    fails "postgres:x" "is no store: use"
    psql -qc "create database latin encoding 'LATIN1' locale 'C' template template0" postgres
    fails "postgresql://sluice:s3cret@/latin?host=$db" "the database's encoding is LATIN1"
    psql -qc 'create database other' postgres
    psql -qc 'create table t(n int)' other
    fails "postgresql:///other" "is the database of another program"
    psql -qc 'create database newer' postgres
    psql -qc 'create table sluice_schema(version bigint); insert into sluice_schema values(999)' newer
    fails "postgresql:///newer" "has schema 999, this sluice knows schemas up to"
    psql -qc 'create database standby' -c 'alter database standby set default_transaction_read_only = on' postgres
    fails "postgresql:///standby" "the server is read-only: name the primary one"
    psql -qc "create role careful login password 'other'" postgres
    sed -i '1i local all careful scram-sha-256' "$db/data/pg_hba.conf"
    psql -qAtc 'select pg_reload_conf()' postgres
    until_so '! PGPASSWORD= psql -wU careful -c "select 1" postgres >/dev/null 2>&1'
    fails "postgresql://careful:s3cret@/postgres?host=$db" "check the name, the password and the database"
    fails "postgresql://careful@/postgres?host=$db" "give the password by ~/.pgpass"
}

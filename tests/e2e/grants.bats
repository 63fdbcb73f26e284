#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Grants with an end: a number of uses, a time, a process. What has ended is closed, recorded, and does not come back.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

chunks() { sluice rule get demo -o json | jq -c "[.chunks[] | select($1)]"; }
pending() { chunks '.status == "pending" and .port == 8080 and .binary == "/usr/bin/curl"' | jq -r '.[0].id // empty'; }
chunk() { sluice rule get demo -o json | jq -c --arg id "$1" '.chunks[] | select(.id == $id)'; }
revision_kind() { sluice policy list demo --limit 1 -o json | jq -r '.revisions[0].kind'; }

# refused: curl is refused, and its pending chunk is in $id.
refused() {
    [ "$(knock demo)" = 403 ]
    until_so '[ -n "$(pending)" ]'
    id=$(pending)
}

# has_expired ID: its revision is on record and enforced.
has_expired() {
    wait_event demo draft ".draft == \"$1\" and .status == \"superseded\""
    [ "$(revision_kind)" = expire ]
    until_so "[ \"\$(sluice policy list demo --limit 1 -o json | jq -r '.revisions[0].status')\" = loaded ]"
}

@test "once: one request passes, the next is refused and is a new chunk" {
    refused
    first=$id
    sluice rule approve demo --chunk-id "$id" --once --wait
    [ "$(chunk "$id" | jq -c '[.status, .grant.uses, .grant.expires_at, .grant.pid, .grant.ended]')" = '["approved",1,null,null,false]' ]
    [ "$(sluice policy get demo -o json | jq -c '[.grants[] | [.chunk, .uses]]')" = "[[\"$id\",1]]" ]
    [ "$(sluice sandbox get demo -o json | jq -c '[.grants[].chunk]')" = "[\"$id\"]" ]
    [ "$(knock demo)" = 200 ]
    has_expired "$id"
    [ "$(chunk "$id" | jq -c '[.status, .grant.uses, .grant.ended, .reason]')" = \
      '["superseded",0,true,"its grant has ended: it was used 1 time"]' ]
    refused
    [ "$id" != "$first" ]
    [ "$(sluice policy get demo -o json | jq -c .grants)" = '[]' ]
    run -1 sluice rule undo demo --chunk-id "$first"
    [[ $output == *"chunk status is 'superseded', expected 'approved'"* ]]
}

@test "for: the supervisor ends it, also while the gateway is away" {
    [ -n "$(pending)" ] || refused
    id=$(pending)
    codes=$(echo "$state"/sandboxes/*/work)/codes
    sluice sandbox exec demo -- sh -c 'setsid sh -c "until [ -e /sandbox/stop ]; do
        curl -sS -o /dev/null -w \"%{http_code}\n\" http://10.77.0.2:8080/ >>/sandbox/codes; done" >/dev/null 2>&1 </dev/null &'
    until_so "grep -q 403 $codes"
    sluice rule approve demo --chunk-id "$id" --for 1s --wait
    stop_gateway KILL
    : >"$codes"
    until_so "[ \"\$(tail -n 1 $codes)\" = 403 ]"
    start_gateway
    touch "${codes%codes}stop"
    has_expired "$id"
    [ "$(chunk "$id" | jq -c '[.grant.uses, (.grant.expires_at | length), .grant.ends, .reason]')" = \
      '[null,24,"1s after the approval","its grant has ended: its time is over"]' ]
}

@test "uses: of requests at once exactly as many pass, and another program uses none" {
    refused
    sluice rule approve demo --chunk-id "$id" --uses 3 --wait
    [ "$(sluice sandbox exec demo -- python3 -c '
import urllib.request as u
try: print(u.urlopen("http://10.77.0.2:8080/").status)
except Exception as e: print(e.code)')" = 403 ]
    run -0 sluice sandbox exec demo -- sh -c 'for i in 1 2 3 4 5 6 7 8; do
        curl -sS -o /dev/null -w "%{http_code}\n" http://10.77.0.2:8080/ & done; wait'
    [ "$(grep -c 200 <<<"$output")" = 3 ]
    [ "$(grep -c 403 <<<"$output")" = 5 ]
    has_expired "$id"
    [ "$(chunk "$id" | jq -r .reason)" = "its grant has ended: it was used 3 times" ]
}

@test "uses that were used do not come back with another supervisor or gateway, and the others stay" {
    refused
    sluice rule approve demo --chunk-id "$id" --uses 4 --wait
    [ "$(knock demo)" = 200 ]
    until_so "[ \"\$(chunk $id | jq .grant.uses)\" = 3 ]"
    work=$(echo "$state"/sandboxes/*/work)
    rm -f "$work/code" "$work/go"
    sluice sandbox exec demo -- sh -c 'mkfifo /sandbox/go; setsid sh -c "read -r _ </sandbox/go
        curl -sS -o /dev/null -w \"%{http_code}\n\" http://10.77.0.2:8080/ >/sandbox/code" >/dev/null 2>&1 </dev/null &'
    stop_gateway KILL
    echo >"$work/go"                        # a use that no gateway hears of
    until_so "grep -q 200 $work/code"
    pid=$(cat "${work%work}lock")
    kill -KILL "$pid"
    wait_gone "$pid"
    start_gateway
    until_so '[ "$(sluice sandbox get demo -o json | jq -r .phase)" != ready ]'
    sluice sandbox start demo
    [ "$(chunk "$id" | jq -c '[.status, .grant.uses]')" = '["approved",2]' ]
    [ "$(knock demo)" = 200 ]
    sluice sandbox stop demo
    sluice sandbox start demo
    [ "$(knock demo)" = 200 ]
    [ "$(knock demo)" = 403 ]
    has_expired "$id"
    [ "$(chunk "$id" | jq -r .reason)" = "its grant has ended: it was used 4 times" ]
}

@test "while-pid: for the process tree of one process, and until it ends" {
    refused
    run -1 sluice rule approve demo --chunk-id "$id" --while-pid 999999
    [[ $output == *"the sandbox has no process 999999"* ]]
    run -1 sluice rule approve demo --chunk-id "$id" --while-pid 1
    [[ $output == *"every process of the sandbox is below process 1, which ends with it"* ]]
    mkfifo "$state/go" "$state/said"
    # The shell says its number, then opens a tunnel, and ends with its input.  The tunnel outlives it.
    sluice sandbox exec demo -- sh -c 'echo $$; read -r _; mkfifo /tmp/never; exec 3<>/tmp/never
        setsid sh -c "curl -sSv -w %{http_connect} --proxytunnel telnet://10.77.0.2:8080 >/sandbox/tunnel 2>/sandbox/said; echo closed >>/sandbox/tunnel" \
            <&3 >/dev/null 2>&1 &
        read -r _' <"$state/go" >"$state/said" 3>&- &
    exec 7>"$state/go" 8<"$state/said"
    read -r -t 180 pid <&8
    sluice rule approve demo --chunk-id "$id" --while-pid "$pid" --wait
    [ "$(chunk "$id" | jq .grant.pid)" = "$pid" ]
    [ "$(knock demo)" = 403 ]
    echo >&7
    until_so 'grep -q "^< HTTP/1.1 200" "$state"/sandboxes/*/work/said'
    exec 7>&- 8<&-
    has_expired "$id"
    [ "$(chunk "$id" | jq -r .reason)" = "its grant has ended: process $pid has ended" ]
    until_so "[ \"\$(cat $state/sandboxes/*/work/tunnel)\" = 200closed ]" || {
        cat "$state"/sandboxes/*/work/{tunnel,said}
        sluice logs demo | tail -20
        return 1
    }
}

@test "a rollback does not revive what has ended" {
    refused
    sluice rule approve demo --chunk-id "$id" --once --wait
    with=$(sluice policy get demo -o json | jq .revision)
    [ "$(knock demo)" = 200 ]
    has_expired "$id"
    sluice policy rollback demo --to "$with" --wait
    [ "$(knock demo)" = 403 ]
    [ "$(sluice policy get demo --rev "$with" -o json | jq -c '[.grants[] | [.chunk, .ended]]')" = "[[\"$id\",true]]" ]
}

@test "a replacement by the same document changes nothing, and the audit chain holds" {
    refused
    sluice rule approve demo --chunk-id "$id" --for 1h --wait
    before=$(sluice policy get demo -o json | jq .revision)
    sluice policy get demo --full | sluice policy set demo --policy - --wait
    [ "$(sluice policy get demo -o json | jq .revision)" = "$before" ]
    [ "$(knock demo)" = 200 ]
    sluice rule undo demo --chunk-id "$id" --wait
    [ "$(knock demo)" = 403 ]
    [ "$(sluice policy get demo -o json | jq -c .grants)" = '[]' ]
    sluice audit verify
}

# says OPTIONS TEXT: the approval is refused before anything is asked, with this text.
says() {
    run -2 sluice rule approve demo --chunk-id x $1
    [[ $output == *"$2"* ]] || { echo "$output"; return 1; }
}

@test "what cannot be meant is refused and said" {
    says "--uses 0" "--uses takes a number from 1 to 1000000, not '0'"
    says "--uses -1" "--uses takes a number from 1 to 1000000, not '-1'"
    says "--for -1s" "--for takes a duration such as 90s, 10m or 2h, not '-1s'"
    says "--for 0s" "--for takes a duration such as 90s, 10m or 2h, not '0s'"
    says "--once --for 10m" "a rule ends in one way: --once or --for, not both"
    says "--until 2001-01-01T00:00:00Z" "--until takes a time to come, and 2001-01-01T00:00:00Z is past"
    says "--until tomorrow" "--until takes a time such as 2026-01-31T08:05:00Z, not 'tomorrow'"
    says "--while-pid 0" "--while-pid takes a number from 1 to 4194304, not '0'"
    refused
    token=$(chunk "$id" | jq -r .review_token)
    approve() {
        api POST "/v1/sandboxes/demo/drafts/$id/approve" -H 'Content-Type: application/json' \
            -d "{\"review_token\":\"$token\",\"grant\":$1}" | jq -r '.errors[0] | "\(.path): \(.message)"'
    }
    [ "$(approve '{"uses":1,"for":"1s"}')" = \
      "grant: a grant ends in one way: it has one of uses, for, expires_at and pid, not 2 of them" ]
    [[ "$(approve '{"expires_at":"2001-01-01T00:00:00Z"}')" == "grant.expires_at: must be a time to come; 2001-01-01T00:00:00Z is past"* ]]
    [[ "$(approve '{"for":"-1s"}')" == "grant.for: must be a duration from 1ms to 3650d such as 90s, 10m or 2h, not "* ]]
}

@test "an agent proposes an end; voters and the approver see it" {
    api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{"source":"agent","proposals":[{"rule_name":"wish",
        "grant":{"uses":5},"rule":{"endpoints":[{"host":"10.77.0.3","port":8080}],"binaries":[{"path":"/usr/bin/curl"}]}}]}' >"$state/wish"
    wish=$(jq -r '.chunks[0].id' "$state/wish")
    [ "$(jq -c '.chunks[0].grant | [.uses, .ends]' "$state/wish")" = '[5,"after 5 uses"]' ]
    run -0 sluice rule get demo
    [[ $output == *"Grant:      ends after 5 uses, 5 left"* ]]
    sluice rule approve demo --chunk-id "$wish" --once --wait
    [ "$(sluice policy get demo -o json | jq -c '[.grants[] | .uses]')" = '[1]' ]
    run -0 sluice rule history demo
    [[ $output == *"approved, ends after 1 use"* ]]
}

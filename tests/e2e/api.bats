#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The HTTP interface of a running gateway, asked by somebody who means no good.

load helper.bash

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/two.lua" <<'LUA'
return {
  name = "two", version = "1.0.0", summary = "Wants two people for one rule and refuses another.",
  vote = function(t, ballot)
    for rule in t:added() do
      if rule.name == "deny_me" then return ballot:deny("NO", rule.doc_path, "not this one") end
      if rule.name == "hold_me" and not (t.draft and #t.draft.approvals > 0) then
        return ballot:hold("TWO", rule.doc_path, "two people must want this")
      end
    end
    for rule in t:removed() do
      if rule.name == "keep_me" and not (t.draft and #t.draft.approvals > 0) then
        return ballot:hold("TWO", rule.doc_path, "two people must want it gone")
      end
    end
    return ballot:allow()
  end,
}
LUA
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
tokens: [{name: second, sha256: $(printf '%s' "second person" | sha256sum | cut -d' ' -f1)}]
chain:
  voters:
    - {plugin: static_fields, isolation: inline}
    - {plugin: policy_safety, isolation: inline}
    - {plugin: live_reload, isolation: inline}
    - {script: $state/two.lua, level: overridable}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name one
    sluice sandbox create --name other
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

json='Content-Type: application/json'

rule() { echo "{\"endpoints\":[{\"host\":\"$1\",\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}"; }
policy() { echo "{\"version\":1,\"network_policies\":{\"$1\":$(rule "$2")}}"; }
suggest() {         # suggest SANDBOX NAME HOST: id and review token
    api POST "/v1/sandboxes/$1/drafts" -H "$json" -d "{\"proposals\":[{\"rule_name\":\"$2\",\"rule\":$(rule "$3")}]}" |
        jq -r '.chunks[0] | "\(.id) \(.review_token)"'
}
revision() { sluice sandbox get "$1" -o json | jq .policy_revision; }
supervisor_token() { jq -r .token "$state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/spec.json"; }
as_supervisor() { curl -sS -o /dev/null -w '%{http_code}' --max-time 180 --unix-socket "$state/sluice.sock" -H "Authorization: Bearer $1" "${@:2}"; }

@test "a chunk is out of reach through any sandbox but its own" {
    read -r id token <<<"$(suggest one mine mine.example.com)"
    for way in "POST approve" "POST reject" "POST undo"; do
        read -r method verb <<<"$way"
        run -0 api "$method" "/v1/sandboxes/other/drafts/$id/$verb" -H "$json" -d '{}'
        [ "$(jq .status <<<"$output")" = 404 ]
    done
    run -0 api POST "/v1/sandboxes/other/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$token\"}"
    [ "$(jq .status <<<"$output")" = 404 ]
    run -0 api PATCH "/v1/sandboxes/other/drafts/$id" -H "$json" -d "{\"rule\":$(rule worse.example.com)}"
    [ "$(jq .status <<<"$output")" = 404 ]
    [ "$(revision other)" = 1 ]
    [ "$(sluice rule get one -o json | jq -r '.chunks[0].status')" = pending ]
}

@test "a chunk is approved as it was reviewed, or not at all" {
    read -r id token <<<"$(suggest one moving moving.example.com)"
    before=$(revision one)
    run -0 api POST "/v1/sandboxes/one/drafts/$id/approve"
    [ "$(jq .status <<<"$output")" = 428 ]
    api PATCH "/v1/sandboxes/one/drafts/$id" -H "$json" -d "{\"rule\":$(rule moved.example.com)}"
    run -0 api POST "/v1/sandboxes/one/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$token\"}"
    [ "$(jq .status <<<"$output")" = 412 ]
    fresh=$(jq -r .review_token <<<"$output")
    [ "$fresh" != "$token" ]
    sluice policy update one --add-endpoint between.example.com:443 --binary /usr/bin/curl
    run -0 api POST "/v1/sandboxes/one/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$fresh\"}"
    [ "$(jq .status <<<"$output")" = 412 ]
    fresh=$(jq -r .review_token <<<"$output")
    [ "$(revision one)" = $((before + 1)) ]
    run -0 api POST "/v1/sandboxes/one/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$fresh\"}"
    [ "$(jq -r .outcome <<<"$output")" = allowed ]
    run -0 api POST "/v1/sandboxes/one/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$fresh\"}"
    [ "$(jq .status <<<"$output")" = 409 ]
    [ "$(revision one)" = $((before + 2)) ]
}

@test "who asks for a trial never gets the real thing" {
    read -r id token <<<"$(suggest other trial trial.example.com)"
    before=$(revision other)
    for verb in "$id/approve" "$id/undo" approve-all; do
        run -0 api POST "/v1/sandboxes/other/drafts/$verb?dry_run=true" -H "$json" -d '{}'
        [ "$(jq .status <<<"$output")" = 400 ]
    done
    for word in yes TRUE on; do
        run -0 api PUT "/v1/sandboxes/other/policy?dry_run=$word" -H "$json" -d "$(policy trial trial.example.com)"
        [[ "$(jq -r .detail <<<"$output")" == "query parameter dry_run is true or false, not '$word'" ]]
    done
    for word in "" =1 =true; do
        run -0 api PUT "/v1/sandboxes/other/policy?dry_run$word" -H "$json" -d "$(policy trial trial.example.com)"
        [ "$(jq -c '[.outcome, .dry_run]' <<<"$output")" = '["allowed",true]' ]
    done
    [ "$(revision other)" = "$before" ]
    sluice rule clear other
}

@test "a held update needs somebody else, whatever is tried" {
    before=$(revision other)
    [ "$(api PUT /v1/sandboxes/other/policy -H "$json" -d "$(policy hold_me held.example.com)" | jq -r .outcome)" = held ]
    read -r id token <<<"$(api GET '/v1/sandboxes/other/drafts?status=pending' | jq -r '.chunks[] | select(.source == "held") | "\(.id) \(.review_token)"')"
    wait_event other draft ".draft == \"$id\" and .status == \"pending\""
    run -0 api POST "/v1/sandboxes/other/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$token\"}"
    [ "$(jq .status <<<"$output")" = 403 ]
    [[ "$output" == *"asked for this update: somebody else must approve it"* ]]
    run -0 api POST "/v1/sandboxes/other/drafts/$id/approve" -H "$json" -H 'Sluice-Override: true' -H 'Sluice-Reason: please' -d "{\"review_token\":\"$token\"}"
    [ "$(jq .status <<<"$output")" = 403 ]
    api POST /v1/sandboxes/other/drafts/approve-all -H "$json" -d '{"include_security_flagged":true}' | jq -e '.approved == 0'
    run -0 api PATCH "/v1/sandboxes/other/drafts/$id" -H "$json" -d "{\"rule\":$(rule worse.example.com)}"
    [ "$(jq .status <<<"$output")" = 409 ]
    [ "$(revision other)" = "$before" ]
    approve_as() { curl -sS -H "Authorization: Bearer $1" -H "$json" -d "{\"review_token\":\"$token\"}" "http://127.0.0.1:7070/v1/sandboxes/other/drafts/$id/approve"; }
    run -0 approve_as "$(cat "$state/admin.token")"
    [[ "$output" == *"asked for this update: somebody else must approve it"* ]]
    [ "$(revision other)" = "$before" ]
    run -0 approve_as "second person"
    [ "$(jq -r .outcome <<<"$output")" = allowed ]
    [ "$(revision other)" = $((before + 1)) ]
}

@test "a held rejection waits, and settles its chunk when somebody else approves it" {
    id=$(api POST /v1/sandboxes/one/drafts -H "$json" -d "{\"proposals\":[{\"rule_name\":\"keep_me\",\"rule\":$(rule keep.example.com)}]}" | jq -r '.chunks[0].id')
    sluice rule approve one --chunk-id "$id"
    sluice rule history one | grep -F approved | grep -qF " $id "
    run -1 sluice rule reject one --chunk-id "$id" --reason "no longer"
    [[ "$output" == *"held by 1 of 4 voters: chunk "*" of sandbox one waits for somebody else's approval"* ]]
    held=$(api GET '/v1/sandboxes/one/drafts?status=pending' | jq -r ".chunks[] | select(.takes_back == \"$id\") | .id")
    [ "$(api GET "/v1/sandboxes/one/drafts/$id" | jq -r .status)" = approved ]
    sluice --gateway http://127.0.0.1:7070 --token "second person" rule approve one --chunk-id "$held"
    [ "$(api GET "/v1/sandboxes/one/drafts/$id" | jq -c '[.status, .decided_by, .reason]')" = '["rejected","second","no longer"]' ]
}

@test "a held creation is refused in words that say what to do" {
    run -0 api POST /v1/sandboxes -H "$json" -d "{\"name\":\"held\",\"policy\":$(policy hold_me held.example.com)}"
    [ "$(jq -c '[.status, .outcome]' <<<"$output")" = '[403,"held"]' ]
    [[ "$(jq -r .type <<<"$output")" == */denied ]]
    [[ "$(jq -r .detail <<<"$output")" == "sandbox 'held' was not made: its policy was held by 1 of 4 voters, "*"'sluice policy set held'"* ]]
    [ "$(jq -r '.votes[3].code' <<<"$output")" = TWO ]
    [ "$(api GET /v1/sandboxes/held | jq .status)" = 404 ]
    run -0 sluice decision show "$(jq -r .decision <<<"$output")"
    [[ "$output" == *"It was held."*"only a sandbox that exists can wait for an approval"* ]]
    printf '%s' "$(policy hold_me held.example.com)" >"$BATS_TEST_TMPDIR/held.yaml"
    run -1 sluice sandbox create --name held --policy "$BATS_TEST_TMPDIR/held.yaml"
    [[ "$output" == *"two people must want this"* ]]
}

@test "decisions are counted by outcome" {
    count() { api GET /metrics | sed -n "s/^sluice_decisions_total{outcome=\"$1\"} //p"; }
    before="$(count allowed) $(count denied) $(count held)"
    api PUT /v1/sandboxes/other/policy -H "$json" -d "$(policy deny_me no.example.com)"
    api PUT /v1/sandboxes/other/policy?dry_run -H "$json" -d "$(policy hold_me no.example.com)"
    read -r allowed denied held <<<"$before"
    [ "$(count allowed) $(count denied) $(count held)" = "$allowed $((denied + 1)) $held" ]
}

@test "an override is given with a reason, which is on record" {
    before=$(revision other)
    ask() { api PUT /v1/sandboxes/other/policy -H "$json" -d "$(policy deny_me no.example.com)" "$@"; }
    [ "$(ask | jq -r .outcome)" = denied ]
    [ "$(ask -H 'Sluice-Override: true' | jq .status)" = 403 ]
    [ "$(ask -H 'Sluice-Override: true' -H 'Sluice-Reason:   ' | jq .status)" = 403 ]
    [ "$(revision other)" = "$before" ]
    [ "$(ask -H 'Sluice-Override: true' -H 'Sluice-Reason: the house burns' | jq -r .outcome)" = allowed ]
    run -0 sluice decision list other --limit 1 -o json
    [ "$(jq -c '.decisions[0] | [.outcome, .overridden, .reason]' <<<"$output")" = '["allowed",true,"the house burns"]' ]
}

@test "approvals and updates at once: each is there in the end, or was refused" {
    for n in 1 2 3 4 5 6; do suggest one "chunk$n" "chunk$n.example.com" >/dev/null; done
    before=$(revision one)
    n=0
    jobs=
    while read -r id token; do
        n=$((n + 1))
        api POST "/v1/sandboxes/one/drafts/$id/approve" -H "$json" -d "{\"review_token\":\"$token\"}" >"$BATS_TEST_TMPDIR/approve.$n" 3>&- &
        jobs="$jobs $!"
        sluice policy update one --add-endpoint "update$n.example.com:443" --binary /usr/bin/curl >/dev/null 3>&- &
        jobs="$jobs $!"
    done < <(api GET '/v1/sandboxes/one/drafts?status=pending' | jq -r '.chunks[] | select(.rule_name | startswith("chunk")) | "\(.id) \(.review_token)"')
    for job in $jobs; do wait "$job"; done
    allowed=$(cat "$BATS_TEST_TMPDIR"/approve.* | jq -s '[.[] | select(.outcome == "allowed")] | length')
    moved=$(cat "$BATS_TEST_TMPDIR"/approve.* | jq -s '[.[] | select(.status == 412)] | length')
    [ $((allowed + moved)) -eq "$n" ]
    [ "$(revision one)" = $((before + allowed + n)) ]
    [ "$(sluice policy get one --full | grep -c 'host: update[0-9].example.com')" -eq "$n" ]
    [ "$(sluice policy get one --full | grep -c 'host: .*chunk[0-9].example.com')" -eq "$allowed" ]
    sluice audit verify
}

@test "updates that come faster than a sandbox takes them: it goes forward only, and ends at the last" {
    sluice sandbox create --name storm
    run -0 python3 - "$state/sluice.sock" <<'PY'
import http.client, json, socket, sys
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])
def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/yaml"})
    answer = connection.getresponse()
    return answer.status, answer
follower, writer = Unix("localhost"), Unix("localhost")
_, stream = ask(follower, "GET", "/v1/events?sandbox=storm")
assert stream.readline().startswith(b":")
for n in range(400):
    status, answer = ask(writer, "PUT", "/v1/sandboxes/storm/policy", f"""
version: 1
network_policies: {{r: {{endpoints: [{{host: h{n}.example.com, port: 443}}], binaries: [{{path: /usr/bin/curl}}]}}}}""")
    answer.read()
    assert status == 200, status
status, answer = ask(writer, "GET", "/v1/sandboxes/storm/revisions/401?wait_ms=20000")
assert json.load(answer)["status"] == "loaded"
loaded, kind = [0], None
while loaded[-1] < 401:
    line = stream.readline().decode().rstrip()
    if line.startswith("event: "):
        kind = line[7:]
    elif line.startswith("data: ") and kind == "revision":
        event = json.loads(line[6:])
        assert event["status"] == "loaded", event
        assert event["revision"] > loaded[-1], (loaded, event)
        loaded.append(event["revision"])
status, answer = ask(writer, "GET", "/v1/sandboxes/storm/revisions")
statuses = [r["status"] for r in json.load(answer)["revisions"]]
assert statuses == ["loaded"] + ["superseded"] * 400, statuses[:5]
PY
    [ "$(sluice sandbox get storm -o json | jq -c '[.policy_revision, .loaded_revision]')" = '[401,401]' ]
    sluice sandbox delete storm
}

@test "while every voter is down nothing passes, and the way out is the operator's: stop it, or mend the chain" {
    put() { api PUT /v1/sandboxes/other/policy -H "$json" -H 'Sluice-Override: true' -H 'Sluice-Reason: now' -d "$1" | jq -r '"\(.status) \(.votes[0].code)"'; }
    sluice policy update other --add-endpoint there.example.com:443 --binary /usr/bin/curl
    before=$(revision other)
    cp "$state/sluice.yaml" "$state/good.yaml"
    echo 'return {name = "down", version = "1.0.0", summary = "Fails.", vote = function() error("down") end}' >"$state/down.lua"
    sed '/voters:/,$d' "$state/good.yaml" >"$state/sluice.yaml"
    echo "  voters: [{script: $state/down.lua}]" >>"$state/sluice.yaml"
    sluice plugin reload
    [ "$(put "$(policy more more.example.com)")" = "403 VOTER_ERROR" ]
    [ "$(put '{"version":1}')" = "403 VOTER_ERROR" ]
    [ "$(revision other)" = "$before" ]
    sluice sandbox stop other
    [ "$(api GET /v1/sandboxes/other | jq -r .phase)" = stopped ]
    cp "$state/good.yaml" "$state/sluice.yaml"
    sluice plugin reload
    sluice sandbox start other
    [ "$(api PUT /v1/sandboxes/other/policy -H "$json" -d '{"version":1}' | jq -r .outcome)" = allowed ]
}

@test "a sandbox's token opens its own stream, and nothing else" {
    token=$(supervisor_token one)
    for path in /v1/status /v1/sandboxes /v1/sandboxes/one /v1/sandboxes/one/policy /v1/sandboxes/one/drafts /v1/decisions /v1/events /v1/plugins /v1/sandboxes/one/logs; do
        [ "$(as_supervisor "$token" "http://localhost$path")" = 403 ]
    done
    [ "$(as_supervisor "$token" -X PUT -d '{"version":1}' -H "$json" http://localhost/v1/sandboxes/one/policy)" = 403 ]
    [ "$(as_supervisor "$token" -X POST -d '{}' -H "$json" http://localhost/v1/sandboxes/one/drafts)" = 403 ]
    [ "$(as_supervisor "$token" -X DELETE http://localhost/v1/sandboxes/other)" = 403 ]
    [ "$(as_supervisor 0000 http://localhost/v1/status)" = 401 ]
    [ "$(as_supervisor 0000 -H 'Connection: Upgrade' -H 'Upgrade: sluice-supervisor' http://localhost/v1/supervisor/stream)" = 410 ]
}

@test "a command's answer is taken from its own sandbox only" {
    supervisor=$(pgrep -f "sluice-supervisor --spec $state/sandboxes/$(sluice sandbox get one -o json | jq -r .id)/")
    kill -STOP "$supervisor"
    sluice sandbox exec one -- echo mine >"$BATS_TEST_TMPDIR/out" 3>&- &
    job=$!
    for guess in 0 ../x "$(printf 'a%.0s' $(seq 64))" %00; do
        code=$(as_supervisor "$(supervisor_token other)" -H 'Connection: Upgrade' -H 'Upgrade: sluice-exec' "http://localhost/v1/supervisor/exec/$guess")
        [ "$code" = 404 ] || [ "$code" = 400 ]
    done
    kill -CONT "$supervisor"
    wait "$job"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = mine ]
}

@test "what is wrong with a new sandbox's policy is told with path, line and column" {
    run -0 api POST /v1/sandboxes -H "$json" -d '{"name": "bad",
 "policy": {"version": 1,
  "network_policies": {"a": {"endpoints": [{"host": "127.0.0.1", "port": 1}]}},
  "typo": 1}}'
    [ "$(jq .status <<<"$output")" = 422 ]
    [ "$(jq -c '.errors[0] | [.path, .line]' <<<"$output")" = '["policy.typo",4]' ]
    run -0 api POST /v1/sandboxes -H "$json" -d '{"name": "bad",
 "policy": {"version": 1,
  "network_policies": {"a": {"endpoints": [{"host": "127.0.0.1", "port": 1}], "binaries": [{"path": "/**"}]}}}}'
    [ "$(jq -c '.errors[0] | [.path, .line, .column]' <<<"$output")" = '["policy.network_policies.a.endpoints[0].host",3,53]' ]
    run -1 sluice sandbox get bad
}

@test "strangers who take every TCP connection lock out nobody, neither there nor on the Unix socket" {
    python3 -c '
import socket, sys
held = []
for n in range(1100):
    s = socket.create_connection(("127.0.0.1", 7070), 60)
    held.append(s)
print("held", flush=True)
sys.stdin.read()' <"$state/ready" >"$BATS_TEST_TMPDIR/held" 3>&- &
    crowd=$!
    exec 7>"$state/ready"
    until_so 'grep -q held "$BATS_TEST_TMPDIR/held"'
    run curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7070/healthz
    [ "$output" = 200 ]                             # the oldest idle one gave way
    run setpriv --reuid 4243 --regid 4243 --clear-groups curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7070/healthz
    [ "$(id -u)" -ne 0 ] || [ "$output" = 200 ]
    sluice status
    [ "$(sluice sandbox exec one -- echo well)" = well ]
    exec 7>&-
    kill "$crowd"
}

@test "what is kept of the events is told from where somebody left off, also to who does not stay" {
    kept() { api GET '/v1/events?follow=false' "$@" | sed -n 's/^id: //p'; }
    sluice sandbox create --name events
    sluice sandbox delete events
    ids=$(kept)
    [ "$(wc -l <<<"$ids")" -gt 2 ]
    [ "$(kept -H "Last-Event-ID: $(tail -2 <<<"$ids" | head -1)")" = "$(tail -1 <<<"$ids")" ]
    [ -z "$(kept -H "Last-Event-ID: $(tail -1 <<<"$ids")")" ]
    [ "$(kept -H 'Last-Event-ID: 1')" = "$ids" ]
    api GET '/v1/events?follow=false' -H 'Last-Event-ID: 1' | grep -qx 'event: reset'
}

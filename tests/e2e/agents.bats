#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# http://policy.local: what an agent in a sandbox sees, proposes and waits for.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice sandbox create --name demo --agent-proposals on
    sluice sandbox create --name other --agent-proposals on
    sluice sandbox create --name off
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# ask NAME PATH [CURL OPTION...]: the answer of policy.local, and its status on a line of its own.
ask() { sluice sandbox exec "$1" -- curl -sS -w '\n%{http_code}' "${@:3}" "http://policy.local$2"; }
# get NAME PATH [CURL OPTION...]: its body.
get() { sluice sandbox exec "$1" -- curl -sS "${@:3}" "http://policy.local$2"; }

# rule KEY HOST PORT [MEMBERS]: a proposal.
rule() {
    printf '{"intent_summary":"for the test","operations":[{"addRule":{"ruleName":"%s","rule":{"name":"%s","endpoints":[{"host":"%s","port":%s%s}],"binaries":[{"path":"/usr/bin/curl"}]}}}]}' "$1" "$1" "$2" "$3" "${4-}"
}
propose_as_agent() { get "$1" /v1/proposals -d "$2" | jq -r '.accepted_chunk_ids[0]'; }

# wait_for NAME ID: begins to wait; the answer goes to $BATS_TEST_TMPDIR/waited.
wait_for() {
    get "$1" "/v1/proposals/$2/wait?timeout=120" >"$BATS_TEST_TMPDIR/waited" 3>&- &
    waiter=$!
}

@test "denied, read, proposed, waited for, approved, repeated" {
    run -0 sluice sandbox exec demo -- curl -sS "$url"
    [ "$(jq -c '[.next_steps[].action]' <<<"$output")" = '["read_skill","inspect_policy","inspect_recent_denials","submit_proposal"]' ]
    [ "$(jq -r '.next_steps[1:][] | "\(.method) \(.url)"' <<<"$output")" = "GET http://policy.local/v1/policy/current
GET http://policy.local/v1/denials?last=5
POST http://policy.local/v1/proposals" ]
    [[ "$(jq -r .agent_guidance <<<"$output")" == *"/etc/openshell/skills/policy_advisor.md"*"policy_reloaded: true"* ]]
    sluice sandbox exec demo -- cat "$(jq -r '.next_steps[0].path' <<<"$output")" | grep -q 'http://policy.local/v1/proposals'

    get demo /v1/policy/current | jq -e '.format == "yaml" and (.policy_yaml | contains("filesystem_policy"))'
    get demo '/v1/denials?last=1' | jq -e --arg o "$origin" '.log_available and (.denials | length == 1 and (.[0] | contains("DENIED") and contains($o)))'

    run -0 ask demo /v1/proposals -d "$(rule story 10.77.0.2 8080 ',"protocol":"rest","enforcement":"enforce","rules":[{"allow":{"method":"GET","path":"/"}}]')"
    [ "${lines[1]}" = 202 ]
    [ "$(jq -c '[.status, .accepted_chunks, .rejected_chunks, .rejection_reasons]' <<<"${lines[0]}")" = '["submitted",1,0,[]]' ]
    id=$(jq -r '.accepted_chunk_ids[0]' <<<"${lines[0]}")
    get demo "/v1/proposals/$id" | jq -e --arg id "$id" '.chunk_id == $id and .status == "pending" and .rule_name == "story" and (has("policy_reloaded") or has("timed_out") | not)'
    sluice rule get demo -o json | jq -e --arg id "$id" '.chunks[] | select(.id == $id) | .source == "agent" and .rationale == "for the test" and .confidence == 0.75 and (.asked_by | length == 2)'

    wait_for demo "$id"
    sluice rule approve demo --chunk-id "$id"
    wait "$waiter"
    jq -e '.status == "approved" and .policy_reloaded and (has("timed_out") | not)' "$BATS_TEST_TMPDIR/waited"
    [ "$(knock demo)" = 200 ]
}

@test "rejected, with the reason; a wait that runs out says so" {
    id=$(propose_as_agent demo "$(rule no no.example.com 443)")
    get demo "/v1/proposals/$id/wait?timeout=1" | jq -e '.status == "pending" and .timed_out'
    wait_for demo "$id"
    sluice rule reject demo --chunk-id "$id" --reason 'use the mirror'
    wait "$waiter"
    jq -e '.status == "rejected" and .rejection_reason == "use the mirror" and (has("policy_reloaded") | not)' "$BATS_TEST_TMPDIR/waited"
    run -0 ask demo "/v1/proposals/$id"
    [ "$(jq -r .status <<<"${lines[0]}")" = rejected ]
    id=$(propose_as_agent demo "$(rule no no.example.com 443)")
    wait_for demo "$id"
    propose_as_agent demo "$(rule again no.example.com 443)"
    wait "$waiter"
    [[ "$(jq -r '"\(.status) \(.rejection_reason)"' "$BATS_TEST_TMPDIR/waited")" == "rejected superseded by chunk "* ]]
    id=$(propose_as_agent demo "$(rule no no.example.com 443)")
    wait_for demo "$id"
    sluice rule clear demo
    wait "$waiter"
    [ "$(jq -r .error "$BATS_TEST_TMPDIR/waited")" = chunk_not_found ]
}

@test "programs that know no proxy reach it too" {
    run -0 plain demo curl -sS -w '\n%{http_code}' http://policy.local/v1/policy/current
    [ "${lines[1]}" = 200 ]
    id=$(plain demo curl -sS http://policy.local/v1/proposals -d "$(rule bare bare.example.com 443)" | jq -r '.accepted_chunk_ids[0]')
    plain demo curl -sS "http://policy.local/v1/proposals/$id" | jq -e '.status == "pending"'
}

@test "a proposal may carry every kind of rule" {
    run -0 ask demo /v1/proposals -d "$(rule mcp mcp.example.com 443 ',"protocol":"mcp","enforcement":"enforce","rules":[{"allow":{"method":"tools/call","tool":"search"}}]')"
    [ "${lines[1]}" = 202 ]
    id=$(jq -r '.accepted_chunk_ids[0]' <<<"${lines[0]}")
    sluice rule get demo -o json | jq -e --arg id "$id" '.chunks[] | select(.id == $id) | .rule.endpoints[0].rules[0].allow == {method: "tools/call", tool: "search"}'
    run -0 get demo /v1/proposals -d "$(rule bad '*.com' 443)"
    jq -e '.accepted_chunks == 0 and .rejected_chunks == 1 and (.rejection_reasons[0] | startswith("chunk '"'bad'"': "))' <<<"$output"
}

@test "bad requests are told what is wrong" {
    run -0 ask demo /v1/nothing
    [ "${lines[0]} ${lines[1]}" = '{"detail":"policy.local route not found: GET /v1/nothing","error":"not_found"} 404' ]
    run -0 ask demo /v1/proposals -d '{"operations":[]}'
    [ "${lines[0]} ${lines[1]}" = '{"detail":"proposal requires at least one operation","error":"invalid_proposal"} 400' ]
    run -0 ask demo /v1/proposals -d "$(rule typo a.example.com 443 ',"deny_rule":[]')"
    [ "${lines[1]}" = 400 ]
    [[ "${lines[0]}" == *"deny_rules"* ]]
    run -0 ask demo /v1/proposals/none
    [ "${lines[0]} ${lines[1]}" = '{"detail":"this sandbox has no such chunk","error":"chunk_not_found"} 404' ]
    run -0 sluice sandbox exec demo -- sh -c "head -c 65537 /dev/zero | curl -sS -w '\n%{http_code}' --data-binary @- http://policy.local/v1/proposals"
    [ "${lines[0]} ${lines[1]}" = '{"detail":"a body has at most 65536 bytes: propose it in parts","error":"payload_too_large"} 413' ]
    run -0 sluice sandbox exec demo -- sh -c "head -c 65537 /dev/zero | curl -sS -o /dev/null -w '%{http_code}' -H 'Transfer-Encoding: chunked' --data-binary @- http://policy.local/v1/proposals"
    [ "$output" = 413 ]
    run -0 sluice sandbox exec demo -- bash -c 'exec 3<>/dev/tcp/10.200.0.1/3128; printf "GET https://policy.local/ HTTP/1.1\r\nHost: policy.local\r\n\r\n" >&3; cat <&3'
    [[ "$output" == *" 400 "*'{"detail":"Use http://policy.local only","error":"invalid_policy_local_scheme"}'* ]]
}

# wish KEY GRANT: a proposal of a rule that is to end.
wish() { rule "$1" 10.77.0.2 8080 | jq -c --argjson g "$2" '.operations[0].addRule.grant = $g'; }
ends() { sluice rule get demo -o json | jq -r --arg id "$1" '.chunks[] | select(.id == $id) | .grant.ends // "never"'; }

@test "a proposal wishes for an end; the approver takes it, or chooses another one or none" {
    printf 'version: 1\n' | sluice policy set demo --policy - --wait
    id=$(propose_as_agent demo "$(wish once '{"uses":1}')")
    run -0 sluice rule get demo
    [[ $output == *"Grant:      ends after 1 use, 1 left"* ]]
    sluice rule approve demo --chunk-id "$id" --wait
    [ "$(knock demo)" = 200 ]
    wait_event demo draft ".draft == \"$id\" and .status == \"superseded\""
    [ "$(knock demo)" = 403 ]
    id=$(propose_as_agent demo "$(wish brief '{"for":"10m"}')")
    [ "$(ends "$id")" = "10m after the approval" ]
    sluice rule approve demo --chunk-id "$id" --uses 3 --wait
    [ "$(ends "$id")" = "after 3 uses" ]
    sluice rule undo demo --chunk-id "$id" --wait
    sluice rule approve demo --chunk-id "$(propose_as_agent demo "$(wish kept '{"for":"10m"}')")" --no-end --wait
    [ "$(sluice policy get demo -o json | jq -c .grants)" = '[]' ]
    [ "$(knock demo)" = 200 ]
}

@test "a wish names a process as the sandbox sees it, and a bad one is told" {
    run -0 sluice sandbox exec demo -- sh -c "printf '%s' '$(wish own '{"pid":"PID"}')' | sed \"s/\\\"PID\\\"/\$\$/\" | curl -sS -d @- http://policy.local/v1/proposals; echo; echo \$\$"
    id=$(jq -r '.accepted_chunk_ids[0]' <<<"${lines[0]}")
    [ "$(ends "$id")" = "with process ${lines[1]}" ]
    run -1 sluice rule approve demo --chunk-id "$id"
    [[ $output == *"no process ${lines[1]}"* ]] || [[ $output == *"has ended"* ]]
    get demo /v1/proposals -d "$(wish none '{"pid":4194304}')" | jq -e '.accepted_chunks == 0 and (.rejection_reasons[0] | startswith("chunk '"'none'"': the sandbox has no process 4194304"))'
    run -0 ask demo /v1/proposals -d "$(wish bad '{"for":"soon"}')"
    [ "${lines[1]}" = 400 ]
    [[ "$(jq -r .detail <<<"${lines[0]}")" == "operations[0].addRule.grant.for: must be a duration from 1ms to 3650d such as 90s, 10m or 2h, not "* ]]
}

@test "another sandbox sees none of it" {
    id=$(propose_as_agent demo "$(rule mine mine.example.com 443)")
    run -0 ask other "/v1/proposals/$id"
    [ "${lines[1]}" = 404 ]
    run -0 ask other "/v1/proposals/$id/wait?timeout=1"
    [ "${lines[1]}" = 404 ]
    get other /v1/denials | jq -e '.denials == []'
}

@test "off, it serves nothing, and is turned on and off at once" {
    for path in /v1/policy/current /v1/denials /v1/proposals/x /v1/nothing; do
        run -0 ask off "$path"
        [ "${lines[1]}" = 404 ]
        [ "$(jq -r .error <<<"${lines[0]}")" = feature_disabled ]
        [[ "${lines[0]}" == *agent_policy_proposals_enabled* ]]
    done
    sluice sandbox exec off -- curl -sS "$url" | jq -e 'has("agent_guidance") or has("next_steps") | not'
    sluice sandbox exec off -- test ! -e /AGENTS.md
    sluice sandbox exec demo -- grep -q policy_advisor.md /AGENTS.md
    sluice sandbox set off --agent-proposals on
    until_so "[ \"\$(get off /v1/policy/current | jq -r .format)\" = yaml ]"
    sluice sandbox exec off -- curl -sS "$url" | jq -e '.next_steps | length == 4'
    id=$(propose_as_agent off "$(rule r r.example.com 443)")
    wait_for off "$id"
    until_so "[ \"\$(get off '/v1/proposals/$id' | jq -r .status)\" = pending ]"
    sluice sandbox set off --agent-proposals off
    wait "$waiter"
    [ "$(jq -r .error "$BATS_TEST_TMPDIR/waited")" = feature_disabled ]
}

@test "approval mode auto decides at once" {
    sluice sandbox create --name auto --agent-proposals on --approval-mode auto
    id=$(propose_as_agent auto "$(rule public api.example.com 443 ',"protocol":"rest","enforcement":"enforce","rules":[{"allow":{"method":"GET","path":"/a"}}]')")
    get auto "/v1/proposals/$id/wait" | jq -e '.status == "approved" and .policy_reloaded'
    id=$(propose_as_agent auto "$(rule brief brief.example.com 443 | jq -c '.grant = {for: "1h"}')")
    get auto "/v1/proposals/$id/wait" | jq -e '.status == "approved"'
    sluice policy get auto -o json | jq -e --arg id "$id" '[.grants[] | [.chunk, .ends, .ended]] == [[$id, "1h after the approval", false]]'
    id=$(propose_as_agent auto "$(rule internal 10.77.0.2 8080)")
    get auto "/v1/proposals/$id" | jq -e '.status == "pending" and (.rejection_reason | contains("a person decides"))'
    sluice sandbox delete auto
}

@test "a flood is bounded, and ends nothing" {
    id=$(propose_as_agent other "$(rule flood flood.example.com 443)")
    mkfifo "$BATS_TEST_TMPDIR/said"
    sluice sandbox exec other -- python3 - "$id" <"$top/tests/e2e/agent_waits.py" >"$BATS_TEST_TMPDIR/said" 3>&- &
    waiter=$!
    exec 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 word <&7
    [ "$word" = refused ]
    sluice rule reject other --chunk-id "$id" --reason enough
    read -r -t 180 refused decided <&7
    wait "$waiter"
    [ "$((refused + decided))" = 60 ]
    [ "$decided" -ge 1 ]
    [ "$decided" -le 32 ]
    until_so "[ \"\$(get other /v1/policy/current | jq -r .format)\" = yaml ]"
}

@test "a wait outlives the gateway" {
    id=$(propose_as_agent demo "$(rule later later.example.com 443)")
    sluice sandbox exec demo -- sh -c "setsid curl -sS 'http://policy.local/v1/proposals/$id/wait?timeout=200' -o /sandbox/waited </dev/null >/dev/null 2>&1 &"
    work=$state/sandboxes/$(sluice sandbox get demo -o json | jq -r .id)/work
    mkfifo -m 666 "$work/away"
    cat >"$work/ask" <<SH
read -r _ <away
curl -sS -w '%{http_code}\n' http://policy.local/v1/proposals/$id >said
curl -sS -w '%{http_code}\n' -d '$(rule more more.example.com 443)' http://policy.local/v1/proposals >>said
: >done
SH
    sluice -q sandbox exec demo --detach --workdir /sandbox -- sh ask
    pid=$(cat "$state/gateway.pid")
    kill -9 "$pid"
    wait_gone "$pid"
    echo >"$work/away"
    until_so '[ -e "$work/done" ]'
    [ "$(sed -E 's/.*"error":"([a-z_]*)".*/\1/' "$work/said" | paste -sd' ')" = 'gateway_lookup_failed 502 gateway_connect_failed 502' ] || { cat "$work/said"; return 1; } >&2
    start_gateway
    until_so "sluice sandbox exec demo -- true 2>/dev/null"
    sluice rule reject demo --chunk-id "$id" --reason 'after all'
    until_so "sluice sandbox exec demo -- grep -q 'after all' /sandbox/waited"
}

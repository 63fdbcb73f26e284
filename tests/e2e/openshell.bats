#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# OpenShell's gRPC service: a stock gRPC client, with messages of both wires.

load helper.bash

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice -q sandbox create --name demo
    id=$(sluice sandbox get demo -o json | jq -r .id)
    export id
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# call WIRE METHOD [JSON [ANSWERS]]: the answers, or code and text.
call() {
    timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$state/sluice.sock" \
        "$(command -v message_reader)" "$@"
}

in_default='"workspace_scope": {"workspace": "default"}'

submit() {         # submit HOST [FIELDS]: a proposed rule, whose endpoint has these fields too; prints its id
    api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{"proposals": [{"rule_name": "to-'"$1"'",
        "rule": {"endpoints": [{"host": "'"$1"'.example.com", "port": 443'"$2"'}],
        "binaries": [{"path": "/usr/bin/curl"}]}, "rationale": "wanted"}]}' | jq -r '.chunks[0].id'
}

@test "a draft is seen by both wires, in the words and numbers of each" {
    chunk=$(submit both ', "protocol": "rest", "tls": "skip", "access": "read-only"')
    run -0 call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending", "workspace": "default"}'
    [ "$(jq -c '.chunks[0] | [.id, .status, .rule_name, .rationale]' <<<"$output")" = \
      "[\"$chunk\",\"pending\",\"to-both\",\"wanted\"]" ]
    [ "$(jq -c '.chunks[0].proposed_rule.endpoints[0] | [.tls, .access, .ports]' <<<"$output")" = '["skip","read-only",[443]]' ]
    [ "$(jq -r '.chunks[0] | .created_at_ms > 1.7e12 and (.created_time | startswith("20"))' <<<"$output")" = true ]
    [ "$(jq -r '.chunks[0].current_effective_policy_hash | length' <<<"$output")" = 64 ]
    run -0 call enums GetDraftPolicy "{\"sandbox\": \"demo\", $in_default}"
    [ "$(jq -r '.chunks[0].id' <<<"$output")" = "$chunk" ]
    run -0 call enums RejectDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"reason\": \"no need\", $in_default}"
    [ "$output" = '{}' ]
    run -0 call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "rejected"}'
    [ "$(jq -r '.chunks[0].rejection_reason' <<<"$output")" = "no need" ]
}

@test "a chunk is approved with the token that was reviewed, taken back and found in the history" {
    chunk=$(submit token)
    token=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"review_token\": \"old\"}"
    [ "$output" = "FAILED_PRECONDITION review token does not match the fetched proposal; refetch and review again" ]
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"review_token\": \"$token\"}"
    [ "$(jq -r '.policy_version' <<<"$output")" = "$(sluice sandbox get demo -o json | jq .policy_revision)" ]
    [ "$(jq -r '.policy_hash' <<<"$output")" = "$(sluice sandbox get demo -o json | jq -r .policy_hash)" ]
    sluice policy get demo --full | grep -q token.example.com
    run -0 call enums UndoDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", $in_default}"
    [[ "$(sluice policy get demo --full)" != *token.example.com* ]]
    run -0 call texts GetDraftHistory '{"sandbox": "demo"}'
    [ "$(jq -r --arg c "$chunk" '[.entries[] | select(.chunk_id == $c) | .event_type] | index("approved") != null' <<<"$output")" = true ]
}

@test "a client without tokens approves what is there, an edited chunk has another token" {
    chunk=$(submit edited)
    token=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')
    run -0 call texts EditDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"proposed_rule\": {\"endpoints\":
        [{\"host\": \"other.example.com\", \"port\": 443}], \"binaries\": [{\"path\": \"/usr/bin/curl\"}]}}"
    [ "$output" = '{}' ]
    [ "$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')" != "$token" ]
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\"}"
    [ "$(jq 'has("policy_hash")' <<<"$output")" = true ]
    sluice policy get demo --full | grep -q other.example.com
}

@test "several chunks are approved by name, or all of them, by either wire" {
    one=$(submit one) two=$(submit two)
    tokens=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' |
        jq -c --arg a "$one" --arg b "$two" '[.chunks[] | select(.id == $a or .id == $b) | {chunk_id: .id, review_token}]')
    run -0 call enums ApproveAllDraftChunks "{\"sandbox\": \"demo\", \"approvals\": [{\"chunk_id\": \"$one\", \"review_token\": \"x\"}],
        \"approvals_or_scope\": [{\"chunk_id\": \"default\"}]}"
    [ "$output" = "FAILED_PRECONDITION proposal inputs changed during bulk review; refetch and review again" ]
    run -0 call enums ApproveAllDraftChunks "{\"sandbox\": \"demo\", \"approvals\": $tokens, \"approvals_or_scope\": [{\"chunk_id\": \"default\"}]}"
    [ "$(jq .chunks_approved <<<"$output")" = 2 ]
    submit three
    run -0 call texts ApproveAllDraftChunks '{"sandbox": "demo"}'
    [ "$(jq '.chunks_approved > 0' <<<"$output")" = true ]
    sluice policy get demo --full | grep -q three.example.com
    submit four
    run -0 call texts ClearDraftChunks '{"sandbox": "demo", "workspace": "default"}'
    [ "$output" = '{"chunks_cleared":1}' ]
}

@test "what is missing or unknown is said in the words that clients look for" {
    run -0 call texts GetDraftPolicy '{}'
    [ "$output" = "INVALID_ARGUMENT sandbox is required" ]
    run -0 call texts GetDraftPolicy '{"sandbox": "nobody"}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
    run -0 call enums GetDraftPolicy '{"sandbox": "demo", "workspace_scope": {"workspace": "other"}}'
    [ "$output" = "NOT_FOUND workspace 'other' not found" ]
    run -0 call texts ApproveDraftChunk '{"sandbox": "demo"}'
    [ "$output" = "INVALID_ARGUMENT chunk_id is required" ]
    run -0 call texts ApproveDraftChunk '{"sandbox": "demo", "chunk_id": "nothing"}'
    [ "$output" = "NOT_FOUND chunk not found" ]
    run -0 call texts EditDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"x\"}"
    [ "$output" = "INVALID_ARGUMENT proposed_rule is required" ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice top, on a terminal that the test reads.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

top_with() { run python3 "$BATS_TEST_DIRNAME/top_terminal.py" "$@" -- sluice top; [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }; }

@test "sandboxes, requests and the inbox at 80x24; a, r and d decide; resized" {
    sluice sandbox exec demo -- curl -sS -o /dev/null "$url" || true
    until_so '[ -n "$(sluice rule get demo --status pending -o name)" ]'
    id=$(sluice rule get demo --status pending -o name)
    top_with 80 24 "see:Inbox (1)" "see:demo" "see:10.77.0.2" "see:refused" "key:d" "see:$id" "see:/usr/bin/curl may now" \
        "key:x" "see:Sandboxes (1)" "size:120x40" "see:OWNER" "size:40x10" "see:Inbox (1)" "size:80x24" "see:tab pane" \
        "key:r" "see:Reject chunk $id? y: yes" "key:n" "gone:Reject chunk" \
        "key:a" "see:Approve chunk $id?" "key:y" "see:approved: revision 2" "see:Inbox (0)" "key:a" "see:the inbox is empty" "key:q"
    [[ "$output" == *"exit 0"*"alternate off"*"echo on" ]]
    [ "$(sluice policy get demo -o jsonpath='{.revision}')" = 2 ]
    # What comes while it shows is there without a key.
    sluice rule propose demo --add-endpoint live.example.com:443 --binary /usr/bin/curl
    top_with 80 24 "see:live.example.com" "key:ry" "see:rejected" "see:Inbox (0)" "key:q"
    [ -z "$(sluice rule get demo --status pending -o name)" ]
}

@test "the terminal is put right whatever ends it" {
    for step in kill:SIGTERM kill-child:SIGKILL kill-child:SIGSEGV $'key:\x03'; do
        top_with 80 24 "see:Sandboxes (1)" "$step"
        [[ "$output" == *"alternate off"*"echo on" ]] || { echo "$step: $output" >&2; return 1; }
        [[ "$output" != *"exit 0"* ]] || { echo "$step: $output" >&2; return 1; }
    done
    run -2 sluice top </dev/null
    [[ "$output" == "sluice: top needs a terminal"* ]]
}

@test "text that a sandbox chooses is shown and not obeyed" {
    sluice rule clear demo
    api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{"proposals":[{"rule_name":"evil",
        "rationale":"one\ntwo 日本語 end","rule":{"endpoints":[{"host":"evil.example.com","port":443}],"binaries":[{"path":"/usr/bin/curl"}]}}]}'
    top_with 80 24 "see:evil.example.com" "key:d" 'see:one\x0atwo 日' see:end key:xq
    [[ "$output" == *"exit 0"* ]]
}

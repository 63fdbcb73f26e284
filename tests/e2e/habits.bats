#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What people know from kubectl, docker and OpenShell: forms of results, prefixes, watching.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name demo --label team=a
    sluice sandbox create --name other --network none
    first_rule >"$state/first-rule.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

@test "results as names, by a template and as a wide table" {
    [ "$(sluice sandbox list -o name | sort | xargs)" = "demo other" ]
    [ "$(sluice sandbox get demo -o name)" = demo ]
    [ "$(sluice policy list demo -o name)" = 1 ]
    id=$(propose demo)
    [ "$(sluice rule get demo -o name)" = "$id" ]
    [ "$(sluice sandbox list -o jsonpath='{.items[?(@.name=="demo")].labels.team}')" = a ]
    [ "$(sluice sandbox get demo -o jsonpath='{.policy_revision} {.phase}')" = "1 ready" ]
    [ "$(sluice sandbox list -o jsonpath='{range .sandboxes[*]}{.name}:{.network}{"\n"}{end}' | sort | xargs)" = "demo:proxy other:none" ]
    run -0 sluice sandbox list -o wide
    [[ "${lines[0]}" == "NAME "*"CREATED "*"LABELS "*"HASH "*"ID" ]]
    [[ "$output" == *"team=a"* ]]
    [ "$(sluice sandbox list --no-headers | wc -l)" = 2 ]
    [ "$(sluice policy list demo -o wide --no-headers | awk '{ print length($2) }')" = 64 ]
    run -0 sluice decision list -o wide
    [[ "${lines[0]}" == *"REASON" ]]
    # What is wrong with a form is said before anything is asked.
    run -2 sluice --gateway unix:/nowhere.sock sandbox list -o 'jsonpath={.a'
    [[ "$output" == *"-o jsonpath={.a: } is missing, or this is not known here at character 4"* ]]
    run -2 sluice sandbox list -o custom-columns=NAME:.name
    [[ "$output" == *"-o is table, wide, name, json, yaml or jsonpath=EXPR, not 'custom-columns=NAME:.name'"* ]]
    run -1 sluice sandbox get nobody -o name
    [ "$output" = "sluice: sandbox 'nobody' not found" ]
}

@test "ids and names need not be typed to their end, but to delete a sandbox" {
    id=$(propose demo)
    run -0 sluice rule reject demo --chunk-id "${id:0:9}"
    [ "$(sluice rule get demo --status rejected -o name)" = "$id" ]
    run -1 sluice rule undo demo --chunk-id ffffffff-0
    [[ "$output" == *"no chunk id begins with 'ffffffff-0'"* ]]
    sluice policy set demo --policy "$state/first-rule.yaml"
    hash=$(sluice policy get demo -o jsonpath='{.hash}')
    run -0 sluice policy get demo --rev "${hash:0:12}" -o jsonpath='{.revision}'
    [ "$output" = "$(sluice policy get demo -o jsonpath='{.revision}')" ]
    decision=$(sluice decision list demo -o name | head -1)
    [[ "$(sluice decision show "${decision:0:13}")" == "Decision $decision of "* ]]
    run -0 --separate-stderr sluice sandbox get othe -o name
    [ "$output" = other ]
    [ "$stderr" = "→ Using sandbox 'other'" ]
    sluice sandbox create --name demo-2 --network none
    run -0 sluice policy get demo -o jsonpath='{.sandbox}'
    [ "$output" = demo ]
    run -1 sluice policy get dem
    [[ "$output" == "sluice: 'dem' begins more than one sandbox: demo"*"demo"* ]]
    for words in "sandbox delete oth" "sandbox stop oth" "policy rollback oth --to 1" "traffic oth"; do
        run -1 sluice $words
        [[ "$output" == *"'oth' not found"* ]] || { echo "$words: $output" >&2; return 1; }
    done
    run -3 sluice --gateway unix:/nowhere.sock sandbox get oth
    sluice sandbox delete demo-2
}

@test "lists are watched: what changes is shown as it does" {
    mkfifo "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/json"
    sluice sandbox list -w >"$BATS_TEST_TMPDIR/table" 3>&- &
    watcher=$!
    exec 4<"$BATS_TEST_TMPDIR/table"
    sluice rule get other -w -o jsonpath='{.id} {.status}' >"$BATS_TEST_TMPDIR/json" 3>&- &
    rules=$!
    exec 5<"$BATS_TEST_TMPDIR/json"
    read -r -t 60 line <&4
    [[ "$line" == "NAME "* ]]
    read -r -t 60 line <&4
    read -r -t 60 line <&4
    sluice sandbox create --name watched --network none
    until [[ "$line" == "watched "*ready* ]]; do read -r -t 60 line <&4; done
    sluice sandbox delete watched
    until [[ "$line" == "watched "*deleted* ]]; do read -r -t 60 line <&4; done
    id=$(propose other)
    read -r -t 60 line <&5
    [ "$line" = "$id pending" ]
    sluice rule reject other --chunk-id "$id"
    until [ "$line" = "$id rejected" ]; do read -r -t 60 line <&5; done
    kill "$watcher" "$rules"
}

@test "the proposals of all sandboxes in one list" {
    demo=$(propose demo) other=$(propose other)
    run -0 sluice rule get --all-sandboxes --status pending
    [[ "${lines[0]}" == "SANDBOX "*"ID "*"STATUS "* ]]
    [[ "$output" == *"other "*"$other"* ]]
    [[ "$(sluice rule get -A -o name)" == *"$other"* ]]
    run -2 sluice rule get demo -A
    [[ "$output" == *"--all-sandboxes and a name exclude each other"* ]]
}

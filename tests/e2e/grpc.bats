#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 on the gateway's own listeners, beside HTTP/1.1: its API by curl, and gRPC by a stock client.

load helper.bash

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070", {address: "tcp:127.0.0.1:7071", trust_local_uids: true}]
tokens: [{name: somebody, sha256: $(printf secret | sha256sum | cut -d' ' -f1)}]
YAML
    start_origin
    start_gateway --config "$state/sluice.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

h2() {             # h2 PATH [CURL OPTION...]: by HTTP/2 on the Unix socket
    curl -sS --max-time 60 --http2-prior-knowledge --unix-socket "$state/sluice.sock" "http://localhost$1" "${@:2}"
}
h2_tcp() { curl -sS --max-time 60 --http2-prior-knowledge "http://127.0.0.1:7070$1" "${@:2}"; }

@test "the API answers by HTTP/2 as it does by HTTP/1.1" {
    [ "$(h2 /v1/status -o /dev/null -w '%{http_version} %{http_code}')" = "2 200" ]
    [ "$(h2 /v1/permissions)" = "$(api GET /v1/permissions)" ]
    [ "$(h2 /openapi.json)" = "$(api GET /openapi.json)" ]
    run -0 h2 /v1/sandboxes -H 'Content-Type: application/json' -d '{"name": 7}' -w '\n%{http_code}'
    [ "${lines[-1]}" = 422 ]
    [[ "$output" == *'"path":"name"'* ]]
    [ "$(h2 /v1/nothing -o /dev/null -w '%{http_code}')" = 404 ]
    [ "$(h2 /healthz -X DELETE -o /dev/null -w '%{http_code}')" = 405 ]
}

@test "by HTTP/2 too, a token or the Unix socket says who asks" {
    [ "$(h2_tcp /healthz)" = ok ]
    [ "$(h2_tcp /v1/status -o /dev/null -w '%{http_code}')" = 401 ]
    [ "$(h2_tcp /v1/status -H 'Authorization: Bearer wrong' -o /dev/null -w '%{http_code}')" = 401 ]
    [ "$(h2_tcp /v1/status -H 'Authorization: Bearer secret' | jq -r .status)" = connected ]
}

@test "events follow by HTTP/2" {
    sluice -q sandbox create --name seen
    run -0 grep -m1 '^id:' < <(exec 2>/dev/null 3>&-; h2 /v1/events -N -H 'Last-Event-ID: 0')
}

calls() { timeout 120 /usr/bin/python3 "$top/tests/e2e/grpc_calls.py" "$@"; }

@test "a stock gRPC client calls and watches, on the Unix socket and by TCP" {
    local target
    for target in "unix:$state/sluice.sock" 127.0.0.1:7070; do
        TOKEN=secret run -0 --separate-stderr calls "$target" check gzip watch deadline many streams services services-alpha
        [ "$output" = "check 0801
gzip 0801
watch 0801
watch CANCELLED
deadline 0801
deadline DEADLINE_EXCEEDED
many 1000
streams 99
beside 0801
v1 True 1 True True
v1alpha True 1 True True" ]
    done
}

@test "a stock gRPC client is told what is wrong with its calls" {
    run -0 --separate-stderr calls "unix:$state/sluice.sock" unknown missing long bomb check
    [ "$output" = "unknown UNIMPLEMENTED this gateway does not offer the service some.Service
missing UNIMPLEMENTED this gateway does not offer the method List of grpc.health.v1.Health
long RESOURCE_EXHAUSTED the message has more than 4096 bytes, which is the most that this method takes
bomb RESOURCE_EXHAUSTED the message would inflate to more than 4096 bytes, which is the most that this method takes
check 0801" ]
}

@test "a stock gRPC client is known by its token or its uid" {
    run -0 --separate-stderr calls 127.0.0.1:7070 check refused
    [ "$output" = "check 0801
watch UNAUTHENTICATED" ]
    TOKEN=wrong run -0 --separate-stderr calls 127.0.0.1:7070 refused
    [ "$output" = "watch UNAUTHENTICATED" ]
}

# ---- OpenShell ----

in_default='"workspace_scope": {"workspace": "default"}'

# os WIRE METHOD [JSON]: the answer, or code and text.
os() {
    timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$state/sluice.sock" "$(command -v message_reader)" "$@"
}

@test "OpenShell's clients of both wires make, see, stop, start and delete a sandbox" {
    local id
    run -0 os texts CreateSandbox '{"name": "older", "spec": {"environment": {"A": "b"}}, "labels": {"team": "red"}, "workspace": "default"}'
    [ "$(jq -c '.sandbox | [.metadata.name, .metadata.labels.team, .metadata.workspace, .status.phase]' <<<"$output")" = \
      '["older","red","default","PROVISIONING"]' ]
    id=$(jq -r .sandbox.metadata.id <<<"$output")
    [ "$(sluice sandbox get older -o json | jq -r '.id + .phase')" = "${id}ready" ]
    [ "$(sluice sandbox exec older -- printenv A)" = b ]
    run -0 os enums GetSandbox "{\"name\": \"older\", $in_default}"
    [ "$(jq -c '.sandbox | [.metadata.id, .status.phase, .status.conditions[0].status, .spec.policy.version]' <<<"$output")" = \
      "[\"$id\",\"READY\",\"True\",1]" ]
    run -0 os texts CreateSandbox '{"name": "busy", "spec": {"command": ["sh", "-c", "exit 7"]}, "workspace": "default"}'
    run -7 sluice sandbox wait busy
    run -0 os texts GetSandbox '{"name": "busy", "workspace": "default"}'
    [ "$(jq -c '.sandbox.status | [.phase, .exit_code]' <<<"$output")" = '["READY",7]' ]
    [ "$(jq -c '.sandbox.spec | [.command, .tty // false]' <<<"$output")" = '[["sh","-c","exit 7"],false]' ]
    sluice sandbox delete busy
    run -0 os enums CreateSandbox "{\"spec\": {}, $in_default}"
    [[ "$(jq -r .sandbox.metadata.name <<<"$output")" =~ ^[a-z]+-[a-z]+$ ]]
    run -0 os enums ListSandboxes "{\"label_selector\": \"team=red\", $in_default}"
    [ "$(jq -c '[.sandboxes[].metadata.name]' <<<"$output")" = '["older"]' ]
    run -0 os enums ListSandboxes "{\"page_size\": 1, $in_default}"
    [ "$(jq -r '.sandboxes | length' <<<"$output")" = 1 ]
    run -0 os enums ListSandboxes "{\"page_size\": 100, \"page_token\": $(jq .next_page_token <<<"$output"), $in_default}"
    [ "$(jq -r '(.sandboxes | length) + 1' <<<"$output")" = "$(sluice sandbox list -o json | jq '.sandboxes | length')" ]
    run -0 os texts StopSandbox '{"name": "older"}'
    [ "$(jq -r .sandbox.status.phase <<<"$output")" = STOPPED ]
    run -0 os texts StartSandbox '{"name": "older"}'
    [ "$(jq -r .sandbox.status.phase <<<"$output")" = READY ]
    run -0 os enums DeleteSandbox "{\"name\": \"older\", $in_default}"
    [ "$(jq -c '[.deleted, .outcome, .sandbox_id]' <<<"$output")" = "[true,\"COMPLETED\",\"$id\"]" ]
    run -0 os enums DeleteSandbox "{\"name\": \"older\", \"allow_missing\": true, $in_default}"
    [ "$(jq -r .outcome <<<"$output")" = ALREADY_ABSENT ]
}

@test "OpenShell's clients change a policy by replacement and by operations, and follow its revisions" {
    local id one='{"version": 1, "network_policies": {"one": {"name": "one", "endpoints": [{"host": "one.example.com", "port": 443, "protocol": "rest", "access": "read-only"}], "binaries": [{"path": "/usr/bin/curl"}]}}}'
    sluice -q sandbox create --name ruled
    id=$(sluice sandbox get ruled -o json | jq -r .id)
    run -0 os enums UpdateConfig "{\"sandbox\": \"ruled\", \"policy\": $one, $in_default}"
    [ "$(jq -c '[.version, .policy_hash]' <<<"$output")" = "[2,\"$(sluice sandbox get ruled -o json | jq -r .policy_hash)\"]" ]
    run -0 os texts UpdateConfig "{\"sandbox\": \"ruled\", \"policy\": $one}"
    [ "$(jq -r .version <<<"$output")" = 2 ]
    run -0 os texts UpdateConfig '{"sandbox": "ruled", "expected_resource_version": 2, "merge_operations": [
        {"add_rule": {"rule_name": "two", "rule": {"endpoints": [{"host": "two.example.com", "port": 443}], "binaries": [{"path": "/usr/bin/curl"}]}}},
        {"add_deny_rules": {"host": "one.example.com", "port": 443, "deny_rules": [{"method": "GET", "path": "/private/**"}]}}]}'
    [ "$(jq -r .version <<<"$output")" = 3 ]
    run -0 os texts UpdateConfig '{"sandbox": "ruled", "expected_resource_version": 2, "merge_operations": [{"remove_rule": {"rule_name": "two"}}]}'
    [[ "$output" == "ABORTED "* ]]
    sluice policy get ruled --full | grep -q /private/
    until_so '[ "$(os texts GetSandboxPolicyStatus "{\"sandbox\": \"ruled\"}" | jq -r .revision.status)" = LOADED ]'
    run -0 os enums GetSandboxPolicyStatus "{\"sandbox\": \"ruled\", \"version\": 2, $in_default}"
    [ "$(jq -c '[.revision.version, .revision.status, .active_version, .revision.policy.network_policies.one.endpoints[0].access]' <<<"$output")" = \
      '[2,"SUPERSEDED",3,"read-only"]' ]
    run -0 os texts ListSandboxPolicies '{"sandbox": "ruled"}'
    [ "$(jq -c '[.revisions[].version]' <<<"$output")" = '[3,2,1]' ]
    run -0 os texts GetSandboxConfig "{\"name\": \"$id\"}"
    [ "$(jq -c '[.version, .policy_source, (.policy.network_policies | keys)]' <<<"$output")" = '[3,"SANDBOX",["one","two"]]' ]
    run -0 os texts UpdateConfig '{"sandbox": "ruled", "setting_key": "proposal_approval_mode", "setting_value": {"string_value": "auto"}}'
    run -0 os texts GetSandboxConfig "{\"name\": \"$id\"}"
    [ "$(jq -r .settings.proposal_approval_mode.value.string_value <<<"$output")" = auto ]
    [ "$(sluice sandbox get ruled -o json | jq -r .approval_mode)" = auto ]
}

@test "OpenShell's clients find what they ask for when they start" {
    local method
    [ "$(os texts Health | jq -r .status)" = HEALTHY ]
    [ "$(os enums GetGatewayInfo | jq -c '[.status, .compute_drivers[0].name]')" = '["HEALTHY","sluice"]' ]
    [ "$(os texts GetCurrentUser | jq -c .roles)" = '["openshell-admin","openshell-user"]' ]
    [ "$(os texts GetGatewayConfig | jq -c '.settings | length')" = 4 ]
    [ "$(os texts ListWorkspaces | jq -c '[.workspaces[] | [.metadata.name, .status.phase]]')" = '[["default","ACTIVE"]]' ]
    [ "$(os enums GetWorkspace '{"name": "default"}' | jq -r .workspace.metadata.id)" = default ]
    [ "$(os enums GetWorkspace '{"name": "other"}')" = "NOT_FOUND workspace 'other' not found" ]
    for method in ListProviders ListSandboxTemplates ListServices ListWorkspaceMembers; do
        run -0 os enums "$method"
        [ "$output" = '{}' ] || { echo "$method: $output" >&2; return 1; }
    done
    [ "$(os texts ListProviderProfiles | jq -r '[.profiles[].id] | join(" ")')" = "github anthropic claude-code openai codex nvidia npm pypi aws generic" ]
}

@test "profiles that OpenShell's clients bring are checked, and none is imported" {
    local profile='{"profiles": [{"source": "a.yaml", "profile": {"id": "own", "credentials": [{"name": "KEY"}], "endpoints": [{"host": "a.test", "port": 443}]}}]}'
    run -0 os enums LintProviderProfiles "$profile"
    [ "$(jq -c '[.valid, [.diagnostics[] | [.source, .profile_id, .severity]]]' <<<"$output")" = '[true,[["a.yaml","own","warning"]]]' ]
    run -0 os texts LintProviderProfiles '{"profiles": [{"profile": {"credentials": [{"name": "K"}, {"name": "K"}, {}], "endpoints": [{"port": 1}]}}, {}]}'
    [ "$(jq -c '[.valid, [.diagnostics[] | select(.severity == "error") | .field]]' <<<"$output")" = \
        '[null,["id","credentials[1].name","credentials[2].name","endpoints[0].host","profile"]]' ]
    [ "$(os enums DeleteProviderProfile '{"id": "own", "allow_missing": true}' | jq -r .outcome)" = ALREADY_ABSENT ]
    [ "$(os enums DeleteSandboxTemplate '{"name": "own", "allow_missing": true}' | jq -r .outcome)" = ALREADY_ABSENT ]
    [ "$(os enums RemoveWorkspaceMember '{"principal_subject": "a", "allow_missing": true}' | jq -r .outcome)" = ALREADY_ABSENT ]
}

@test "OpenShell's clients are told by code and text what is refused, and by whom" {
    local method said
    sluice -q sandbox create --name strict
    while IFS='|' read -r method request said; do
        run -0 os texts "$method" "$request"
        [ "${output:0:${#said}}" = "$said" ] || { echo "$method $request: $output" >&2; return 1; }
    done <<'CASES'
GetSandbox|{"name": "nothing"}|NOT_FOUND sandbox not found
GetSandbox|{"name": "strict", "workspace": "other"}|NOT_FOUND workspace 'other' not found
GetSandbox|{}|INVALID_ARGUMENT name is required
CreateSandbox|{"name": "x"}|INVALID_ARGUMENT spec is required
CreateSandbox|{"name": "strict", "spec": {}}|ALREADY_EXISTS sandbox 'strict' already exists
CreateSandbox|{"name": "NO", "spec": {}}|INVALID_ARGUMENT name: 'NO' is no sandbox name
CreateSandbox|{"name": "x", "spec": {"resource_requirements": {"gpu": {}}}}|FAILED_PRECONDITION sandboxes of this gateway have no GPU: leave resource_requirements.gpu out
CreateSandbox|{"name": "x", "spec": {"policy": {"version": 1, "network_policies": {"a": {"endpoints": [{"host": "*", "port": 443}]}}}}}|INVALID_ARGUMENT spec.policy.network_policies.a
ListSandboxes|{"label_selector": "team"}|INVALID_ARGUMENT invalid label selector: expected 'key=value', got 'team'
ListSandboxes|{"page_size": -1}|INVALID_ARGUMENT page_size must not be negative
UpdateConfig|{"sandbox": "strict"}|INVALID_ARGUMENT one of policy, setting_key, or merge_operations must be provided
UpdateConfig|{"sandbox": "strict", "setting_key": "colour", "setting_value": {"string_value": "red"}}|INVALID_ARGUMENT unknown setting 'colour'
UpdateConfig|{"sandbox": "strict", "policy": {"version": 1, "filesystem_policy": {"read_only": ["/etc"]}}}|PERMISSION_DENIED
GetSandboxPolicyStatus|{"sandbox": "strict", "version": 7}|NOT_FOUND policy revision not found
ImportProviderProfiles|{}|UNIMPLEMENTED the profiles of this gateway are built in, and none is imported or updated: make a provider of the profile generic
UpdateProviderProfiles|{"id": "github"}|UNIMPLEMENTED the profiles of this gateway are built in
LintProviderProfiles|{}|INVALID_ARGUMENT profiles is required
DeleteProviderProfile|{"id": "github"}|FAILED_PRECONDITION provider profile 'github' cannot be deleted: the profiles of this gateway are built in
DeleteProviderProfile|{"id": "own"}|NOT_FOUND provider profile 'own' not found
CreateSandboxTemplate|{}|UNIMPLEMENTED this gateway keeps no sandbox templates: say in CreateSandbox what a sandbox has
DeleteSandboxTemplate|{"name": "own"}|NOT_FOUND sandbox template not found
AddWorkspaceMember|{}|UNIMPLEMENTED workspaces of this gateway have no members: grant permissions in sluice.yaml
RemoveWorkspaceMember|{"principal_subject": "a"}|NOT_FOUND member not found
GetProviderCredentials|{"name": "a"}|PERMISSION_DENIED this gateway tells no credential to clients
GetSandboxPolicyStatus|{"global": true}|NOT_FOUND no global policy revision found
CASES
    [[ "$(os texts UpdateConfig '{"sandbox": "strict", "policy": {"version": 1, "filesystem_policy": {"read_only": ["/etc"]}}}')" == *"static_fields: "* ]]
    [ "$(sluice sandbox get strict -o json | jq .policy_revision)" = 1 ]
}

story() {          # story texts|enums NAME
    PYTHONPATH=$build/openshell-descriptors/$1 timeout 120 "$build/openshell-descriptors/bin/python" "$top/tests/e2e/openshell_story.py" 127.0.0.1:7071 "$2"
}

@test "OpenShell's own SDK of both generations plays the story of the first rules and of an agent that asks, several at once" {
    compgen -G "$build/openshell-descriptors/lib/python3*/site-packages/grpc" >/dev/null || skip "the SDK is not there: scripts/lib/openshell-sdk $build/openshell-descriptors gets it"
    local each told pids=() names=(texts-a enums-a enums-b)
    for each in "${names[@]}"; do
        story "${each%-?}" "$each" >"$BATS_TEST_TMPDIR/$each" 2>&1 3>&- &
        pids+=($!)
    done
    for each in "${pids[@]}"; do wait "$each"; done
    told='health 1
phase 2
first 403
revision 2 is loaded
another port 403
approve FAILED_PRECONDITION
revision 3 is loaded
approved 200
person read the page 0.75 prover: no new findings
agent 403 policy_denied
skill True
policy False
denials True
proposed 202 1
decided 200 rejected None use the mirror
again 403
person read the page 0.75 prover: no new findings
agent 403 policy_denied
skill True
policy False
denials True
proposed 202 1
decided 200 approved True -
again 200
listed True
deleted'
    for each in "${names[@]}"; do
        [ "$(cat "$BATS_TEST_TMPDIR/$each")" = "$told" ] || { cat "$BATS_TEST_TMPDIR/$each" >&2; return 1; }
    done
}

@test "OpenShell's own SDK of both generations plays what its clients rely on" {
    compgen -G "$build/openshell-descriptors/lib/python3*/site-packages/grpc" >/dev/null || skip "the SDK is not there: scripts/lib/openshell-sdk $build/openshell-descriptors gets it"
    local each pids=()
    for each in texts enums; do
        PYTHONPATH=$build/openshell-descriptors/$each timeout 120 "$build/openshell-descriptors/bin/python" "$top/tests/e2e/openshell_stories.py" \
            127.0.0.1:7071 "st-$each" >"$BATS_TEST_TMPDIR/$each" 2>&1 3>&- &
        pids+=($!)
    done
    for each in "${pids[@]}"; do wait "$each"; done
    for each in texts enums; do
        run -1 grep -v '^ok ' "$BATS_TEST_TMPDIR/$each"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/$each")" -ge 30 ]
    done
}

@test "what OpenShell's Go SDK does first, by grpc-go" {
    [ -d /usr/share/gocode/src/google.golang.org/grpc ] || skip "golang-google-grpc-dev is not installed"
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$BATS_TEST_TMPDIR/cache /usr/bin/go build -ldflags='-s -w' -gcflags='google.golang.org/...=-N -l' \
        -gcflags='golang.org/...=-N -l' -gcflags='github.com/...=-N -l' -o "$BATS_TEST_TMPDIR/openshell" "$top/tests/fixtures/clients/openshell.go"
    run -0 timeout 120 "$BATS_TEST_TMPDIR/openshell" 127.0.0.1:7071 smoke
    [ "$output" = 'health 1
image true true
exec "\n\b\n\x06hello\n\x1a\x00"
listed true
deleted 1' ]
}

@test "what OpenShell's TypeScript SDK and Slack bridge do, by grpc-js with the messages of either wire" {
    local each wanted
    [ -d "$build/grpc-js/node_modules/@grpc/proto-loader" ] || skip "grpc-js is not there: scripts/lib/grpc-js $build/grpc-js gets it"
    [ -d "$build/openshell-descriptors/enums/openshell" ] || skip "the SDK is not there: scripts/lib/openshell-sdk $build/openshell-descriptors gets it"
    for each in texts enums; do
        PYTHONPATH=$build/openshell-descriptors/$each "$build/openshell-descriptors/bin/python" "$top/tests/fixtures/clients/descriptors.py" >"$BATS_TEST_TMPDIR/$each"
        wanted=true
        [ $each = texts ] || wanted=DELETION_OUTCOME_COMPLETED
        NODE_PATH=$build/grpc-js/node_modules run -0 timeout 120 node "$top/tests/fixtures/clients/openshell.js" "$BATS_TEST_TMPDIR/$each" 127.0.0.1:7071 "js-$each"
        [ "$output" = "health SERVICE_STATUS_HEALTHY
made js-$each SANDBOX_PHASE_PROVISIONING
exec 3145728 0
interactive typed
listed js-$each
config 1 64
draft 0
NOT_FOUND sandbox not found
DEADLINE_EXCEEDED
deleted $wanted" ] || { echo "$output" >&2; return 1; }
    done
}

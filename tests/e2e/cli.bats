#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line: usage, exit codes, wrong flags, bad input.

setup_file() {
    load helper
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=1            # each command looks for leaks, too
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    first_rule >"$state/first-rule.yaml"
    sluice sandbox create --name demo --label team=a
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

@test "help on every level, with an example, on stdout" {
    ASAN_OPTIONS=${ASAN_OPTIONS/leaks=1/leaks=0}                   # hundreds of commands
    run -0 sluice -h
    [[ "$output" == *"example: "* ]]
    run -0 sluice policy -h
    [[ "$output" == *"rollback"*"example: sluice policy "* ]]
    [ "$(sluice help)" = "$(sluice -h)" ]
    [ "$(sluice help policy set)" = "$(sluice policy set -h)" ]
    sluice -h | awk '$1 ~ /^(sandbox|policy|rule|plugin|decision|audit)$/ { print $1, $2 }' >"$BATS_TEST_TMPDIR/commands"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -gt 25 ]
    while read -r group verb; do
        run -0 sluice "$group" "$verb" -h
        [[ "$output" == *"example: sluice $group $verb"* ]]
    done <"$BATS_TEST_TMPDIR/commands"
    run -0 sluice --version
    [[ "$output" == "sluice "* ]]
    run -0 sluiced --version
}

@test "the man pages and the completion say what the help says" {
    ASAN_OPTIONS=${ASAN_OPTIONS/leaks=1/leaks=0}                   # hundreds of commands
    "$top/scripts/manpages" "$build/bin" "$BATS_TEST_TMPDIR/man"
    sed 's/\\-/-/g' "$BATS_TEST_TMPDIR/man/man1/sluice.1" >"$BATS_TEST_TMPDIR/page"
    grep -qF -- '\-\-state\-dir' "$BATS_TEST_TMPDIR/man/man1/sluiced.1"
    [ "$(grep '^\.SS' "$BATS_TEST_TMPDIR/man/man1/sluice.1" | tr -d '"')" = "$(commands | sed 's/^/.SS /; s/ $//')" ]
    for page in "sluice-policy.5 sluice policy explain" "sluice.yaml.5 sluiced --explain"; do
        sed 's/\\-/-/g; s/\\e/\\/g; s/^\\&//' "$BATS_TEST_TMPDIR/man/man5/${page%% *}" >"$BATS_TEST_TMPDIR/fields"
        ${page#* } >"$BATS_TEST_TMPDIR/explained"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/explained")" -gt 60 ]
        run -1 grep -vxFf "$BATS_TEST_TMPDIR/fields" "$BATS_TEST_TMPDIR/explained"
    done
    run -2 "$top/scripts/manpages"
    [[ "$output" == "manpages BIN_DIR MAN_DIR: "* ]]
    while read -r group verb; do
        sluice "$group" $verb -h | sed '/^global:/,/^$/d' >"$BATS_TEST_TMPDIR/help"
        run -1 grep -vxFf "$BATS_TEST_TMPDIR/page" "$BATS_TEST_TMPDIR/help"
    done < <(commands)
    complete_words() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=(); _sluice; echo "${COMPREPLY[*]}"; }
    . <(sluice completion bash)
    [ "$(complete_words sluice p)" = "plugin policy preset provider" ]
    [ "$(complete_words sluice preset show git)" = "github github-readonly" ]
    [ "$(complete_words sluice -q policy s)" = "schema set sign" ]
    [ "$(complete_words sluice policy set d)" = demo ]
    [ "$(complete_words sluice policy set demo --po)" = --policy ]
    [ "$(complete_words sluice events '')" = demo ]
    [ "$(complete_words sluice plugin check '')" = "" ]
    [ "$(complete_words sluice policy can-i --binary '')" = "" ]
    [ "$(complete_words sluice policy check --cases d)" = "" ]
    [ "$(complete_words sluice sandbox create --network '')" = "proxy none" ]
    [ "$(complete_words sluice status -o j)" = "json jsonpath=" ]
    shopt -s nullglob                                # a help text with [...] is no pattern
    [ "$(complete_words sluice policy update --add-e)" = --add-endpoint ]
    shopt -u nullglob
    for command in "policy can-i" "policy check" "sandbox create" traffic; do
        [ "$(complete_words sluice $command -- | tr ' ' '\n')" = "$(sluice $command -h | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--.*')" ]
    done
}

commands() { sluice -h | sed -nE '/^global:/q; s/^  ([a-z]+) +([a-z-]*)  .*/\1 \2/p'; }

@test "the README of the gateway names each key of the configuration, and each flag of sluiced" {
    [ "$(commands | wc -l)" -gt 30 ]
    sed -n '/^## Configuration$/,/^```$/p' "$top/core/gateway/README.md" >"$BATS_TEST_TMPDIR/shown"
    keys=$(cd "$top" && grep -hoE '^ +\{("|\.name = ")[a-z_0-9]+", ?(SCHEMA_|$)' core/{chain/config,auth/{token,certificate},gateway/listen,gateway/peers,gateway/config}.c | grep -oE '[a-z_0-9]+"' | tr -d '"')
    [ "$(wc -l <<<"$keys")" -gt 25 ]
    for key in $keys; do
        grep -qE "(^|[ {-])$key:" "$BATS_TEST_TMPDIR/shown" || { echo "not shown: $key" >&2; return 1; }
    done
    for flag in $(sluiced --help | grep -oE -- '--[a-z-]+' | sort -u); do
        grep -q -e "$flag" "$top/core/gateway/README.md" || { echo "not named: $flag" >&2; return 1; }
    done
}

@test "short words of other programs work, and for others the command is told" {
    ASAN_OPTIONS=${ASAN_OPTIONS/leaks=1/leaks=0}                   # hundreds of commands
    for words in ls ps "sandbox ls" "sandbox ps"; do
        [ "$(sluice $words)" = "$(sluice sandbox list)" ]
    done
    [ "$(sluice sandbox ls --selector team=a -o json | jq -r '.sandboxes[].name')" = demo ]
    [ "$(sluice sandbox ls -l team=b -o json | jq -r '.sandboxes[].name')" = "" ]
    [ "$(sluice rule ls demo -o json)" = "$(sluice rule get demo -o json)" ]
    run -1 sluice rm nobody
    [[ "$output" == *nobody* ]]
    run -0 sluice sandbox exec demo -it -- sh -c 'test -t 1 && echo on a terminal'
    [[ "$output" == *"on a terminal"* ]]
    while read -r word meant; do
        run -2 sluice $word
        [[ "$output" == *"did you mean 'sluice $meant'?"* ]] || { echo "$output" >&2; return 1; }
    done <<<'run sandbox create -- CMD
exec sandbox exec
apply policy set --policy FILE
describe sandbox get
approve rule approve
draft rule get'
    for words in "policy apply" "policy history" "sandbox inspect" "sandbox run" "rule accept"; do
        run -2 sluice $words
        [[ "$output" == *"did you mean 'sluice "*"'?"* ]]
    done
}

@test "wrong words and flags exit 2 and say what was meant" {
    run -2 sluice polcy set
    [[ "$output" == *"unknown command 'polcy', did you mean 'sluice policy'?"* ]]
    run -2 sluice policy sett
    [[ "$output" == *"did you mean 'sluice policy set'?"* ]]
    run -2 sluice policy set demo --polcy x
    [[ "$output" == *"unknown option '--polcy', did you mean '--policy'?"* ]]
    run -2 sluice policy set demo
    [[ "$output" == *"--policy FILE"* ]]
    run -2 sluice policy set demo --policy /does/not/exist
    [ "$output" = "sluice: cannot read /does/not/exist: No such file or directory" ]
    run -2 sluice ceiling set --policy /does/not/exist
    [ "$output" = "sluice: cannot read /does/not/exist: No such file or directory" ]
    run -2 sluice policy set demo --policy
    [[ "$output" == *"option --policy needs a value"* ]]
    run -2 sluice -o xml status
    run -2 sluice sandbox list --label team
    [[ "$output" == *"--label takes KEY=VALUE, not 'team'"* ]]
    run -2 sluice sandbox create word
    [[ "$output" == *"usage: sluice sandbox create [options] [-- CMD...]; -h shows all" ]]
    run -2 sluice sandbox create --name UPPER
    [ "${#lines[@]}" -eq 1 ]
    run -2 sluice sandbox exec demo
    [[ "$output" == *"which command?"* ]]
    run -2 sluice traffic demo --verdict denied
    [[ "$output" == *"--verdict is one of allowed refused failed, not 'denied'"* ]]
    run -2 sluice
    run -2 sluiced --nonsense
    run -2 sluiced --log-level loud
}

@test "a gateway that is not there: exit 3" {
    run -3 sluice --gateway unix:/nowhere/sluice.sock status
    [[ "$output" == *"cannot reach the gateway at unix:/nowhere/sluice.sock"* ]]
    SLUICE_GATEWAY=http://127.0.0.1:1 run -3 sluice sandbox list
    run -3 sluice --gateway unix:/nowhere/sluice.sock sandbox exec demo -- true
    [[ "$output" == *"cannot reach the gateway at unix:/nowhere/sluice.sock: No such file or directory"* ]]
    run -2 sluice --gateway /nowhere/sluice.sock status
    [[ "$output" == *"a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '/nowhere/sluice.sock'"* ]]
    for address in unix: http:// http://:80 tcp: 'http://a b' 'http://a/'$'\n''X: y'; do
        run -2 sluice --gateway "$address" status
        [[ "$output" == *"a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '"* ]]
    done
}

@test "a gateway behind TLS: its certificate is checked, and every kind of command works" {
    make_certificate front /CN=front "" -addext subjectAltName=DNS:localhost
    cat "$state/front.pem" "$state/front.key" >"$state/front.both"
    listen python3 "$BATS_TEST_DIRNAME/tls_front.py" 127.0.0.1 7443 "$state/front.both" "$state/sluice.sock"
    run -3 sluice --gateway https://localhost:7443 sandbox list
    [[ "$output" == *"cannot reach the gateway at https://localhost:7443: its certificate is not accepted: self-signed certificate"* ]]
    export SSL_CERT_FILE=$state/front.pem
    run -3 sluice --gateway https://127.0.0.1:7443 sandbox list
    [[ "$output" == *"its certificate is not accepted: IP address mismatch"* ]]
    export SLUICE_GATEWAY=https://localhost:7443
    run -0 sluice sandbox list
    [[ "$output" == *demo* ]]
    run -0 sluice events demo
    head -c 3000000 /dev/zero | tr '\0' a | timeout 180 sluice sandbox exec demo -- sh -c 'cat; exit 7' >"$BATS_TEST_TMPDIR/echo" || [ $? -eq 7 ]
    [ "$(wc -c <"$BATS_TEST_TMPDIR/echo")" -eq 3000000 ]
    run -3 sluice --gateway http://localhost:7443 sandbox list
}

@test "the sandbox used last is one that there is" {
    sluice sandbox get demo
    run -1 sluice policy get nobody
    run -1 sluice sandbox exec nobody -- true
    run -1 sluice logs nobody
    [[ "$output" == *"sandbox 'nobody' not found"* ]]
    run -0 --separate-stderr sluice sandbox get
    [[ "$output" == "Name:      demo"* ]]
    [ "$stderr" = "→ Using sandbox 'demo' (last used)" ]
    sluice sandbox create --name short
    run -0 --separate-stderr sluice -q sandbox exec -- hostname
    [ "$output" = short ]
    [ "$stderr" = "" ]
    sluice sandbox exec -n demo -- true
    run -0 --separate-stderr sluice sandbox delete short
    [ "$output" = "✓ Deleted sandbox short" ]
    [ "$stderr" = "" ]
    run -0 sluice sandbox get
    [[ "$output" == *"Name:      demo"* ]]
    sluice sandbox create --name short
    [ "$(sluice sandbox delete short -o json | jq -r .name)" = short ]
    run -2 sluice sandbox get
    [[ "$output" == *"no sandbox name given and none was used before"* ]]
}

@test "a result that cannot be written is no success; whoever stops reading ends the command" {
    [ -z "${SLUICE_TEST_PATIENT-}" ] || skip "under valgrind, whose log takes the number of a closed stdout"
    run -1 bash -c 'sluice policy get demo --full >/dev/full'
    [[ "$output" == *"cannot write the result: No space left on device"* ]]
    run -1 bash -c 'sluice sandbox list >&-'
    [[ "$output" == *"cannot write the result: Bad file descriptor"* ]]
    run -1 bash -c 'sluice sandbox exec demo -- echo much >/dev/full'
    [[ "$output" == *"cannot write the command's output: No space left on device"* ]]
    run -141 timeout 180 bash -c 'set -o pipefail; sluice sandbox exec demo -- yes | head -1'
    [ "$output" = y ]
    run -141 timeout 180 bash -c 'set -o pipefail; sluice events demo --follow | head -1'
    run -1 sluice events nobody
    [[ "$output" == *"sandbox 'nobody' not found"* ]]
    run -0 timeout 180 bash -c 'sluice sandbox exec demo -- cat <&-'
    run -2 bash -c 'sluice policy set demo --policy - <&-'
    [[ "$output" == *"cannot read -: Bad file descriptor"* ]]
}

@test "a client that dies while its command reads nothing takes the command with it" {
    yes 2>/dev/null | sluice sandbox exec demo -- sleep 4711 3>&- &
    client=$!
    until_so 'pgrep -f "^sleep 4711" >/dev/null'
    yes=$(pgrep -P $$ -x yes)
    # Everything on the way is full: nothing more is taken.
    until_so 'before=$(grep wchar "/proc/$yes/io"); read -r -t 0.3 _ <>"$state/ready" || [ "$(grep wchar "/proc/$yes/io")" = "$before" ]'
    kill -9 "$client"
    until_so '! pgrep -f "^sleep 4711" >/dev/null'
}

@test "results are JSON or YAML when asked, complete by contract" {
    run -0 sluice sandbox get demo -o json
    jq -e 'has("name") and has("id") and has("phase") and has("network") and has("labels") and has("policy_revision") and has("loaded_revision") and has("policy_hash") and has("created_at")' <<<"$output"
    jq -e '.created_at | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$")' <<<"$output"
    run -0 sluice policy get demo -o json
    jq -e 'has("sandbox") and has("revision") and has("loaded_revision") and has("hash") and has("status") and .policy.version == 1' <<<"$output"
    run -0 sluice policy list demo -o json
    jq -e '.revisions[0] | has("revision") and has("hash") and has("status") and has("kind") and has("actor") and has("reason") and has("created_at") and has("loaded_at") and has("error")' <<<"$output"
    run -0 sluice plugin list -o json
    jq -e '.voters | length == 3 and (map(has("name") and has("version") and has("kind") and has("level") and has("isolation") and has("path") and has("sha256") and has("state") and has("votes") and has("denials") and has("errors") and has("p50_us") and has("p99_us")) | all)' <<<"$output"
    run -0 sluice sandbox get demo -o yaml
    [[ "$output" == *'phase: ready'* ]]
    run -0 sluice status -o json
    [ "$(jq -r .gateway <<<"$output")" = "$SLUICE_GATEWAY" ]
}

@test "an update document has every member of the contract" {
    run -0 sluice policy set demo --policy "$state/first-rule.yaml" --dry-run -o json
    jq -e '.outcome == "allowed" and .dry_run == true and .changed == true and has("revision") and has("hash") and has("status") and has("warnings")' <<<"$output"
    jq -e '.votes | length == 3 and (map(has("voter") and has("version") and has("level") and has("verdict") and has("code") and has("message") and has("path") and has("duration_us")) | all)' <<<"$output"
    jq -e '.diff | has("added") and has("removed") and has("changed") and has("static")' <<<"$output"
    [ "$(sluice policy get demo -o json | jq .revision)" = 1 ]
}

@test "the last used sandbox stands in for a missing name, and is named on stderr" {
    sluice sandbox get demo >/dev/null
    run -0 sluice policy get -o json
    [[ "$output" == *"Using sandbox 'demo' (last used)"* ]]
    [ "$(sluice -q policy get -o json | jq -r .sandbox)" = demo ]
}

@test "labels select" {
    sluice sandbox create --name other --label team=b
    [ "$(sluice sandbox list --label team=b -o json | jq -r '.sandboxes[].name')" = other ]
    [ "$(sluice sandbox list -o json | jq '.sandboxes | length')" = 2 ]
    run -2 sluice sandbox create --name bad --label nonsense
}

@test "settings change while a sandbox runs" {
    sluice sandbox create --name settings --hold 1500ms --agent-proposals on --label a=1
    [ "$(sluice sandbox get settings -o json | jq -c '[.hold_ms, .agent_proposals, .approval_mode]')" = '[1500,true,"manual"]' ]
    run -0 sluice sandbox set settings --hold 20s --approval-mode auto --label b=2 --remove-label a
    [[ "$output" == *"✓ Changed sandbox settings"*"Approval:  auto"*"Hold:      20s"*"Proposals: on"* ]]
    [ "$(sluice sandbox get settings -o json | jq -c '[.hold_ms, .agent_proposals, .approval_mode, .labels]')" = '[20000,true,"auto",{"b":"2"}]' ]
    run -0 sluice sandbox set settings --hold 0 --agent-proposals off -o json
    [ "$(jq -c '[.hold_ms, .agent_proposals]' <<<"$output")" = '[0,false]' ]
    run -0 sluice sandbox get settings
    [[ "$output" == *"Hold:      none"*"Proposals: off"* ]]
    [ "$(sluice events settings -o json | jq -rs '[.[] | select(.event == "settings")] | length')" = 2 ]
    run -2 sluice sandbox set settings
    [[ "$output" == *"what is to change? give --hold, --agent-proposals, --approval-mode, --label or --remove-label"* ]]
    run -2 sluice sandbox set settings --hold 20
    [[ "$output" == *"--hold is a duration such as 20s or 5m, or 0, not '20'"* ]]
    run -2 sluice sandbox set settings --hold 2h
    [[ "$output" == *"--hold is at most 1h, not '2h'"* ]]
    run -2 sluice sandbox set settings --agent-proposals yes
    [[ "$output" == *"--agent-proposals is on or off, not 'yes'"* ]]
    run -2 sluice sandbox create --name never --approval-mode never
    [[ "$output" == *"--approval-mode is manual or auto, not 'never'"* ]]
    sluice sandbox delete settings
}

@test "sandbox names are checked, a taken one is refused" {
    run -2 sluice sandbox create --name Not_A_Name
    [[ "$output" == *"'Not_A_Name' is no sandbox name"* ]]
    run -1 sluice sandbox create --name demo
    [[ "$output" == *"sandbox 'demo' already exists"* ]]
    run -1 sluice policy get nobody
    [[ "$output" == *"nobody"*"not found"* ]]
}

@test "policy check names file, line, column and path of every problem" {
    cat >"$BATS_TEST_TMPDIR/bad.yaml" <<'Y'
version: 1
network_policies:
  api:
    endpoints:
      - host: localhost
        port: 99999
        deny_rule: []
    binaries: [{path: curl}]
Y
    run -1 sluice policy check "$BATS_TEST_TMPDIR/bad.yaml"
    [[ "$output" == *"bad.yaml:6:"*"network_policies.api.endpoints[0].port"* ]]
    [[ "$output" == *"bad.yaml:7:"*"deny_rule"*"did you mean"*"deny_rules"* ]]
    run -0 sluice policy check "$state/first-rule.yaml"
    run -2 sluice policy check /does/not/exist
}

@test "bad policies are refused with every problem and change nothing" {
    before=$(sluice policy get demo -o json | jq -r .hash)
    run -1 sluice policy set demo --policy - <<<'version: 2'
    run -1 sluice policy set demo --policy - <<<'[[[['
    run -1 sluice policy set demo --policy - <<<'version: 1
netwrk_policies: {}'
    [[ "$output" == *"did you mean"*"network_policies"* ]]
    head -c 300000 /dev/zero | tr '\0' 'a' >"$BATS_TEST_TMPDIR/huge"
    run -1 sluice policy set demo --policy "$BATS_TEST_TMPDIR/huge"
    head -c 100000 /dev/zero | tr '\0' '[' >"$BATS_TEST_TMPDIR/deep"
    run -1 timeout 180 sluice policy set demo --policy "$BATS_TEST_TMPDIR/deep"
    head -c 1000 /dev/urandom >"$BATS_TEST_TMPDIR/binary"
    run -1 sluice policy set demo --policy "$BATS_TEST_TMPDIR/binary"
    run -1 sluice policy set demo --policy - <<<'version: 1
filesystem_policy: {read_only: [/opt]}'
    [[ "$output" == *"static_fields"* ]]
    [ "$(sluice policy get demo -o json | jq -r .hash)" = "$before" ]
}

@test "merge operations: order kept, missing things named, one revision" {
    run -0 sluice policy update demo --add-endpoint 10.77.0.2:8080 --binary /usr/bin/curl --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(jq -r '.diff.added[0].key' <<<"$output")" = allow_10_77_0_2_8080 ]
    [ "$(knock demo)" = 200 ]
    run -1 sluice policy update demo --remove-rule nothing_like_it
    [[ "$output" == *"nothing_like_it"* ]]
    run -1 sluice policy update demo --remove-endpoint 10.77.0.9:1
    run -2 sluice policy update demo
    [[ "$output" == *"policy update requires at least one operation flag"* ]]
    run -2 sluice policy update demo --operations - <<<'{"operations": []}'
    [[ "$output" == *'- has no operations: --operations takes {"operations": [...]}, or the answer to a refused request that has a cure'* ]]
    run -2 sluice policy update demo --operations - <<<'{"operations": ['
    [[ "$output" == *"-:2:0: is not JSON: "* ]]
    run -2 sluice policy update demo --add-endpoint nonsense
    run -2 sluice policy update demo --add-endpoint host:99999
    [[ "$output" == *"port must be in the range 1-65535"* ]]
    run -2 sluice policy update demo --binary /bin/x --remove-rule y
    run -0 sluice policy update demo --remove-rule allow_10_77_0_2_8080 --wait
    [ "$(knock demo)" = 403 ]
}

@test "--if-revision refuses when somebody else came first" {
    now=$(sluice policy get demo -o json | jq -r .revision)
    run -0 sluice policy set demo --policy "$state/first-rule.yaml" --if-revision "$now" -o json
    run -1 sluice policy set demo --policy - --if-revision "$now" <<<'version: 1'
    [[ "$output" == *"is at revision $((now + 1)), not $now"* ]]
    run -2 sluice policy set demo --policy - --if-revision 0 <<<'version: 1'
    [[ "$output" == *"--if-revision takes a number from 1 to 1000000000, not '0'"* ]]
}

@test "rollback makes an earlier revision the policy again" {
    run -0 sluice policy rollback demo --to 1 --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(sluice policy get demo -o json | jq -c '.policy.network_policies // {}')" = '{}' ]
    run -1 sluice policy rollback demo --to 4711
    run -2 sluice policy rollback demo
}

@test "policy diff: the newest change, a revision or a file from any revision" {
    sluice sandbox create --name differs
    run -0 sluice policy diff differs
    [[ "$output" == "no difference" ]]
    sluice policy set differs --policy "$state/first-rule.yaml"
    run -0 sluice policy diff differs
    [[ "$output" == *"+ network_policies.allow_10_77_0_2_8080"*"Effect: loosens"* ]]
    sluice policy rollback differs --to 1
    run -0 sluice policy diff differs
    [[ "$output" == *"- network_policies.allow_10_77_0_2_8080"*"Effect: tightens"* ]]
    run -0 sluice policy diff differs --from 2 --policy "$state/first-rule.yaml"
    [ "$output" = "no difference" ]
    run -0 sluice policy diff differs --from 1 --policy "$state/first-rule.yaml"
    [[ "$output" == *"+ network_policies.allow_10_77_0_2_8080"* ]]
    run -1 sluice policy diff differs --from 1 --policy - <<<'versoin: 1'
    [[ "$output" == *'-:1:1: versoin: a policy has no such field; did you mean "version"?'* ]]
    run -1 sluice policy diff nobody
    sluice sandbox delete differs
}

@test "policy diff shows rules by name" {
    run -0 sluice policy diff demo --policy "$state/first-rule.yaml"
    [[ "$output" == *"+ network_policies.allow_10_77_0_2_8080"* ]]
    run -0 sluice policy diff demo --from 1 --to 2 -o json
    jq -e '.diff.added | length == 1' <<<"$output"
}

@test "decisions can be listed and explained, refused ones with their candidate" {
    run -1 sluice policy set demo --policy - --reason "just trying" <<<'version: 1
process: {run_as_user: "1234"}'
    id=$(sluice decision list demo --limit 1 -o json | jq -r '.decisions[0].id')
    run -0 sluice decision show "$id"
    [[ "$output" == *", known by uid, from unix:uid="*") asked for a replace of the policy of sandbox demo"* ]]
    [ "$(sluice decision show "$id" -o json | jq -r '.actor | "\(.identity) \(.origin | sub("[0-9]+,pid=[0-9]+"; ""))"')" = "uid unix:uid=" ]
    [[ "$output" == *"just trying"* ]]
    [[ "$output" == *"It was denied"* ]]
    [ "$(sluice decision show "$id" -o json | jq -r .candidate.process.run_as_user)" = 1234 ]
    sluice policy update demo --add-endpoint effect.example.com:443 --binary /usr/bin/curl
    id=$(sluice decision list demo --limit 1 -o json | jq -r '.decisions[0].id')
    run -0 sluice decision show "$id"
    [[ "$output" == *"Effect: loosens"*"curl may now reach effect.example.com:443"* ]]
    [ "$(sluice decision show "$id" -o json | jq -r '.effect.gained[0].host')" = effect.example.com ]
    run -1 sluice decision show 00000000-0000-4000-8000-000000000000
}

@test "a head that was noted tells a store that was rolled back" {
    head=$(sluice audit verify -o json | jq -r .head)
    sluice policy update demo --add-endpoint later.example.com:443 --binary /usr/bin/curl
    sluice audit verify --head "$head"
    sluice audit verify --file "$state/sluice.db" --head "$head"
    run -1 sluice audit verify --head 0000
    [[ "$output" == *"the head 0000, which was noted, is no record of the chain: the store was rolled back or replaced"* ]]
}

@test "events shows what is kept and ends; logs shows what the proxy decided" {
    knock demo >/dev/null
    wait_event demo denial '.port == 8080'
    run -0 timeout 180 sluice events demo
    [[ "$output" == *"decision"*"\"kind\":\"create\""* ]]
    [[ "$output" == *"denial"*"10.77.0.2"* ]]
    [ "$(timeout 180 sluice events demo -o json | jq -r 'select(.event == "decision") | .data.outcome' | head -1)" = allowed ]
    run -0 sluice logs demo
    [[ "$output" == *"HTTP:GET"*"DENIED /usr/bin/curl"*"10.77.0.2:8080"* ]]
    [[ "$(sluice logs demo -o json | head -1 | jq -r '"\(.level) \(.text)"')" == "info HTTP:GET "* ]]
    [[ "$(sluice logs demo -o yaml | head -3)" == "---"*"at: "*"level: info" ]]
    [ "$(sluice events demo -o yaml | head -2)" = $'---\nevent: decision' ]
    [ "$(timeout 180 sluice events demo --follow -o json | head -1)" = "$(sluice events demo -o json | head -1)" ]
    run -1 sluice logs nobody -o json
    [[ "$output" == *'"status": 404'* ]]
}

@test "exec: exit codes, signals, streams, environment, timeout" {
    run -7 sluice sandbox exec demo -- sh -c 'exit 7'
    run -137 sluice sandbox exec demo -- sh -c 'kill -9 $$'
    run -127 sluice sandbox exec demo -- no-such-program
    run -124 sluice sandbox exec demo --timeout 1 -- tail -f /dev/null
    [ "$(echo hello | sluice sandbox exec demo -- cat)" = hello ]
    [ "$(sluice sandbox exec demo --env A=b --workdir /tmp -- sh -c 'echo $A $PWD')" = "b /tmp" ]
    [ "$(sluice sandbox exec demo -- sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
    [ "$(head -c 3000000 /dev/zero | sluice sandbox exec demo -- wc -c)" = 3000000 ]
    [ "$(sluice sandbox exec demo -- head -c 3000000 /dev/zero | wc -c)" = 3000000 ]
}

@test "create -- CMD runs it, --no-keep deletes the sandbox after" {
    run -5 sluice sandbox create --name once --no-keep -- sh -c 'echo ran; exit 5'
    [[ "$output" == *ran* ]]
    run -1 sluice sandbox get once
}

@test "a bad chain leaves the old one at work and says why" {
    stop_gateway
    chain_with static_fields policy_safety live_reload
    start_gateway --config "$state/sluice.yaml"
    chain_with static_fields no_such_voter
    run -1 sluice plugin reload
    [[ "$output" == *"no_such_voter"* ]]
    [ "$(sluice plugin list -o json | jq '.voters | length')" = 3 ]
    echo 'chain: {voters: [{plugin: live_reload, isolaton: inline}]}' >"$state/sluice.yaml"
    run -1 sluice plugin reload
    [[ "$output" == *"$state/sluice.yaml:1:40: chain.voters[0].isolaton: "*"did you mean \"isolation\"?"* ]]
    run -2 sluiced --config "$state/sluice.yaml" --check
    [[ "$output" == *"sluice.yaml:1:"* ]]
    mv "$state/sluice.yaml" "$state/away.yaml"
    run -1 --separate-stderr sluice plugin reload -o json
    [ "$(jq -c '[.status, .type]' <<<"$output")" = '[422,"https://sluice.dev/problems/invalid"]' ]
    [[ "$stderr" == *"the chain at work stays: cannot read the configuration file $state/sluice.yaml: No such file or directory"* ]]
    chain_with static_fields policy_safety live_reload
    run -0 sluiced --config "$state/sluice.yaml" --check
    [[ "$output" == *"3 voters"* ]]
}

@test "what is wrong with a policy file is told with file, line and column, by every command that takes one" {
    printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: 127.0.0.1, port: 1}]\n    binaries: [{path: "/**"}]\n' >"$BATS_TEST_TMPDIR/p.yaml"
    where="$BATS_TEST_TMPDIR/p.yaml:4:24: network_policies.a.endpoints[0].host: endpoint host '127.0.0.1' is always blocked"
    run -1 sluice policy check "$BATS_TEST_TMPDIR/p.yaml"
    [[ "$output" == *"$where"* ]]
    run -1 sluice sandbox create --name wrong --policy "$BATS_TEST_TMPDIR/p.yaml"
    [[ "$output" == *"$where"* ]]
    run -1 sluice sandbox get wrong
    sluice sandbox create --name right
    run -1 sluice policy set right --policy "$BATS_TEST_TMPDIR/p.yaml"
    [[ "$output" == *"$where"* ]]
    sluice sandbox delete right
}

@test "policy check goes on after a file that cannot be read, and speaks JSON" {
    printf 'version: 2\n' >"$BATS_TEST_TMPDIR/bad.yaml"
    printf 'version: 1\n' >"$BATS_TEST_TMPDIR/good.yaml"
    cd "$BATS_TEST_TMPDIR"
    run -2 sluice policy check good.yaml missing.yaml bad.yaml
    [[ "$output" == *"good.yaml is good"*"cannot read missing.yaml: No such file or directory"*"bad.yaml:1:10: version: must be 1, not 2"* ]]
    run -1 sluice policy check good.yaml bad.yaml -o json
    [ "$(jq -c '[.files[] | [.file, .valid, .errors[0].path, .errors[0].line, .errors[0].column]]' <<<"$output")" = \
        '[["good.yaml",true,null,null,null],["bad.yaml",false,"version",1,10]]' ]
    run -0 sluice policy check good.yaml -o yaml
    [[ "$output" == *"valid: true"* ]]
}

@test "endpoints that disagree are named by their places in the file, whatever else is wrong in it" {
    cat >"$BATS_TEST_TMPDIR/places.yaml" <<'YAML'
version: 1
network_policies:
  a:
    endpoints:
      - {host: a.example.com, port: 0}
      - {host: "", port: 443}
      - {host: a.example.com, port: 443}
      - {host: a.example.com, port: 443, tls: skip}
    binaries: [{path: /x}]
YAML
    run -1 --separate-stderr sluice policy check "$BATS_TEST_TMPDIR/places.yaml"
    [ "$(grep -c overlap <<<"$output")" = 1 ]
    [[ "$output" == *":8:9: network_policies.a.endpoints[3]: network policies 'a' endpoint[2] (a.example.com) and 'a' endpoint[3] (a.example.com) overlap"* ]]
}

@test "a file says the same to every command: what YAML leaves open is a text where a text is wanted" {
    printf 'version: 1\nprocess: {run_as_user: 1000, run_as_group: 1000}\nnetwork_policies: {"1": {name: 1.50}}\n' >"$BATS_TEST_TMPDIR/open.yaml"
    run -0 sluice policy check "$BATS_TEST_TMPDIR/open.yaml"
    sluice sandbox create --name open --policy "$BATS_TEST_TMPDIR/open.yaml" --env "E=é: 👍" --label n=1
    run -0 --separate-stderr sluice policy set open --policy "$BATS_TEST_TMPDIR/open.yaml" -o json
    [ "$(jq -c '[.changed, .revision]' <<<"$output")" = '[false,1]' ]
    [ "$(sluice sandbox list --label n=1 -o json | jq -c '[.sandboxes[].labels]')" = '[{"n":"1"}]' ]
    [ "$(sluice sandbox exec open -- sh -c 'printf %s "$E"')" = "é: 👍" ]
    chunk=$(propose open)
    printf 'name: 1.50\nendpoints: [{host: 10.77.0.2, port: 8080}]\nbinaries: [{path: /x}]\n' >"$BATS_TEST_TMPDIR/open.rule"
    run -0 --separate-stderr sluice rule edit open --chunk-id "$chunk" --rule "$BATS_TEST_TMPDIR/open.rule" -o json
    [ "$(jq -r .rule.name <<<"$output")" = 1.50 ]
    sluice sandbox delete open
    printf '{"version": 1, "process": {"run_as_user": 1000}}' >"$BATS_TEST_TMPDIR/typed.json"
    run -1 sluice policy check "$BATS_TEST_TMPDIR/typed.json"
    run -2 sluice sandbox create --name typed --policy "$BATS_TEST_TMPDIR/open.yaml" --env SLUICE_X=1
    [[ "$output" != *open.yaml* ]]
    run -1 sluice sandbox create --name typed --policy "$BATS_TEST_TMPDIR/typed.json"
    [[ "$output" == *'typed.json:1:43: process.run_as_user: must be a text: write "1000"'* ]]
}

@test "what is wrong in a rule or a new sandbox's policy is told at its place in the file" {
    sluice sandbox create --name places
    chunk=$(propose places)
    printf -- '---\nendpoints: [{host: 10.77.0.2, port: 8080}]\nbinaries:\n- {pat: /bin/x}\n' >"$BATS_TEST_TMPDIR/rule.yaml"
    run -1 sluice rule edit places --chunk-id "$chunk" --rule "$BATS_TEST_TMPDIR/rule.yaml"
    [[ "$output" == *"rule.yaml:4:4: binaries[0].pat: a binary has no such field; did you mean \"path\"?"* ]]
    sed -i 's/pat:/path:/' "$BATS_TEST_TMPDIR/rule.yaml"
    run -0 sluice rule edit places --chunk-id "$chunk" --rule "$BATS_TEST_TMPDIR/rule.yaml" -o json
    [ "$(jq -r '.rule.binaries[0].path' <<<"$output")" = /bin/x ]
    sluice sandbox delete places
    printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{hos: x, port: 1}]\n' >"$BATS_TEST_TMPDIR/p.yaml"
    [ "$(sluice sandbox create --policy "$BATS_TEST_TMPDIR/p.yaml" 2>&1)" = "$(sluice policy set demo --policy "$BATS_TEST_TMPDIR/p.yaml" 2>&1)" ]
    run -2 sluice rule get demo --status open
    [[ "$output" == *"--status is one of pending, approved, rejected, superseded, not 'open'"* ]]
}

@test "who follows a sandbox may be there before it" {
    mkfifo "$BATS_TEST_TMPDIR/told"
    curl -sSN --unix-socket "$state/sluice.sock" "http://localhost/v1/events?sandbox=later" >"$BATS_TEST_TMPDIR/told" 3>&- &
    exec 7<"$BATS_TEST_TMPDIR/told"
    read -r -t 180 line <&7
    [ "$line" = ": sluice events" ]
    sluice sandbox create --name later
    until [[ "$line" == "data: "* ]]; do read -r -t 180 line <&7; done
    [ "$(jq -r .sandbox <<<"${line#data: }")" = later ]
    kill $!
    exec 7<&-
}

@test "what the command line keeps is its owner's alone, whatever the umask" {
    umask 000
    rm -rf "$XDG_STATE_HOME/sluice"
    sluice sandbox get demo >"$BATS_TEST_TMPDIR/out"
    run -0 find "$XDG_STATE_HOME/sluice" -perm /077
    [ -z "$output" ]
    [ -n "$(ls "$XDG_STATE_HOME/sluice")" ]
}

@test "the last used sandbox is kept for each gateway" {
    sluice sandbox get demo >/dev/null
    run -2 --separate-stderr sluice --gateway http://127.0.0.1:1 policy get
    [[ "$stderr" == *"none was used before at http://127.0.0.1:1"* ]]
    run -0 --separate-stderr sluice sandbox get
    [[ "$stderr" == *"'demo' (last used)"* ]]
}

@test "a comma stands between labels, for create as for list" {
    sluice sandbox create --name labelled --label a=b,c=d --label e=f >/dev/null
    [ "$(sluice sandbox get labelled -o json | jq -c .labels)" = '{"a":"b","c":"d","e":"f"}' ]
    [ "$(sluice sandbox list --label c=d,a=b -o json | jq -r '.sandboxes[].name')" = labelled ]
    [ "$(sluice sandbox list --label c=d,a=x -o json | jq -r '.sandboxes | length')" = 0 ]
    run -2 sluice sandbox list --label a=b,c
    [[ "$output" == *"--label takes KEY=VALUE, not 'c'"* ]]
    sluice sandbox exec labelled --env A=b,c=d -- sh -c '[ "$A" = b,c=d ]'
    sluice -q sandbox delete labelled >/dev/null
}

@test "approve-all that approves nothing says so, not that it was a dry run" {
    sluice sandbox create --name flags >/dev/null
    api POST /v1/sandboxes/flags/drafts -H 'Content-Type: application/json' -d '{"proposals":[{"rule_name":"flagged","rule":{"endpoints":[{"host":"*.example.com","port":443}],"binaries":[{"path":"/usr/bin/curl"}]}}]}' >/dev/null
    run -0 sluice rule approve-all flags
    [[ "$output" == *"0 chunk(s) approved, 1 skipped"* ]]
    [[ "$output" == *"Nothing to approve: policy unchanged"* ]]
    [[ "$output" != *"dry run"* ]]
    run -0 --separate-stderr sluice rule approve-all flags -o json
    jq -e '.dry_run == false and .changed == false and .approved == 0 and (.skipped | length) == 1' <<<"$output"
    sluice -q sandbox delete flags >/dev/null
}

@test "a number in quotes is told once, and nothing untrue with it" {
    for port in '"8080"' '[8080]' '{}' 'http'; do
        printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: a.example.com, port: %s}]\n    binaries: [{path: /usr/bin/curl}]\n' "$port" >"$BATS_TEST_TMPDIR/p.yaml"
        run ! sluice policy check "$BATS_TEST_TMPDIR/p.yaml"
        [[ "$output" == *"endpoints[0].port"* ]]
        [[ "$output" != *"no endpoints"* ]]
    done
    printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: a.example.com, port: 1}]\n    binaries: [{path: 7}]\n' >"$BATS_TEST_TMPDIR/p.yaml"
    run ! sluice policy check "$BATS_TEST_TMPDIR/p.yaml"
    [[ "$output" != *"no binaries"* ]]
}

@test "a connection that is lost during exec: exit 3" {
    cat >"$BATS_TEST_TMPDIR/lost.py" <<'PY'
import socket, sys
l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1]); l.listen(5); print("up", flush=True)
for answer in (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-exec\r\n\r\n", b"HTTP/1.1 1", b""):
    c, _ = l.accept(); c.recv(65536); c.sendall(answer); c.close()
PY
    mkfifo "$BATS_TEST_TMPDIR/up"
    python3 "$BATS_TEST_TMPDIR/lost.py" "$BATS_TEST_TMPDIR/l.sock" >"$BATS_TEST_TMPDIR/up" 3>&- &
    read -r _ <"$BATS_TEST_TMPDIR/up"
    run -3 sluice --gateway "unix:$BATS_TEST_TMPDIR/l.sock" sandbox exec demo -- true
    [[ "$output" == *"the connection to the gateway broke before the command ended"* ]]
    run -3 sluice --gateway "unix:$BATS_TEST_TMPDIR/l.sock" sandbox exec demo -- true
    run -3 sluice --gateway "unix:$BATS_TEST_TMPDIR/l.sock" sandbox exec demo -- true
    wait
}

@test "--no-keep deletes the sandbox whatever signal ends the command, at any stage" {
    for signal in INT TERM HUP; do
        mkfifo "$BATS_TEST_TMPDIR/$signal"
        env --default-signal=INT sluice sandbox create --name brief --no-keep -- sh -c 'echo up; exec sleep 60' >"$BATS_TEST_TMPDIR/$signal" 3>&- &
        client=$!
        read -r -t 180 line <"$BATS_TEST_TMPDIR/$signal"
        [ "$line" = up ]
        kill -"$signal" "$client"
        code=0; wait "$client" || code=$?
        [ "$code" -eq $((128 + $(kill -l "$signal"))) ]
        run -1 sluice sandbox get brief
        [[ "$output" == *"brief"* ]]
        # While it is being made.
        env --default-signal=INT sluice sandbox create --name early --no-keep -- sleep 60 >/dev/null 2>&1 3>&- &
        client=$!
        until_so "sluice sandbox list -o json | grep -q '\"early\"'"
        kill -"$signal" "$client"
        code=0; wait "$client" || code=$?
        [ "$code" -eq $((128 + $(kill -l "$signal"))) ]
        run -1 sluice sandbox get early
    done
}

@test "a second signal does not wait for the answer to --no-keep" {
    cat >"$BATS_TEST_TMPDIR/silent.py" <<'PY'
import signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(4)
print("ready", flush=True)
signal.pause()
PY
    mkfifo "$BATS_TEST_TMPDIR/up" "$BATS_TEST_TMPDIR/said"
    python3 "$BATS_TEST_TMPDIR/silent.py" "$BATS_TEST_TMPDIR/silent.sock" >"$BATS_TEST_TMPDIR/up" 3>&- &
    silent=$!
    read -r -t 180 _ <"$BATS_TEST_TMPDIR/up"
    env --default-signal=INT sluice --gateway "unix:$BATS_TEST_TMPDIR/silent.sock" sandbox create --name nobody --no-keep -- true 2>"$BATS_TEST_TMPDIR/said" 3>&- &
    client=$!
    exec 8<"$BATS_TEST_TMPDIR/said"
    until_so "grep -q '^SigBlk:.*[2367abef]\$' /proc/$client/status"      # SIGINT is held
    kill -INT "$client"
    read -r -t 180 line <&8
    [[ "$line" == *"interrupted: the sandbox is deleted as soon as it is made; a second time leaves it"* ]]
    kill -INT "$client"
    code=0; wait "$client" || code=$?
    [ "$code" -eq 130 ]
    read -r -t 180 line <&8
    [[ "$line" == *"interrupted again: the answer is not waited for"* ]]
    read -r -t 180 line <&8
    [[ "$line" == *"whether the change was made is not known"* ]]
    exec 8<&-
    kill "$silent"
}

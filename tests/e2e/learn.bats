#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a run of curl, pip, npm and Git was permitted becomes a policy with which the same run is refused nothing, and
# which a person opens once for what is new.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state" "$state/repos"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate server "/CN=pypi.test" ca -addext subjectAltName=DNS:pypi.test,DNS:npm.test,DNS:api.test,DNS:repos.test,DNS:extra.test,DNS:search.tools.test
    python3 "$top/tests/e2e/registry.py" "$state/registry" greet other
    start_tls_origin 10.77.0.2 443 server "$state/registry"
    start_tls_origin 10.77.0.4 443 server
    listen python3 "$top/tests/e2e/git_origin.py" 10.77.0.3 443 "$state/server.both" "$state/repos"
    start_origin
    printf 'egress:\n  extra_ca: %s\n  hosts: {pypi.test: 10.77.0.2, npm.test: 10.77.0.2, api.test: 10.77.0.4, repos.test: 10.77.0.3, extra.test: 10.77.0.4, search.tools.test: 10.77.0.4}\n' \
        "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    cat >"$state/ceiling.yaml" <<'YAML'
version: 1
network_policies:
  work:
    binaries: [{path: "/**"}]
    endpoints:
      - {host: pypi.test, port: 443}
      - {host: repos.test, port: 443, protocol: rest, enforcement: enforce, access: full}
      - {host: api.test, port: 443, protocol: rest, enforcement: enforce, access: full}
      - host: api.test
        port: 443
        path: /mcp
        protocol: mcp
        enforcement: enforce
        mcp: {allow_all_known_mcp_methods: true}
      - {host: 10.77.0.2, port: 8080}
YAML
    cat >"$state/net.yaml" <<'YAML'
version: 1
network_policies:
  work:
    binaries: [{path: "/**"}]
    endpoints:
      - {port: 443, protocol: rest, enforcement: enforce, access: full, allowed_ips: [10.77.0.0/24]}
      - host: "**.tools.test"
        port: 443
        path: /mcp
        protocol: mcp
        enforcement: enforce
        mcp: {allow_all_known_mcp_methods: true}
        allowed_ips: [10.77.0.0/24]
      - {port: 8080, allowed_ips: [10.77.0.0/24]}
YAML
    sluice sandbox create --name pruned --policy "$state/ceiling.yaml"
    sluice sandbox create --name observed --observe --ceiling "$state/net.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# job NAME: what an agent might do, in that sandbox.
job() {
    local in="sluice sandbox exec $1 --"
    $in curl -sSf -o /dev/null http://10.77.0.2:8080/plain
    plain "$1" curl -sSf -o /dev/null 'https://api.test/items?token=s3cr3t'
    $in curl -sSf -o /dev/null -d x https://api.test/items
    $in curl -sSf -o /dev/null -H 'Content-Type: application/json' https://search.tools.test/mcp \
        -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}'
    $in bash -c 'rm -rf /sandbox/ours && git clone -q https://repos.test/ours.git /sandbox/ours'
    $in /usr/bin/pip3 install -q --no-cache-dir --disable-pip-version-check --retries 0 --no-compile --upgrade \
        --index-url https://pypi.test/simple/ --target /sandbox/pip greet
    $in npm install --registry https://npm.test/ --no-fund --no-audit --no-update-notifier --fetch-retries 0 --prefer-online greet
}
refused() { sluice traffic "$1" --verdict refused -o json | jq '[.traffic[].count] | add // 0'; }
on_record() { api GET "/v1/sandboxes/$1/requests?limit=0" | jq -r '.requests[] | "\(.method) \(.host)\(.path) \(.tool)"'; }

# open_extra OUTPUT: in the background, the status code of a request to a host that the policy does not have.
open_extra() {
    sluice sandbox exec second -- curl -sS -o /dev/null -w '%{http_code}' https://extra.test/ >"$BATS_TEST_TMPDIR/$1" 2>&1 3>&- &
    asked=$!
}

@test "a run becomes a policy that refuses it nothing; one more host is held, approved once, and gone afterwards" {
    { [ -x /usr/bin/git ] && [ -x /usr/bin/pip3 ] && [ -x /usr/bin/npm ]; } || skip "git, python3-pip or npm is not installed"
    git init -q --bare -b main "$state/repos/ours.git"
    git -C "$state/repos/ours.git" fast-import --quiet <<'STREAM'
commit refs/heads/main
committer a <a@b> 0 +0000
data 3
one
M 644 inline file
data 4
text
STREAM
    [ "$(sluice sandbox get observed -o json | jq .observe)" = true ]
    sluice sandbox get observed | grep -qx 'Observe:   on'
    job observed
    run -0 sluice sandbox exec observed -- curl -sS -o /dev/null -w '%{http_code}' http://10.77.0.2:8081/
    [ "$output" = 403 ]                     # it is no hole in the ceiling
    until_so 'on_record observed | grep -q "GET npm.test/tarballs/greet"'
    run ! grep s3cr3t <(on_record observed)
    run -0 --separate-stderr sluice policy learn observed
    [[ "$stderr" == *"learned from 11 on record. Checked: all of it is allowed, nothing beyond the ceiling is, and no part can be left out."* ]]
    printf '%s\n' "$output" >"$state/learned.yaml"
    grep -q '^  # 4 times, 20.*Z to 20.*Z$' "$state/learned.yaml"
    grep -q 'tool: search' "$state/learned.yaml"
    sluice policy check "$state/learned.yaml"
    [ "$(sluice policy learn observed -o json 2>/dev/null | jq -c '[.count, (.policy.network_policies | keys), .left_out,
        (.parts[0] | [.path, .count])]')" = '[11,["curl","git_remote_http","node","python3_11"],[],["network_policies.curl",4]]' ]

    sluice sandbox create --name second --policy "$state/learned.yaml"
    job second
    until_so 'on_record second | grep -q "GET npm.test/tarballs/greet"'
    [ "$(refused second)" = 0 ]
    run sluice sandbox exec second -- curl -sS -o /dev/null -w '%{http_code}' https://other.test/
    [[ "$output" == *"403"* ]]
    run -0 sluice sandbox exec second -- curl -sS -o /dev/null -w '%{http_code}' https://api.test/others
    [ "$output" = 403 ]
    run -0 sluice sandbox exec second -- curl -sS -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
        https://search.tools.test/mcp -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop"}}'
    [ "$output" = 403 ]
    until_so '[ "$(refused second)" = 3 ]'

    learned=$(sluice policy get second -o json | jq -r .hash)
    sluice sandbox set second --hold 10m
    open_extra first
    until_so '[ "$(sluice rule get second -o json | jq "[.chunks[] | select(.host == \"extra.test\") | .waiting] | add")" = 1 ]'
    [ ! -s "$BATS_TEST_TMPDIR/first" ]
    id=$(sluice rule get second -o json | jq -r '.chunks[] | select(.host == "extra.test") | .id')
    sluice rule approve second --chunk-id "$id" --once
    wait "$asked"
    [ "$(cat "$BATS_TEST_TMPDIR/first")" = 200 ]
    wait_event second draft ".draft == \"$id\" and .status == \"superseded\""
    [ "$(sluice policy list second --limit 1 -o json | jq -r '.revisions[0].kind')" = expire ]
    [ "$(sluice policy get second -o json | jq -c '[.hash, .grants]')" = "[\"$learned\",[]]" ]
    sluice sandbox set second --hold 0s
    run sluice sandbox exec second -- curl -sS -o /dev/null -w '%{http_code}' https://extra.test/
    [[ "$output" == *"403"* ]]
}

@test "what is outside the ceiling is an error, and so is a time that makes no sense" {
    sluice sandbox create --name narrow --policy "$state/ceiling.yaml"
    run -0 --separate-stderr sluice policy learn narrow
    [[ "$stderr" == *"nothing that the policy allows is on record yet, so this one opens nothing: let the sandbox do its work first, then learn again"* ]]
    sluice sandbox exec narrow -- curl -sSf -o /dev/null http://10.77.0.2:8080/a
    until_so 'on_record narrow | grep -q "GET 10.77.0.2/a"'
    printf 'version: 1\nnetwork_policies: {r: {endpoints: [{host: api.test, port: 443}], binaries: [{path: /usr/bin/curl}]}}\n' \
        >"$state/other.yaml"
    run -1 --separate-stderr sluice policy learn narrow --ceiling "$state/other.yaml"
    [ -z "$output" ]
    [[ "$stderr" == *"the ceiling does not allow what is on record: /usr/bin/curl: GET 10.77.0.2:8080/a"* ]]
    [ "$(sluice -q policy learn narrow --from 1h -o json | jq .count)" = 1 ]
    [ "$(sluice -q policy learn narrow --to 1h -o json | jq .count)" = 0 ]
    run -2 sluice policy learn narrow --from yesterday
    [[ "$output" == *"--from takes a time such as 2026-01-31T08:05:00Z or 24h, not 'yesterday'"* ]]
    run -2 sluice policy learn narrow --from 1h --to 2h
    [[ "$output" == *"--from is later than --to"* ]]
}

@test "a sandbox is observed only within a ceiling" {
    run -2 sluice sandbox create --name none --observe
    [[ "$output" == *"--observe lets everything through within a ceiling: give it with --ceiling FILE"* ]]
    run -2 sluice sandbox create --name none --ceiling "$state/ceiling.yaml"
    [[ "$output" == *"--ceiling is for --observe; a policy is given with --policy FILE"* ]]
    run -2 sluice sandbox create --name none --observe --ceiling "$state/ceiling.yaml" --policy "$state/ceiling.yaml"
    [[ "$output" == *"--ceiling and --policy exclude each other"* ]]
    [ "$(api POST /v1/sandboxes -H 'Content-Type: application/json' -d '{"name":"none","observe":true}' | jq -r .detail)" = \
        "a sandbox is observed within a ceiling: give it as policy" ]
    run -2 sluice sandbox create --name none --network none --observe --ceiling "$state/ceiling.yaml"
    [[ "$output" == *"nothing can be observed there: leave observe out"* ]]
    run -1 sluice sandbox get none
}

@test "no approval and no update takes an observed sandbox beyond its ceiling" {
    sluice -q sandbox create --name within --observe --ceiling "$state/ceiling.yaml" --approval-mode auto --hold 10m
    sluice sandbox exec within -- curl -sS -m 1 -o /dev/null http://8.8.8.8:9/ || true
    until_so "sluice rule get within -o json | jq -e 'any(.chunks[]; .host == \"8.8.8.8\" and .status == \"pending\" and .would_be == \"denied\")' >/dev/null"
    id=$(sluice rule get within -o json | jq -r '.chunks[] | select(.host == "8.8.8.8") | .id')
    run -1 sluice rule approve within --chunk-id "$id" --once
    [[ "$output" == *"OUTSIDE_CEILING"*"revision 1, the ceiling of a sandbox that is observed, does not allow this: "* ]]
    run -1 sluice policy update within --add-endpoint more.test:443 --binary /usr/bin/curl
    [[ "$output" == *OUTSIDE_CEILING* ]]
    [ "$(sluice policy get within -o json | jq .revision)" = 1 ]
    printf 'version: 1\nnetwork_policies: {}\n' >"$state/nothing.yaml"
    sluice policy set within --policy "$state/nothing.yaml"
    sluice policy set within --policy "$state/ceiling.yaml"
    sluice -q sandbox delete within
}

@test "a policy is learned of a deleted sandbox, where its ceiling is given" {
    sluice sandbox create --name gone --policy "$state/ceiling.yaml"
    sluice sandbox exec gone -- curl -sSf -o /dev/null http://10.77.0.2:8080/a
    until_so 'on_record gone | grep -q "GET 10.77.0.2/a"'
    sluice sandbox delete gone
    [ "$(sluice -q policy learn gone --ceiling "$state/ceiling.yaml" -o json | jq .count)" = 1 ]
    run -1 sluice policy learn gone
}

@test "poisoned traffic gives no rule that allows more than was sent" {
    sluice sandbox create --name poisoned --policy "$state/ceiling.yaml"
    local in="sluice sandbox exec poisoned --"
    $in curl -sSf -o /dev/null -g --path-as-is 'http://10.77.0.2:8080/**'
    $in curl -sSf -o /dev/null -g --path-as-is 'http://10.77.0.2:8080/a%2A'
    $in curl -sSf -o /dev/null -g --path-as-is 'http://10.77.0.2:8080/x%0A%20%20evil:%20{host:%20%22**%22}'
    $in curl -sSf -o /dev/null -g 'http://10.77.0.2:8080/a:%20b%23c'
    $in bash -c 'cp /usr/bin/curl "/sandbox/c*" && "/sandbox/c*" -sS -o /dev/null http://10.77.0.2:8080/by-a-pattern'
    $in bash -c $'cp /usr/bin/curl "/sandbox/c\n  x" && "/sandbox/c\n  x" -sS -o /dev/null http://10.77.0.2:8080/by-two-lines'
    $in curl -sSf -o /dev/null -H 'Content-Type: application/json' https://api.test/mcp \
        -d '{"jsonrpc":"2.0","id":1,"method":"resources/*\\n  x: y","params":{}}' || true
    until_so 'on_record poisoned | grep -q by-two-lines'
    run -0 --separate-stderr sluice policy learn poisoned
    printf '%s\n' "$output" >"$state/poisoned.yaml"
    [[ "$stderr" == *"left out: /usr/bin/curl: GET 10.77.0.2:8080/**: a rule would read its path as a pattern"* ]]
    [[ "$stderr" == *"left out: /usr/bin/curl: GET 10.77.0.2:8080/a*: a rule would read its path as a pattern"* ]]
    [[ "$stderr" == *"left out: /sandbox/c*: GET 10.77.0.2:8080/by-a-pattern: a rule would read the path of its program as a pattern"* ]]
    [[ "$stderr" == *'by-two-lines: the path of its program is no plain text'* ]]
    sluice policy check "$state/poisoned.yaml"
    run ! grep evil "$state/poisoned.yaml"
    [ "$(sluice -q policy learn poisoned -o json 2>/dev/null | jq -c '[.policy.network_policies | to_entries[] | .value.binaries[].path]')" = '["/usr/bin/curl"]' ]
    [ "$(sluice -q policy learn poisoned -o json 2>/dev/null | command jq -c '[.policy.network_policies.curl.endpoints[] | .rules[]?.allow]')" = \
        '[{"method":"GET","path":"/a:%20b%23c"}]' ]
    sluice policy set poisoned --policy "$state/poisoned.yaml" --dry-run
}

# prunes [OPTION…]: right after a request, so that what it needs was used within the time.
prunes() {
    sluice sandbox exec pruned -- curl -sSf -o /dev/null http://10.77.0.2:8080/a
    sluice policy prune pruned --unused-for 10s "$@" >"$state/pruned.out" 2>"$state/pruned.err"
    [ -z "$(grep -e kept -e 10.77.0.2 "$state/pruned.err")" ] && grep -q unused "$state/pruned.err"
}

@test "what nothing needed is taken out of the policy, with its effect, and what is new stays" {
    run -0 --separate-stderr sluice policy prune pruned --unused-for 30d
    [[ "$stderr" == *"kept, as its record is shorter than 30d: network_policies.work"* ]]
    [[ "$stderr" == *"Nothing of the policy is known to be unused for 30d."* ]]
    until_so 'prunes --dry-run'
    grep -qx 'unused for 10s: network_policies.work.endpoints\[0\]: pypi.test:443' "$state/pruned.err"
    grep -qx 'unused for 10s: network_policies.work.endpoints\[3\]: api.test:443/mcp' "$state/pruned.err"
    grep -qx 'Effect: tightens' "$state/pruned.out"
    grep -q '^dry run: allowed' "$state/pruned.out"
    [ "$(sluice policy get pruned -o json | jq -c '[.revision, (.policy.network_policies.work.endpoints | length)]')" = '[1,5]' ]
    until_so 'prunes --wait'
    [ "$(sluice policy get pruned -o json | jq -c '[.revision, [.policy.network_policies.work.endpoints[].host]]')" = '[2,["10.77.0.2"]]' ]
    [ "$(sluice policy list pruned -o json | jq -r '.revisions[0].reason')" = "unused for 10s" ]
    run -2 sluice policy prune pruned
    [[ "$output" == *"--unused-for takes a duration such as 30d or 12h"* ]]
    run -2 sluice policy prune pruned --unused-for soon
    [[ "$output" == *"--unused-for takes a duration such as 30d or 12h, not 'soon'"* ]]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Credentials that a sandbox uses and never sees: kept by the gateway, put into requests by its proxy.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.github.com" ca -addext subjectAltName=DNS:api.github.com,DNS:api.test,DNS:other.test,DNS:s3.eu-west-1.amazonaws.com
    cat "$state/good.pem" "$state/good.key" >"$state/good.both"
    listen python3 "$top/tests/e2e/credential_origin.py" 10.77.0.2 443 "$BATS_FILE_TMPDIR/seen" "$state/good.both"
    cat >"$state/sluice.yaml" <<YAML
egress:
  extra_ca: $state/ca.pem
  hosts: {api.github.com: 10.77.0.2, api.test: 10.77.0.2, other.test: 10.77.0.2, s3.eu-west-1.amazonaws.com: 10.77.0.2}
inference: [{provider: model, protocol: openai, base_url: "https://api.test/v1", model: m-1}]
YAML
    ulimit -S -c "$(ulimit -H -c)"
    start_gateway --config "$state/sluice.yaml"
    cat >"$BATS_FILE_TMPDIR/policy.yaml" <<'YAML'
version: 1
network_policies:
  api:
    binaries: [{path: "/usr/**"}]
    endpoints:
      - {host: api.github.com, port: 443, protocol: rest, access: full, enforcement: enforce, allowed_ips: [10.77.0.0/24]}
      - {host: other.test, port: 443, protocol: rest, access: full, enforcement: enforce, allowed_ips: [10.77.0.0/24]}
      - {host: api.test, port: 443, protocol: rest, access: full, enforcement: enforce, allowed_ips: [10.77.0.0/24], credential_binding: {provider: own}}
YAML
    TOKEN=ghp_first sluice provider create gh --profile github --from-env GITHUB_TOKEN=TOKEN
    TOKEN='own/+ "value' sluice provider create own --profile generic --from-env OWN_TOKEN=TOKEN
    sluice sandbox create --name demo --policy "$BATS_FILE_TMPDIR/policy.yaml" 2>"$BATS_FILE_TMPDIR/warnings"
    sluice provider attach gh --sandbox demo
    sluice provider attach own --sandbox demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; seen=$BATS_FILE_TMPDIR/seen; : >"$seen"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

inside() { sluice sandbox exec demo -- "$@"; }
# send COMMAND: in the sandbox, where the placeholders are variables.
send() { inside sh -c "$1"; }
field() { jq -r ".fields[\"$1\"]" "$seen"; }

@test "a sandbox has placeholders, which nobody can guess; the origin gets the values" {
    run -0 send 'echo "$GITHUB_TOKEN"; env'
    [[ "${lines[0]}" =~ ^openshell:resolve:env:s[0-9a-f]{64}_GITHUB_TOKEN$ ]]
    [[ "$output" != *ghp_first* ]]
    [ "$(send 'curl -sS -H "Authorization: Bearer $GITHUB_TOKEN" https://api.github.com/user')" = ok ]
    [ "$(field authorization)" = 'Bearer ghp_first' ]
}

@test "values are put into fields, Basic, paths, queries, over HTTP/1.1 and HTTP/2" {
    send 'curl -sS --http2 -H "X-Api-Key: $GITHUB_TOKEN" https://api.github.com/a
        curl -sS --http1.1 -u "me:$GITHUB_TOKEN" https://api.github.com/b
        curl -sS --http2 "https://api.github.com/bot$GITHUB_TOKEN/send?key=$GITHUB_TOKEN&n=1"
        curl -sS --http1.1 -G --data-urlencode "key=$OWN_TOKEN" https://api.test/c'
    [ "$(jq -c '[.target, .fields["x-api-key"], .fields.authorization]' "$seen")" = \
'["/a","ghp_first",null]
["/b",null,"Basic '"$(printf 'me:ghp_first' | base64)"'"]
["/botghp_first/send?key=ghp_first&n=1",null,null]
["/c?key=own%2F%2B%20%22value",null,null]' ]
}

@test "a policy that is learned from paths with a placeholder is good in another sandbox, which has another one" {
    send 'curl -sS "https://api.github.com/bot$GITHUB_TOKEN/learned"'
    until_so 'sluice -q policy learn demo >"$BATS_TEST_TMPDIR/learned.yaml" && grep -qE "path: /botopenshell:resolve:env:s\\?{64}_GITHUB_TOKEN/learned" "$BATS_TEST_TMPDIR/learned.yaml"'
    run -0 --separate-stderr sluice policy learn demo
    [[ "$stderr" == *"Checked: all of it is allowed"* && "$stderr" != *"placeholder"* ]]
    sluice sandbox create --name learned --policy "$BATS_TEST_TMPDIR/learned.yaml"
    sluice provider attach gh --sandbox learned
    [ "$(sluice sandbox exec learned -- sh -c 'curl -sS "https://api.github.com/bot$GITHUB_TOKEN/learned"')" = ok ]
    [ "$(jq -r .target "$seen")" = $'/botghp_first/learned\n/botghp_first/learned' ]
    [ "$(sluice sandbox exec learned -- sh -c 'curl -sS -o /dev/null -w "%{http_code}" "https://api.github.com/bot${GITHUB_TOKEN}x/learned"')" = 403 ]
    sluice sandbox delete learned
}

# refused <<'LINES': each line is what is expected, then the arguments of a curl in the sandbox; nothing of it reaches the origin.
refused() {
    local lines expected
    lines=$(cat)
    expected=$(cut -d'|' -f1 <<<"$lines")
    run -0 inside bash -c 'while IFS="|" read -r _ words; do
        eval "curl -sS -w \"%{stderr}%{http_code} \" $words" 2>&1 | sed -E "s/^.*\"error\":\"([a-z_]*)\".*$/\1/" | tr "\n" " " | sed -E "s/^([0-9]+) (.*) $/\1 \2/; s/^(.*) ([0-9]+) *$/\2 \1/"
        echo
    done' <<<"$lines"
    [ "$output" = "$expected" ] || { diff <(echo "$output") <(echo "$expected") >&2; return 1; }
}

@test "a placeholder goes nowhere else: another host, another place, one that stands for nothing" {
    refused <<'LINES'
403 credential_endpoint_mismatch|--http1.1 -H "Authorization: Bearer $GITHUB_TOKEN" https://other.test/
403 credential_endpoint_mismatch|--http2 -H "Authorization: Bearer $GITHUB_TOKEN" https://other.test/
403 credential_endpoint_mismatch|--http2 -u "me:$GITHUB_TOKEN" https://other.test/
403 credential_endpoint_mismatch|--http1.1 -H "X-Key: $OWN_TOKEN" https://api.github.com/
403 credential_endpoint_mismatch|--http1.1 -H "X-Key: $OWN_TOKEN" -p http://api.test:443/
403 credential_endpoint_mismatch|--http1.1 -H "X-Key: $OWN_TOKEN" http://api.test:443/
403 credential_endpoint_mismatch|--http2-prior-knowledge -H "X-Key: $OWN_TOKEN" -p http://api.test:443/
500 credential_unavailable|--http1.1 -H "X-Key: ${GITHUB_TOKEN}X" https://api.github.com/
500 credential_unavailable|--http2 -H "X-Key: openshell:resolve:env:GITHUB_TOKEN" https://api.github.com/
403 credential_placeholder_refused|--http2 -b "a=1; b=$GITHUB_TOKEN" https://api.github.com/
403 credential_placeholder_refused|--http1.1 "https://api.github.com/?$GITHUB_TOKEN=1"
403 credential_placeholder_refused|--http2 "https://api.github.com/?$GITHUB_TOKEN=1"
403 credential_placeholder_refused|--http2 -H "X-Key: $(printf %s "$GITHUB_TOKEN" | base64 -w0)" https://api.github.com/
403 credential_placeholder_refused|--http1.1 -H "X-OPENSHELL-RESOLVE-ENV-A: 1" https://api.github.com/
403 credential_placeholder_refused|--http2 -H "X-OPENSHELL-RESOLVE-ENV-A: 1" https://api.github.com/
403 credential_placeholder_refused|--http1.1 -d "$GITHUB_TOKEN" https://api.github.com/
403 credential_placeholder_refused|--http2 -d "$GITHUB_TOKEN" https://api.github.com/
403 credential_placeholder_refused|--http1.1 -H "$GITHUB_TOKEN: 1" https://api.github.com/
403 credential_placeholder_refused|--http1.1 -X TRACE -H "X-Key: $GITHUB_TOKEN" https://api.github.com/
403 credential_placeholder_refused|--http2 -X TRACE "https://api.github.com/?key=$GITHUB_TOKEN"
403 credential_placeholder_refused|--http1.1 -H "X-Method-Override: trace" -H "X-Key: $GITHUB_TOKEN" https://api.github.com/
403 request_authority_mismatch|--http1.1 -H "Host: $GITHUB_TOKEN" https://api.github.com/
403 request_authority_mismatch|--http2 -H "Host: $GITHUB_TOKEN" https://api.github.com/
LINES
    [ ! -s "$seen" ]
    until_so "sluice logs demo | grep -q 'DENIED .*other.test.*engine:credential-binding'"
    sluice logs demo | grep -q 'FINDING:BLOCKED \[HIGH\] "Credential Sent Elsewhere" .*other.test.*\[type:openshell.provider_credential.endpoint_mismatch confidence:high\]'
    until_so 'sluice events -o json | jq -se "any(.[]; .event == \"finding\" and .data.reason == \"the host that the request asks for has a credential'"'"'s placeholder where none is replaced\")"'
    until_so 'sluice events -o json | jq -se "any(.[]; .event == \"finding\" and .data.host == \"other.test\" and .data.severity == \"high\" and .data.finding == \"openshell.provider_credential.endpoint_mismatch\")"'
    run sluice rule get demo
    [[ "$output" != *other.test* ]]
}

@test "no process that has a value leaves a core dump, neither to a file nor to a program of the host" {
    [ "$(ulimit -H -c)" != 0 ] || skip "core dumps are switched off here"
    for pid in $(descendants "$(cat "$state/gateway.pid")"); do
        [ ! -e "/proc/$pid/limits" ] || grep -qE '^Max core file size +1 +1 ' "/proc/$pid/limits" || { tr '\0' ' ' <"/proc/$pid/cmdline"; return 1; }
    done >&2
}

@test "a policy that binds a provider which the sandbox does not have is warned of" {
    grep -qF "network_policies.api.endpoints[2].credential_binding: credential_binding references provider 'own', but that provider is not attached to the sandbox: sluice provider attach own --sandbox demo" "$BATS_FILE_TMPDIR/warnings"
    sed 's/provider: own/provider: gh/' "$BATS_FILE_TMPDIR/policy.yaml" >"$BATS_TEST_TMPDIR/policy.yaml"
    run -0 sluice policy set demo --policy "$BATS_TEST_TMPDIR/policy.yaml" --dry-run
    [[ "$output" == *"has no effect: the credentials of provider 'gh' go where its profile 'github' says and nowhere else"* ]]
}

@test "a placeholder of one sandbox stands for nothing in another that uses the same provider" {
    local theirs
    sluice sandbox create --name twin --policy "$BATS_FILE_TMPDIR/policy.yaml"
    sluice provider attach gh --sandbox twin
    theirs=$(sluice sandbox exec twin -- printenv GITHUB_TOKEN)
    [ "$theirs" != "$(inside printenv GITHUB_TOKEN)" ]
    refused <<<"500 credential_unavailable|--http1.1 -H 'Authorization: Bearer $theirs' https://api.github.com/"
    [ ! -s "$seen" ]
    sluice sandbox delete twin
}

@test "who would get to a credential is found before the rule is approved" {
    api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{"source":"agent","proposals":[{"rule_name":"tools","rule":{
        "endpoints":[{"host":"api.github.com","port":443,"protocol":"rest","access":"read-only","enforcement":"enforce","allowed_ips":["10.77.0.0/24"]}],"binaries":[{"path":"/opt/tool"},{"path":"/opt/bin/git"}]}}]}' >/dev/null
    run -0 sluice rule get demo
    [[ "$output" == *"  Finding:    l7_bypass_credentialed: api.github.com:443 via /opt/bin/git
  Finding:    credential_reach_expansion: api.github.com:443 via /opt/tool
"* ]]
    [ "$(sluice rule get demo -o json | jq -c '[.chunks[0].findings[] | [.category, .host, .port, .binary, .method, .credential]]')" = \
      '[["l7_bypass_credentialed","api.github.com",443,"/opt/bin/git","","gh"],["credential_reach_expansion","api.github.com",443,"/opt/tool","","gh"]]' ]
    [ "$(sluice policy update demo --add-endpoint third.test:443 --binary /opt/tool --dry-run -o json | jq -c .findings)" = '[]' ]
    sluice -q rule clear demo
}

@test "bodies: replaced where the endpoint says so, in whatever pieces they come; elsewhere nobody gets them" {
    sed 's/access: full, enforcement: enforce, allowed_ips: \[10.77.0.0\/24\], credential_binding/request_body_credential_rewrite: true, &/' \
        "$BATS_FILE_TMPDIR/policy.yaml" >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice policy set demo --policy "$BATS_TEST_TMPDIR/policy.yaml" --wait
    send 'for version in --http1.1 --http2; do
            curl -sS $version --json "{\"k\": \"$OWN_TOKEN\"}" https://api.test/json
            curl -sS $version --data-urlencode "k=$OWN_TOKEN" https://api.test/form
            printf %s "<$OWN_TOKEN>" | curl -sS $version -H "Content-Type: text/plain" -H "Transfer-Encoding: chunked" -d @- https://api.test/text
            head -c 400000 /dev/zero | tr "\\0" x | curl -sS $version -H "Content-Type: text/plain" --data-binary @- https://api.test/long
        done'
    refused <<'LINES'
403 credential_placeholder_refused|--http1.1 --json "{\"$OWN_TOKEN\": 1}" https://api.test/json
403 credential_endpoint_mismatch|--http2 --json "{\"k\": \"$GITHUB_TOKEN\"}" https://api.test/json
403 credential_placeholder_refused|--http2 -F "k=$OWN_TOKEN" https://api.test/multipart
LINES
    [ "$(jq -c '[.target, .body[:60]]' "$seen" | sort -u)" = \
'["/form","k=own%2F%2B%20%22value"]
["/json","{\"k\": \"own/+ \\\"value\"}"]
["/long","xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]
["/text","<own/+ \"value>"]' ]
    : >"$seen"
    # A placeholder in two pieces of a chunked body, after its head is on its way.
    run -0 inside python3 -c 'import os, ssl, socket
token = os.environ["GITHUB_TOKEN"].encode()
s = socket.create_connection(("10.200.0.1", 3128))
s.sendall(b"CONNECT api.github.com:443 HTTP/1.1\r\nHost: api.github.com:443\r\n\r\n")
assert b" 200 " in s.recv(4096)
s = ssl.create_default_context().wrap_socket(s, server_hostname="api.github.com")
s.sendall(b"POST / HTTP/1.1\r\nHost: api.github.com\r\nTransfer-Encoding: chunked\r\n\r\n")
for piece in (b"x" * 1000 + token[:9], token[9:]):
    s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
s.sendall(b"0\r\n\r\n")
answer = b""
while more := s.recv(65536):
    answer += more
print(answer.decode())'
    [[ "$output" == "HTTP/1.1 403 "*'"error":"credential_placeholder_refused"'* ]]
    [ ! -s "$seen" ]
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/policy.yaml" --wait
}

@test "a rotation holds from the next request on, for programs that run; a detached provider is gone at once" {
    mkfifo "$BATS_TEST_TMPDIR/orders"
    TOKEN=one sluice provider create two --profile github --from-env GH_TOKEN=TOKEN
    sluice provider attach two --sandbox demo
    inside sh -c 'while read -r _; do curl -sS -o /dev/null -w "%{http_code}\n" -H "Authorization: token $GH_TOKEN" https://api.github.com/r; done' \
        <"$BATS_TEST_TMPDIR/orders" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec 7>"$BATS_TEST_TMPDIR/orders"
    echo go >&7
    until_so '[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 1 ]'
    TOKEN=three sluice provider rotate two --from-env GH_TOKEN=TOKEN
    echo go >&7
    until_so '[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 2 ]'
    sluice provider detach two --sandbox demo
    echo go >&7
    until_so '[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 3 ]'
    exec 7>&-
    wait
    [ "$(cat "$BATS_TEST_TMPDIR/said")" = $'200\n200\n500' ]
    [ "$(jq -r '.fields.authorization' "$seen" | paste -sd,)" = 'token one,token three' ]
    sluice provider delete two
}

@test "create, list, get, rotate, delete, attach, detach: refusals say what stands in the way, and never a value" {
    export GITHUB_TOKEN=ghp_never OTHER=$'two\nlines'
    run -1 sluice provider create gh --profile github --from-env GITHUB_TOKEN
    [[ "$output" == *"provider 'gh' exists already"*"sluice provider rotate"* ]]
    run -1 sluice provider create x --profile github --from-env NPM_TOKEN=GITHUB_TOKEN
    [[ "$output" == *"NPM_TOKEN: profile github has GITHUB_TOKEN, GH_TOKEN; profile generic takes any name"* ]]
    run -1 sluice provider create x --profile gitlab --from-env GITHUB_TOKEN
    [[ "$output" == *"profile 'gitlab' is unknown: it is one of github, anthropic, claude-code, openai, codex, nvidia, npm, pypi, aws or generic"* ]]
    run -1 sluice provider create x --profile generic --from-env K=OTHER
    [[ "$output" == *"the value of credential K: it has a line break"* && "$output" != *two* ]]
    run -1 sluice provider create x --profile generic --from-env HTTP_PROXY=GITHUB_TOKEN
    [[ "$output" == *"credential HTTP_PROXY: the sandbox sets it itself"* ]]
    run -2 sluice provider create x --profile generic --from-env K=ghp_never
    [[ "$output" == *"what follows = is a name and no value"* && "$output" != *ghp_never* ]]
    run -2 sluice provider create x --profile generic
    [[ "$output" == *"--from-env KEY[=VARIABLE] or --from-file KEY=FILE"* ]]
    run -1 sluice provider rotate gh --from-env GH_TOKEN=GITHUB_TOKEN
    [[ "$output" == *"provider 'gh' has no credential GH_TOKEN"* ]]
    run -1 sluice provider get none
    [[ "$output" == *"provider 'none' not found"* ]]
    run -1 sluice provider delete gh
    [[ "$output" == *"provider 'gh' is attached to sandbox 'demo': run \`sluice provider detach gh --sandbox demo\` first"* ]]
    run -1 sluice provider detach own --sandbox demo
    [[ "$output" == *"the policy of sandbox 'demo' (revision "*") binds provider 'own' in rule 'api' (network_policies.api.endpoints[2].credential_binding): change the policy first"* ]]
    run -1 sluice provider attach gh --sandbox none
    [[ "$output" == *"sandbox 'none' not found"* ]]
    sluice provider create also --profile generic --from-env GITHUB_TOKEN
    run -1 sluice provider attach also --sandbox demo
    [[ "$output" == *"sandbox 'demo' has GITHUB_TOKEN from provider 'gh' already: detach that one first"* ]]
    run -1 sluice provider detach also --sandbox demo
    [[ "$output" == *"provider 'also' is not attached to sandbox 'demo'"* ]]
    sluice provider attach gh --sandbox demo
    run -0 sluice provider list
    [[ "${lines[0]}" =~ ^NAME\ +PROFILE\ +CREDENTIALS\ +SANDBOXES\ +CREATED$ ]]
    grep -qE '^gh +github +GITHUB_TOKEN +demo +20' <<<"$output"
    [ "$(sluice provider get gh -o json | jq -c '[.name, .profile, .credentials, .endpoints, .sandboxes, .unconfirmed]')" = \
        '["gh","github",["GITHUB_TOKEN"],["api.github.com:443","github.com:443","uploads.github.com:443"],["demo"],[]]' ]
    sluice provider delete also
    run -1 sluice provider delete also
}

@test "credentials that are fetched: refused at first, tried again, given to programs that run; no secret is shown" {
    listen python3 "$top/tests/e2e/token_origin.py" 127.0.0.1 8099 "$BATS_TEST_TMPDIR/asked"
    run -1 sluice provider create fetched --profile generic --refresh oauth2_refresh_token --set output=API_TOKEN --set token_url=http://tokens.test/ --set client_id=me --set refresh_token=rt-1
    [[ "$output" == *"token_url has to be https://HOST/..., or http:// on this machine's loopback address"* ]]
    FIRST=rt-1 sluice provider create fetched --profile generic --refresh oauth2_refresh_token --set output=API_TOKEN \
        --set token_url=http://127.0.0.1:8099/token --set client_id=me --from-env refresh_token=FIRST
    sluice provider attach fetched --sandbox demo
    sed 's/provider: own/provider: fetched/' "$BATS_FILE_TMPDIR/policy.yaml" >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice policy set demo --policy "$BATS_TEST_TMPDIR/policy.yaml" --wait
    until_so '[ "$(sluice provider get fetched -o json | jq -r .refresh.status)" = refreshed ]'
    until_so '[ "$(send "curl -sS -H \"X-Key: \$API_TOKEN\" https://api.test/")" = ok ]'
    [ "$(field x-key | tail -1)" = at-2 ]
    [ "$(cat "$BATS_TEST_TMPDIR/asked")" = $'grant_type=refresh_token&refresh_token=rt-1&client_id=me\ngrant_type=refresh_token&refresh_token=rt-1&client_id=me' ]
    run -0 sluice provider get fetched
    [[ "$output" == *"Credentials: API_TOKEN"*"Refresh:     oauth2_refresh_token, refreshed"* ]]
    [[ "$(cat "$state"/*.log)" == *"provider fetched cannot be refreshed: the server answered 400: invalid_grant"* ]]
    # Another gateway knows how it came out, and leaves alone what is good for an hour.
    refresh=$(sluice provider get fetched -o json | jq -c .refresh)
    stop_gateway
    start_gateway --config "$state/sluice.yaml"
    until_so '[ "$(sluice provider get fetched -o json | jq -r .refresh.status)" = refreshed ]'
    [ "$(sluice provider get fetched -o json | jq -c .refresh)" = "$refresh" ]
    [ "$(grep -c . "$BATS_TEST_TMPDIR/asked")" = 2 ]
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/policy.yaml" --wait
    sluice provider detach fetched --sandbox demo
    sluice provider delete fetched
}

@test "inference.local: served by the configured server with the key put in, changed while programs run" {
    ask='curl -sS --json "{\"model\": \"any\"}" -H "Authorization: Bearer mine" https://inference.local/v1/chat/completions'
    run -0 send "$ask"
    [[ "$output" == *'"error":"cluster inference is not configured","hint":"set inference in the gateway'* ]]
    KEY=sk-first sluice provider create model --profile generic --from-env MODEL_KEY=KEY
    until_so '[ "$(send "$ask")" = ok ]'
    [ "$(jq -c '[.target, .fields.authorization, .body]' "$seen")" = '["/v1/chat/completions","Bearer sk-first","{\"model\": \"m-1\"}"]' ]
    KEY=sk-second sluice provider rotate model --from-env MODEL_KEY=KEY
    until_so 'send "$ask" && [ "$(field authorization | tail -1)" = "Bearer sk-second" ]'
    [[ "$(send "curl -sS https://inference.local/")" == *'"error":"connection not allowed by policy"'* ]]
    [[ "$(send 'curl -sS --noproxy "*" --json "{}" https://inference.local/v1/messages')" == *'"error":"no compatible inference route available"'* ]]
    sed '/^inference/d' "$state/sluice.yaml" >"$state/other.yaml"
    cat "$state/other.yaml" >"$state/sluice.yaml"
    kill -HUP "$(cat "$state/gateway.pid")"
    until_so '[[ "$(send "$ask")" == *"is not configured"* ]]'
    sluice provider delete model
}

@test "credential_signing: requests are signed by the key of the provider that the endpoint means, and the key stays here" {
    signed() {         # signed [OPTION]: the policy, with an option of its endpoint more
        printf 'version: 1\nnetwork_policies:\n  s3:\n    binaries: [{path: "/usr/**"}]\n    endpoints: [{host: s3.eu-west-1.amazonaws.com, port: 443, protocol: rest, access: full, enforcement: enforce, allowed_ips: [10.77.0.0/24], credential_signing: sigv4, signing_service: s3%s}]\n' \
            "${1:+, $1}"
    }
    ID=AKIDSIGNER KEY=key-that-signs sluice provider create cloud --profile aws --from-env AWS_ACCESS_KEY_ID=ID --from-env AWS_SECRET_ACCESS_KEY=KEY
    sluice -q sandbox create --name signer --policy <(signed)
    sluice provider attach cloud --sandbox signer
    ask() { sluice sandbox exec signer -- sh -c "curl -sS $1 -d body 'https://s3.eu-west-1.amazonaws.com/b?x=1'"; }
    [ "$(ask --http1.1)" = ok ]
    [ "$(ask '--http2 -H "Authorization: Bearer own"')" = ok ]
    [ "$(jq -r '.fields.authorization' "$seen" | sed -E 's/[0-9]{8}/DAY/; s/[0-9a-f]{64}$/SIGNATURE/' | sort -u)" = \
        'AWS4-HMAC-SHA256 Credential=AKIDSIGNER/DAY/eu-west-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=SIGNATURE' ]
    [ "$(jq -r '.fields["x-amz-content-sha256"]' "$seen" | sort -u)" = "$(printf body | sha256sum | cut -d' ' -f1)" ]
    [[ "$(ask '-H "X-Amz-Meta-A: $AWS_SECRET_ACCESS_KEY"')" == *'"error":"credential_placeholder_refused"'* ]]
    sluice -q policy set signer --policy <(signed 'credential_binding: {provider: another}') --wait
    [[ "$(ask)" == *'"error":"credential_unavailable"'*"no provider of this sandbox that is for this host has AWS_ACCESS_KEY_ID"* ]]
    [[ "$(ask '-H "Authorization: AWS4-HMAC-SHA256 Credential=$AWS_ACCESS_KEY_ID/1/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0" -H "X-Amz-Date: 1"')" == \
        *'"error":"credential_endpoint_mismatch"'* ]]
    [ "$(grep -c . "$seen")" = 2 ]
    run ! grep -rqaF key-that-signs "$state" "$seen"
    sluice -q sandbox delete signer
    sluice provider delete cloud
}

# search PLACE COMMAND...: what the command prints has no form of the canary.
search() {
    local form
    "${@:2}" >"$BATS_TEST_TMPDIR/output" 2>&1 || true
    for form in "${forms[@]}"; do
        if grep -qaF -e "$form" "$BATS_TEST_TMPDIR/output"; then
            echo "$1 has $form" >&2
            return 1
        fi
    done
}

# descendants PID: it and all that it started.
descendants() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do descendants "$child"; done
}

@test "the canary: nothing that the system writes or runs has a value, in no encoding; only the origin gets it" {
    canary=canary-$(openssl rand -hex 16)
    forms=("$canary" "$(printf %s "$canary" | od -An -v -tx1 | tr -d " \n")")
    for pad in '' x xx; do
        # The digits that no neighbour changes.
        forms+=("$(printf %s%s "$pad" "$canary" | base64 -w0 | sed -E 's/^.{4}//; s/.{4}$//')")
    done
    sed -i '/^inference/d' "$state/sluice.yaml"
    echo 'inference: [{provider: bird, protocol: anthropic, base_url: "https://api.test/"}]' >>"$state/sluice.yaml"
    kill -HUP "$(cat "$state/gateway.pid")"
    CANARY=$canary sluice provider create bird --profile generic --from-env BIRD=CANARY >"$BATS_TEST_TMPDIR/create"
    CANARY=$canary sluice provider create nest --profile generic --refresh oauth2_client_credentials --set output=NEST \
        --set token_url=http://127.0.0.1:1/ --set client_id=me --from-env client_secret=CANARY >>"$BATS_TEST_TMPDIR/create"
    until_so '[ "$(sluice provider get nest -o json | jq -r .refresh.status)" = failed ]'
    printf '%s\n' "$canary" >"$BATS_TEST_TMPDIR/canary.txt"
    sluice provider rotate bird --from-file "BIRD=$BATS_TEST_TMPDIR/canary.txt" >"$BATS_TEST_TMPDIR/rotate"
    rm "$BATS_TEST_TMPDIR/canary.txt"
    sed 's/provider: own/provider: bird/' "$BATS_FILE_TMPDIR/policy.yaml" >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice sandbox create --name aviary --policy "$BATS_TEST_TMPDIR/policy.yaml"
    sluice provider attach bird --sandbox aviary
    sluice sandbox exec aviary -- sh -c 'curl -sS -H "Authorization: Bearer $BIRD" -d x "https://api.test/p/$BIRD?q=$BIRD"
        curl -sS -u "me:$BIRD" https://api.test/
        curl -sS --json "{}" https://inference.local/v1/messages
        curl -sS -H "X: $BIRD" https://other.test/; curl -sS -H "X: a $BIRD b" https://api.test/; env' >"$BATS_TEST_TMPDIR/exec"
    # Requests that are wrong in every way that a value can be part of.
    for body in "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":\"$canary\"}" "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":[\"$canary\"]}" \
        "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":{\"K\":[\"$canary\"]}}" "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":{\"K\":\"$canary\"" \
        "{\"name\":\"x\",\"profile\":\"github\",\"credentials\":{\"K\":\"$canary\"}}" "{\"name\":\"\",\"profile\":\"generic\",\"credentials\":{\"K\":\"$canary\"}}" \
        "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":{\"K\":\"$canary\\n\"}}" "{\"name\":\"x\",\"profile\":\"generic\",\"credentials\":{\"K\":$canary}}"; do
        search "the answer to $body" api POST /v1/providers -H 'Content-Type: application/json' --data-binary "$body"
    done
    search "the answer to YAML" api POST /v1/providers -H 'Content-Type: application/yaml' --data-binary "credentials: {K: *$canary}"
    until_so '[ "$(sluice logs aviary | grep -c credential-binding)" -ge 2 ]'

    for what in create rotate exec; do search "what $what said" cat "$BATS_TEST_TMPDIR/$what"; done
    for words in 'provider list' 'provider get bird' 'provider get nest' 'sandbox get aviary' 'sandbox list' 'logs aviary' events 'traffic aviary' 'decision list aviary' \
        'policy get aviary --full' 'rule get aviary' status 'audit verify'; do
        search "sluice $words" sluice $words -o json
    done
    search "an event" sluice decision show "$(sluice decision list aviary --limit 1 -o json | jq -r '.decisions[0].id')" -o json
    search "a file" find "$state" -type f -exec cat {} +
    [ -s "$state/secret.key" ] && [ "$(stat -c %a "$state/secret.key")" = 600 ]
    for pid in $(descendants "$(cat "$state/gateway.pid")"); do
        search "process $pid" cat "/proc/$pid/cmdline" "/proc/$pid/environ"
    done
    run -1 search "the origin, which has it," cat "$seen"
    [ "$(jq -r '.target, .fields.authorization, .fields["x-api-key"]' "$seen" | grep -cF "$canary")" = 3 ]
    sluice sandbox delete aviary
    sluice provider delete bird
    sluice provider delete nest
    search "a file after the deletion" find "$state" -type f -exec cat {} +
}

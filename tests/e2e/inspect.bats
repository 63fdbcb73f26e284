#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules about requests, over TLS to an origin with a private authority, and in plain HTTP.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.test" ca -addext subjectAltName=DNS:api.test,DNS:other.test,DNS:skip.test,DNS:repos.test
    make_certificate stranger "/CN=stranger.test" "" -addext subjectAltName=DNS:stranger.test
    start_tls_origin 10.77.0.2 443 good
    start_tls_origin 10.77.0.3 443 stranger
    start_tls_origin 10.77.0.2 80
    cat >"$state/sluice.yaml" <<YAML
egress:
  extra_ca: $state/ca.pem
  hosts: {api.test: 10.77.0.2, other.test: 10.77.0.2, skip.test: 10.77.0.2, stranger.test: 10.77.0.3, repos.test: 10.77.0.4}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; counts=$state/counts; : >"$counts"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# rules ENDPOINT...: sets the policy of demo, for any program.
rules() {
    printf 'version: 1\nnetwork_policies:\n  api:\n    binaries: [{path: "/usr/**"}]\n    endpoints:\n' >"$state/rules.yaml"
    printf '      - {%s}\n' "$@" >>"$state/rules.yaml"
    sluice policy set "${name:-demo}" --policy "$state/rules.yaml" --wait
}
pinned='allowed_ips: [10.77.0.0/24]'
rest="host: api.test, port: 443, protocol: rest, enforcement: enforce, $pinned"
inside() { sluice sandbox exec "${name:-demo}" -- "$@"; }
status_of() { inside curl -sS -o /dev/null -w '%{http_code}' "$@"; }
origin_saw() { cut -d' ' -f2- "$counts"; }

@test "the original report with inspected rules: GET passes, POST is refused with a reason" {
    name=report
    sluice sandbox create --name report
    run -56 status_of https://api.test/repos/x
    rules "$rest, access: read-only"
    [ "$(inside curl -sS https://api.test/repos/x)" = "GET /repos/x" ]
    run -0 inside curl -sS -i --suppress-connect-headers -d a=b 'https://api.test/repos/x?q=secret'
    [[ "$output" == "HTTP/2 403"* ]]
    grep -qi '^X-OpenShell-Policy: api' <<<"$output"
    grep -qi '^Proxy-Status: sluice; error=http_request_denied; details="POLICY_DENIED"' <<<"$output"
    grep -qi '^Content-Type: application/json' <<<"$output"
    body=$(tail -1 <<<"$output")
    [ "$(jq -c '[.error, .layer, .protocol, .rule, .method, .path, .host, .port, .binary, .policy]' <<<"$body")" = \
        '["policy_denied","l7","rest","POST /repos/x","POST","/repos/x","api.test",443,"/usr/bin/curl","api"]' ]
    [ "$(command jq -c .rule_missing <<<"$body")" = '{"type":"rest_allow","layer":"l7","method":"POST","path":"/repos/x","host":"api.test","port":443,"binary":"/usr/bin/curl"}' ]
    [ "$(origin_saw)" = "GET /repos/x" ]
    until_so "sluice logs report | grep -q 'HTTP:POST .* DENIED .* POST https://api.test:443/repos/x?.redacted. .*engine:l7'"
    run ! grep -r secret <(sluice logs report)
}

# apply BODY: the cure of that answer becomes the policy.
apply() {
    jq '{operations: .cure.operations}' <<<"$1" |
        api PATCH "/v1/sandboxes/$name/policy" -H 'Content-Type: application/json' -d @- >"$BATS_TEST_TMPDIR/applied"
    api GET "/v1/sandboxes/$name/revisions/$(jq .revision "$BATS_TEST_TMPDIR/applied")?wait_ms=10000" >"$BATS_TEST_TMPDIR/loaded"
    [ "$(jq -r .status "$BATS_TEST_TMPDIR/loaded")" = loaded ]
}

@test "a refusal carries its cure: once it is applied, that request passes and no other" {
    name=cured
    sluice sandbox create --name cured
    rules "$rest, access: read-only"
    refused=$(inside curl -sS -d a=b 'https://api.test/repos/x?n=1')
    [ "$(jq -c '.cure | [.operations[0].add_rule.rule_name, .effect.relation, .effect.lost, .forecast]' <<<"$refused")" = \
        '["allow_api_test_443_curl","loosens",[],"allowed"]' ]
    [ "$(jq -c '.cure.effect.gained | map([.binary, .method, .host, .port, .path])' <<<"$refused")" = \
        '[["/usr/bin/curl","POST","api.test",443,"/repos/x"]]' ]
    apply "$refused"
    [ "$(status_of -d a=b https://api.test/repos/x)" = 200 ]
    [ "$(status_of -d a=b https://api.test/repos/y)" = 403 ]
    [ "$(status_of -X PUT https://api.test/repos/x)" = 403 ]
    run -0 inside python3 -c 'import urllib.request as r, urllib.error
try: print(r.urlopen("https://api.test/repos/x", b"a").status)
except urllib.error.HTTPError as e: print(e.code)'
    [ "$output" = 403 ]
    until_so 'sluice rule get cured -o json | jq -e ".chunks[] | select(.path == \"/repos/y\")" >/dev/null'
    [ "$(sluice rule get cured -o json | jq -c '.chunks[] | select(.path == "/repos/y") | .rule')" = \
        "$(inside curl -sS -d a=b https://api.test/repos/y | jq -c '.cure.operations[0].add_rule.rule')" ]
    id=$(sluice rule get cured -o json | jq -r '.chunks[] | select(.path == "/repos/y") | .id')
    sluice rule approve cured --chunk-id "$id" --wait
    id=$(sluice decision list cured --limit 1 -o json | jq -r '.decisions[0].id')
    [ "$(sluice decision show "$id" -o json | command jq -c '.cure | [.operations[0].add_rule.rule.endpoints[0].rules, .effect.gained[0].path, .forecast]')" = \
        '[[{"allow":{"method":"POST","path":"/repos/y"}}],"/repos/y","allowed"]' ]
    run -0 sluice decision show "$id"
    [[ "$output" == *"It is the cure of a refusal: the rule allow_api_test_443_curl opens what was refused and no more."* ]]
}

@test "a refused connection has a cure, too, unless no rule can open it" {
    name=cured
    refused=$(inside curl -sS http://repos.test/a)
    [ "$(command jq -c '.cure.operations[0].add_rule.rule.endpoints' <<<"$refused")" = \
        '[{"host":"repos.test","port":80,"protocol":"rest","enforcement":"enforce","rules":[{"allow":{"method":"GET","path":"/a"}}]}]' ]
    run -0 sluice policy update cured --operations - --dry-run -o json <<<"$refused"
    [ "$(jq -c '.effect.gained | map([.method, .host, .path])' <<<"$output")" = '[["GET","repos.test","/a"]]' ]
    [ "$(inside curl -sS http://169.254.169.254/ | jq .cure)" = null ]
}

@test "the same rules by approving a draft" {
    name=drafted
    sluice sandbox create --name drafted
    api POST /v1/sandboxes/drafted/drafts -H 'Content-Type: application/json' -d '{"proposals":[{"rule_name":"api","rule":{
        "endpoints":[{"host":"api.test","port":443,"protocol":"rest","enforcement":"enforce","access":"read-only","allowed_ips":["10.77.0.0/24"]}],
        "binaries":[{"path":"/usr/bin/curl"}]}}]}' >"$BATS_TEST_TMPDIR/drafts"
    sluice rule approve drafted --chunk-id "$(jq -r '.chunks[0].id' "$BATS_TEST_TMPDIR/drafts")" --wait
    [ "$(status_of https://api.test/x)" = 200 ]
    [ "$(status_of -d x https://api.test/x)" = 403 ]
    [ "$(origin_saw)" = "GET /x" ]
}

@test "what the sandbox trusts: its files, their modes, and nobody can change them" {
    rules "$rest, access: read-only"
    run -0 inside sh -c 'stat -c "%a %n" /etc/sluice-tls/*; stat -Lc "%a" /etc/ssl/certs/ca-certificates.crt; grep -c BEGIN /etc/sluice-tls/ca.pem'
    [ "$output" = $'444 /etc/sluice-tls/ca-bundle.pem\n444 /etc/sluice-tls/ca.pem\n444\n1' ]
    inside cmp /etc/ssl/certs/ca-certificates.crt /etc/sluice-tls/ca-bundle.pem
    run ! inside sh -c 'chmod u+w /etc/sluice-tls/ca.pem || echo x >>/etc/sluice-tls/ca.pem || rm /etc/sluice-tls/ca.pem || ln -sf /dev/null /etc/ssl/certs/ca-certificates.crt'
    inside cat /etc/sluice-tls/ca-bundle.pem >"$BATS_TEST_TMPDIR/bundle"
    inside cat /etc/sluice-tls/ca.pem >"$BATS_TEST_TMPDIR/ca"
    cat /etc/ssl/certs/ca-certificates.crt "$state/ca.pem" "$BATS_TEST_TMPDIR/ca" | cmp - "$BATS_TEST_TMPDIR/bundle"
    openssl x509 -in "$BATS_TEST_TMPDIR/ca" -noout -ext basicConstraints | grep CA:TRUE
    run -0 inside env
    for line in NODE_EXTRA_CA_CERTS=/etc/sluice-tls/ca.pem DENO_CERT=/etc/sluice-tls/ca.pem \
        {SSL_CERT_FILE,REQUESTS_CA_BUNDLE,CURL_CA_BUNDLE,GIT_SSL_CAINFO}=/etc/sluice-tls/ca-bundle.pem; do
        grep -qx "$line" <<<"$output"
    done
    run -0 sluice sandbox exec demo --env SSL_CERT_FILE=/dev/null -- printenv SSL_CERT_FILE
    [ "$output" = /etc/sluice-tls/ca-bundle.pem ]
}

@test "two sandboxes have different authorities; one without a network has none" {
    sluice sandbox create --name other
    [ "$(sluice sandbox exec other -- cat /etc/sluice-tls/ca.pem)" != "$(inside cat /etc/sluice-tls/ca.pem)" ]
    sluice sandbox create --name alone --network none
    run -0 sluice sandbox exec alone -- sh -c 'ls -d /etc/sluice-tls 2>&1; env; cmp /etc/ssl/certs/ca-certificates.crt /proc/self/fd/0' </etc/ssl/certs/ca-certificates.crt
    [[ "$output" == *"No such file"* && "$output" != *SSL_CERT_FILE* && "$output" != *differ* ]]
    sluice -q sandbox delete other alone
}

@test "programs that read no variable trust the sandbox's authority too" {
    rules "$rest, access: read-only" "host: skip.test, port: 443, tls: skip, $pinned"
    run -0 inside env -i curl -sS -x http://10.200.0.1:3128 https://api.test/curl https://skip.test/curl
    [ "$output" = $'GET /curl\nGET /curl' ]
    fetch='import sys, urllib.request as u
for url in sys.argv[1:]: print(u.urlopen(url).read().decode().strip())'
    run -0 inside env -i https_proxy=http://10.200.0.1:3128 python3 -c "$fetch" https://api.test/py https://skip.test/py
    [ "$output" = $'GET /py\nGET /py' ]
    run -0 inside env -i openssl s_client -proxy 10.200.0.1:3128 -connect api.test:443 -servername api.test -verify_return_error
    [[ "$output" == *"Verify return code: 0 (ok)"* ]]
}

@test "python finds the authority by its variables" {
    rules "$rest, access: read-only"
    run -0 inside python3 -c 'import urllib.request as u; print(u.urlopen("https://api.test/v").read())'
    [ "$output" = "b'GET /v\\n'" ]
    run ! inside python3 -c 'import urllib.request as u; u.urlopen("https://api.test/v", b"x")'
    [[ "$output" == *"403: Forbidden"* ]]
    inside python3 -c 'import requests' 2>/dev/null || skip "no python3-requests here"
    run -0 inside python3 -c 'import requests as r; print(r.get("https://api.test/r").status_code, r.post("https://api.test/r").status_code)'
    [ "$output" = "200 403" ]
}

@test "node and git, where they are there" {
    rules "$rest, access: read-only"
    if command -v node >/dev/null; then
        run -0 inside node -e 'require("https").get("https://api.test/node", r => r.on("data", d => process.stdout.write(r.statusCode + " " + d)))'
        [ "$output" = "200 GET /node" ]
    fi
    command -v git >/dev/null || skip "no git here"
    mkdir "$state/www"
    git init -q --bare "$state/www/repo.git"
    tree=$(git -C "$state/www/repo.git" mktree </dev/null)
    commit=$(GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b git -C "$state/www/repo.git" commit-tree -m one "$tree")
    git -C "$state/www/repo.git" update-ref HEAD "$commit"
    git -C "$state/www/repo.git" update-server-info
    start_tls_origin 10.77.0.4 443 good "$state/www"
    rules "host: repos.test, port: 443, protocol: rest, enforcement: enforce, rules: [{allow: {method: GET, path: '/repo.git/**'}}], $pinned"
    inside git clone -q https://repos.test/repo.git /sandbox/clone
    [ "$(inside git -C /sandbox/clone rev-parse HEAD)" = "$commit" ]
    run ! inside git -C /sandbox/clone push origin HEAD:refs/heads/other
    run ! inside git clone -q https://repos.test/other.git /sandbox/other
    [[ "$output" == *"403"* ]]
}

@test "a Java program, where there is a runtime" {
    command -v keytool >/dev/null && [ -e /etc/ssl/certs/java/cacerts ] || skip "no Java runtime here"
    rules "$rest, access: read-only"
    inside keytool -list -cacerts -storepass changeit >"$BATS_TEST_TMPDIR/list"
    [ "$(grep -c trustedCertEntry "$BATS_TEST_TMPDIR/list")" = "$(inside grep -c 'BEGIN CERT' /etc/sluice-tls/ca-bundle.pem)" ]
    run inside keytool -J-Djavax.net.ssl.trustStorePassword=changeit -printcrl -file https://api.test/java
    echo "$output"
    [ "$(origin_saw)" = "GET /java" ]
}

@test "methods, path globs and queries; what denies outweighs what allows" {
    rules "$rest, rules: [{allow: {method: GET, path: '/repos/**'}}, {allow: {method: POST, path: '/repos/*/issues'}},
        {allow: {method: GET, path: /search, query: {q: 'is:*'}}}], deny_rules: [{method: GET, path: '/repos/secret/**'}]"
    [ "$(status_of https://api.test/repos/a/b)" = 200 ]
    [ "$(status_of -I https://api.test/repos/a/b)" = 200 ]
    [ "$(status_of https://api.test/other)" = 403 ]
    [ "$(status_of -d x https://api.test/repos/a/issues)" = 200 ]
    [ "$(status_of -d x https://api.test/repos/a/b/issues)" = 403 ]
    [ "$(status_of 'https://api.test/search?q=is:open')" = 200 ]
    [ "$(status_of 'https://api.test/search?q=all')" = 403 ]
    [ "$(status_of https://api.test/repos/secret/x)" = 403 ]
    [ "$(status_of --path-as-is https://api.test/repos/a/../secret/x)" = 403 ]
    [ "$(status_of https://api.test/repos/%73ecret/x)" = 403 ]
    run -0 inside curl -sS https://api.test/repos/secret/x
    [ "$(jq -r .detail <<<"$output")" = "GET /repos/secret/x blocked by deny rule" ]
    run ! grep -E 'secret|/other|q=all' "$counts"
}

@test "what is only audited passes and is logged" {
    rules "host: api.test, port: 443, protocol: rest, enforcement: audit, access: read-only, $pinned"
    [ "$(inside curl -sS -d x https://api.test/w)" = "POST /w" ]
    until_so "sluice logs demo | grep -q 'HTTP:POST .*POST https://api.test:443/w .*POST /w not permitted by policy'"
}

@test "an endpoint's path and an encoded slash" {
    rules "$rest, access: full, path: '/v1/**'" "$rest, access: read-only, path: '/v2/**', allow_encoded_slash: true"
    [ "$(status_of -d x https://api.test/v1/x)" = 200 ]
    [ "$(status_of -d x https://api.test/v2/x)" = 403 ]
    [ "$(status_of https://api.test/v2/a%2Fb)" = 200 ]
    [ "$(status_of https://api.test/v1/a%2Fb)" = 403 ]
    [ "$(status_of https://api.test/v3/x)" = 403 ]
}

@test "tls: skip is left alone: the origin's own certificate, and no rule" {
    rules "host: skip.test, port: 443, tls: skip, $pinned" "$rest, access: read-only"
    issuer() { inside curl -sSv -o /dev/null "$@" 2>&1 | sed -n 's/.*issuer: //p'; }
    [ "$(issuer https://skip.test/)" = "CN=Authority of the test" ]
    [ "$(issuer https://api.test/)" != "CN=Authority of the test" ]
    [ "$(inside curl -sS -d x https://skip.test/any)" = "POST /any" ]
}

@test "a certificate that nobody vouches for: the client gets 502 and the reason" {
    rules "host: stranger.test, port: 443, protocol: rest, enforcement: enforce, access: full, $pinned"
    run -0 inside curl -sS -w '%{http_code}' https://stranger.test/
    [[ "$output" == *502 ]]
    [[ "$output" == *"the certificate of stranger.test:443 is not accepted: self-signed certificate"*"egress.extra_ca"* ]]
    [ ! -s "$counts" ]
}

@test "another name in TLS or in Host is refused" {
    rules "$rest, access: full" "host: other.test, port: 443, protocol: rest, enforcement: enforce, access: full, $pinned"
    run -0 inside curl -sS -w '%{http_code}' -H 'Host: other.test' https://api.test/
    [[ "$output" == *request_authority_mismatch*403 ]]
    run ! inside openssl s_client -proxy 10.200.0.1:3128 -connect api.test:443 -servername other.test
    until_so "sluice logs demo | grep -q 'TLS asks for other.test in a tunnel to api.test'"
    [ ! -s "$counts" ]
}

@test "plain HTTP: in a tunnel and in absolute form the same rules hold" {
    rules "host: api.test, port: 80, protocol: rest, enforcement: enforce, access: read-only, $pinned"
    for way in "" -p; do
        [ "$(inside curl -sS $way http://api.test/plain)" = "GET /plain" ]
        [ "$(status_of $way -d x http://api.test/plain)" = 403 ]
    done
    [ "$(origin_saw)" = $'GET /plain\nGET /plain' ]
}

@test "several requests of one connection have a verdict each" {
    rules "$rest, rules: [{allow: {method: GET, path: '/a/**'}}, {allow: {method: GET, path: /c}}]"
    run -0 inside curl -sS -o /dev/null -w '%{http_code} %{num_connects}\n' https://api.test/a/1 \
        --next -sS -o /dev/null -w '%{http_code} %{num_connects}\n' https://api.test/a/2 \
        --next -sS -o /dev/null -w '%{http_code} %{num_connects}\n' https://api.test/b \
        --next -sS -o /dev/null -w '%{http_code} %{num_connects}\n' https://api.test/c
    [[ "$output" == $'200 1\n200 0\n403 0\n200 '* ]]
    [ "$(origin_saw)" = $'GET /a/1\nGET /a/2\nGET /c' ]
    [ "$(sed -n 1,2p "$counts" | cut -d' ' -f1 | uniq | wc -l)" = 1 ]
}

@test "a new policy holds for the next request of a connection that is open" {
    rules "$rest, access: full"
    mkfifo "$BATS_TEST_TMPDIR/go"
    inside python3 -c '
import http.client, sys
c = http.client.HTTPSConnection("10.200.0.1", 3128)
c.set_tunnel("api.test", 443)
for line in sys.stdin:
    c.request("POST", line.strip(), b"x")
    r = c.getresponse()
    print(r.status, r.read().decode().strip()[:9], flush=True)
' <"$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    exec 7>"$BATS_TEST_TMPDIR/go"
    echo /one >&7
    until_so 'grep -q "200 POST /one" "$BATS_TEST_TMPDIR/said"'
    rules "$rest, access: read-only"
    echo /two >&7
    until_so '[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" -ge 2 ]'
    exec 7>&-
    wait $! || true
    run ! grep -q '200 POST /two' "$BATS_TEST_TMPDIR/said"
    [ "$(origin_saw)" = "POST /one" ]
}

@test "status names what is enforced; other protocols are refused, and check warns of them" {
    [ "$(sluice status -o json | jq -c .enforces)" = '["protocol","path","access","rules","deny_rules","enforcement","tls","allow_encoded_slash","websocket_credential_rewrite","request_body_credential_rewrite","persisted_queries","graphql_persisted_queries","graphql_max_body_bytes","credential_signing","signing_service","signing_region","credential_binding","json_rpc","mcp"]' ]
    run -1 rules "host: api.test, port: 443, protocol: sql, enforcement: audit, access: read-only"
    [[ "$output" == *"NOT_ENFORCEABLE"*"cannot enforce protocol yet"* ]]
    run -0 sluice policy check "$state/rules.yaml"
    [[ "$output" == *"rules.yaml:6:"*"warning: network_policies.api.endpoints[0].protocol: this runtime cannot enforce protocol yet"* ]]
    run -1 rules "$rest, access: read-only, tls: skip"
    [[ "$output" == *"NOT_ENFORCEABLE"*"tls: skip hides the requests that protocol rest is about"* ]]
}

@test "a file of authorities that is none: the sandbox does not start, and says why" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
    echo nothing >"$state/ca.pem"
    echo "egress: {extra_ca: $state/ca.pem}" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    run -1 sluice sandbox create --name broken
    [[ "$output" == *"no sandbox can be made: egress.extra_ca: $state/ca.pem has no certificate in PEM"* ]]
    sluice sandbox create --name alone --network none
    sluice -q sandbox delete alone
    stop_gateway
}

@test "when_needed leaves plain endpoints their own TLS, and inspects where rules are about requests" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
    sed 's/^egress:/egress:\n  inspect_tls: when_needed/' "$BATS_FILE_TMPDIR/state/sluice.yaml" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
    rules "host: other.test, port: 443, $pinned" "$rest, access: read-only"
    run -0 inside curl -sSv -o /dev/null https://other.test/
    [[ "$output" == *"issuer: CN=Authority of the test"* ]]
    [ "$(status_of -d x https://api.test/)" = 403 ]
    sluice -q sandbox delete demo
    stop_gateway
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The gateway of an ordinary user: TLS and HTTP are inspected, names resolve, and programs need to know no proxy.

load helper.bash

setup_file() {
    load helper.bash
    as_ordinary_user
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.test" ca -addext subjectAltName=DNS:api.test
    start_tls_origin 10.77.0.2 443 good
    start_tls_origin 10.77.0.2 80
    cat >"$state/sluice.yaml" <<YAML
egress:
  extra_ca: $state/ca.pem
  hosts: {api.test: 10.77.0.2}
YAML
    chown -R 4242:4242 "$state"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
    cat >"$BATS_FILE_TMPDIR/rest.yaml" <<'YAML'
version: 1
network_policies:
  api:
    binaries: [{path: /usr/bin/curl}]
    endpoints:
      - {host: api.test, port: 443, protocol: rest, enforcement: enforce, access: read-only, allowed_ips: [10.77.0.0/24]}
      - {host: api.test, port: 80, protocol: rest, enforcement: enforce, access: read-only, allowed_ips: [10.77.0.0/24]}
YAML
}
setup() { load helper.bash; state=$BATS_FILE_TMPDIR/state; counts=$state/counts; : >"$counts"; }
teardown_file() { load helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

inside() { sluice sandbox exec demo -- "$@"; }
code="curl -sS -m 20 -o /dev/null -w %{http_code}"

@test "its gateway and its sandboxes' supervisors are not root's" {
    for pid in $(cat "$state/gateway.pid") $(cat "$state"/sandboxes/*/lock); do
        [ "$(stat -c %u "/proc/$pid")" = 4242 ]
    done
}

@test "without a rule nothing gets out, with a proxy and without one" {
    run -56 inside $code https://api.test/x
    run -7 plain demo $code https://api.test/x
    [ "$(inside $code http://api.test/x)" = 403 ]
    [ ! -s "$counts" ]
}

@test "rules about requests hold within TLS and in plain HTTP: GET passes, POST is refused and becomes a proposal" {
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/rest.yaml" --wait
    for scheme in https http; do
        [ "$(inside curl -sS $scheme://api.test/repos/x)" = "GET /repos/x" ]
        run -0 inside curl -sS -d a=b $scheme://api.test/repos/x
        [ "$(jq -r '[.error, .layer, .method, .path, .policy] | join(" ")' <<<"$output")" = "policy_denied l7 POST /repos/x api" ]
    done
    [ "$(cut -d' ' -f2- "$counts")" = $'GET /repos/x\nGET /repos/x' ]
    until_so "sluice rule get demo -o json | grep -q /repos/x"
    id=$(sluice rule get demo -o json | jq -r '[.chunks[] | select(.rule.endpoints[0].port == 443 and (.rule.endpoints[0].rules // [] | length > 0))][0].id')
    sluice rule approve demo --chunk-id "$id" --wait
    [ "$(inside curl -sS -d a=b https://api.test/repos/x)" = "POST /repos/x" ]
    [ "$(inside $code -d a=b https://api.test/other)" = 403 ]
}

@test "the same rules hold for programs that know no proxy" {
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/rest.yaml" --wait
    for scheme in https http; do
        [ "$(plain demo $code $scheme://api.test/x)" = 200 ]
        [ "$(plain demo $code -d a=b $scheme://api.test/x)" = 403 ]
    done
    run -7 plain demo $code http://api.test:8081/x
    [ "$(cut -d' ' -f2- "$counts")" = $'GET /x\nGET /x' ]
}

@test "an old client that offers http/1.0 alone is served within TLS" {
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/rest.yaml" --wait
    [ "$(inside curl -sS -0 https://api.test/old)" = "GET /old" ]
    [ "$(inside $code -0 -d x https://api.test/old)" = 403 ]
}

@test "a path in broken or overlong UTF-8 is refused; one that is escaped twice is sent on as it was judged" {
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/rest.yaml" --wait
    for path in %C0%AE%C0%AE/x %E0%80%AFx %FF; do
        run -0 inside curl -sS --path-as-is "https://api.test/a/$path"
        [[ "$output" == *'"error":"invalid_request_target"'*"the path has escapes that are no UTF-8"* ]]
    done
    [ "$(inside curl -sS --path-as-is https://api.test/a/%252e%252e/b)" = "GET /a/%252e%252e/b" ]
    sed 's|access: read-only|access: read-only, deny_rules: [{method: GET, path: "/**/*%25*"}, {method: GET, path: "/**/*%25*/**"}]|' "$BATS_FILE_TMPDIR/rest.yaml" >"$BATS_TEST_TMPDIR/p.yaml"
    sluice policy set demo --policy "$BATS_TEST_TMPDIR/p.yaml" --wait
    [ "$(inside $code --path-as-is https://api.test/a/%252e%252e/b)" = 403 ]
    [ "$(inside $code https://api.test/a/b)" = 200 ]
}

@test "names have addresses that stand for them, and nobody outside is asked" {
    run -0 plain demo getent ahostsv4 anything.example.test
    [[ "${lines[0]}" =~ ^198\.1[89]\. ]]
    [ "$(plain demo getent hosts localhost | head -1 | grep -cE '^(127\.|::1)')" = 1 ]
}

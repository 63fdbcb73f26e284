#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# People whom an OpenID Connect issuer knows.

load helper

issuer=http://127.0.0.1:7480

setup_file() {
    export state=$BATS_FILE_TMPDIR/state XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
    mkdir -p "$state"
    listen /usr/bin/python3 "$top/tests/e2e/issuer.py" 7480 "$BATS_FILE_TMPDIR"
    sluice -q gateway init-tls "$state/tls" --host 10.77.0.2 --client alice >/dev/null
    cat >"$state/sluice.yaml" <<YAML
listen:
  - unix:$state/sluice.sock
  - {address: "tcp:10.77.0.2:7443", tls: {certificate: tls/server.pem, key: tls/server.key}}
auth:
  roles: {auditors: [audit.read, gateway.read]}
  oidc:
    issuer: $issuer
    audience: sluice
    roles_claim: groups
    roles: {people: user, deciders: approver, checkers: auditors}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice -q gateway add team https://10.77.0.2:7443 --ca "$state/tls/ca.pem"
}

teardown_file() {
    teardown_all
}

team() {           # team COMMAND...: as whoever is logged in
    sluice --gateway team "$@"
}

log_in() {         # log_in SUB ROLES [SECONDS] [QUERY]: at the gateway $at, else at team
    coproc LOGIN { sluice --gateway "${at:-team}" login 2>&1 3>&-; }
    local line pid=$LOGIN_PID
    while read -r line <&"${LOGIN[0]}"; do
        said+=$line$'\n'
        case $line in *"enter the code"*) curl -sSf -X POST "$issuer/approve?sub=$1&roles=$2&seconds=${3:-300}&${4-}" >/dev/null ;; esac
    done
    wait "$pid"
}

sign() {           # sign CLAIMS: a token with these and exp
    curl -sSf -X POST "$issuer/sign" -d "{\"iss\": \"$issuer\", \"aud\": \"sluice\", \"exp\": $(($(date +%s) + 300)), $1}" | jq -r .token
}

with_token() {     # with_token TOKEN PATH
    curl -sS --cacert "$state/tls/ca.pem" -H "Authorization: Bearer $1" "https://10.77.0.2:7443$2" -w '%{http_code}'
}

@test "a person logs in with a code, and is who the issuer says" {
    run -1 team sandbox list
    [[ "$output" == *"who is asking is not known: send a token"* ]]
    said=
    log_in alice people
    [[ "$said" == *"$issuer vouches for you, to the gateway's audience sluice"*"Open $issuer/enter"*"enter the code WDJB-MJHT"*"Logged in to https://10.77.0.2:7443"* ]]
    [[ "$said" != *$'\e'* ]]
    run -0 team whoami -o json
    [ "$(jq -r '"\(.name) \(.role) \(.identity) \(.via)"' <<<"$output")" = "alice user oidc tls" ]
    file=$(find "$XDG_CONFIG_HOME/sluice/logins" -type f)
    [ "$(stat -c '%a %U' "$file")" = "600 root" ]
    run -0 team sandbox create --name mine
    run -1 team provider list
    [[ "$output" == *"may not do this"* || "$output" == *"only an admin"* ]]
    run -0 team sandbox get mine -o json
    [ "$(jq -r .owner <<<"$output")" = alice ]
}

@test "a token that expires soon is replaced, also by commands that run at once" {
    said=
    log_in alice people
    file=$(find "$XDG_CONFIG_HOME/sluice/logins" -type f)
    before=$(jq -r .token "$file") old=$(jq '.expires_ms = 1000' "$file")
    printf '%s' "$old" >"$file"
    for i in 1 2 3; do team whoami -o json 3>&- >"$BATS_TEST_TMPDIR/$i" & done
    wait
    for i in 1 2 3; do [ "$(jq -r .name "$BATS_TEST_TMPDIR/$i")" = alice ]; done
    [ "$(jq -r .token "$file")" != "$before" ]
    [ "$(jq '.expires_ms > 1000' "$file")" = true ]
}

@test "whoever has no role, and whoever the issuer refuses, is told so" {
    run -0 with_token "$(sign '"sub": "mallory", "groups": ["strangers"]')" /v1/whoami
    [[ "$output" == *"mallory has no role here: no value of the token's claim groups"*403 ]]
    run -0 with_token "$(sign '"sub": "carol", "groups": "checkers"')" /v1/audit/verify
    [[ "$output" == *200 ]]
    run -0 with_token "$(sign '"sub": "alice", "groups": "people", "aud": "other"')" /v1/whoami
    [[ "$output" == *"the token is not for the audience sluice (aud)"*401 ]]
    run -0 with_token "$(sign '"sub": "alice", "groups": "people"')x" /v1/whoami
    [[ "$output" == *401 ]]
    coproc LOGIN { team login 2>&1 3>&-; }
    pid=$LOGIN_PID said=
    while read -r line <&"${LOGIN[0]}"; do
        said+=$line
        case $line in *"enter the code"*) curl -sSf -X POST "$issuer/approve" >/dev/null ;; esac
    done
    status=0; wait "$pid" || status=$?
    [ "$status" = 1 ]
    [[ "$said" == *"cannot log in: access_denied"* ]]
}

@test "an issuer puts no request of its own into the connection by a token" {
    run -0 sluice --gateway "unix:$state/sluice.sock" sandbox create --name kept
    said= left=0 at=unix:$state/sluice.sock
    log_in alice people 300 "after=%0D%0A%0D%0ADELETE%20/v1/sandboxes/kept%20HTTP/1.1%0D%0AHost:%20localhost%0D%0AX:%20" ||
        left=$?
    run -0 sluice --gateway "$at" sandbox get kept
    [ "$left" = 1 ]
    [[ "$said" == *"cannot log in: the issuer's answer has a token with characters that tokens do not have"* ]]
}

@test "a key that the issuer begins to use is fetched" {
    curl -sSf -X POST "$issuer/rotate" >/dev/null
    token=$(sign '"sub": "bob", "groups": "deciders"')
    known() { with_token "$token" /v1/whoami | grep -q '"bob"'; }
    until_so known
}

@test "a gateway without an issuer says so, and logging out revokes the token" {
    refresh=$(jq -r .refresh_token "$(find "$XDG_CONFIG_HOME/sluice/logins" -type f)")
    run -0 team logout
    [[ "$output" == *"Logged out of https://10.77.0.2:7443"*"$issuer has revoked it, and gives no new one"*"may use it until 20"* ]]
    [ -z "$(find "$XDG_CONFIG_HOME/sluice/logins" -type f)" ]
    run -0 curl -sS "$issuer/token" -d "grant_type=refresh_token&refresh_token=$refresh"
    [[ "$output" == *invalid_grant* ]]
    run -0 team logout
    [ "$output" = "nobody was logged in to https://10.77.0.2:7443" ]
    run -0 curl -sSf --cacert "$state/tls/ca.pem" https://10.77.0.2:7443/auth/oidc-config
    [ "$(jq -r '"\(.issuer) \(.audience) \(.client_id)"' <<<"$output")" = "$issuer sluice sluice" ]
    run -2 sluiced --check --config <(printf 'auth: {oidc: {issuer: "http://id.example", audience: a, roles: {x: admin}}}')
    [[ "$output" == *"an issuer is https://HOST/"* ]]
    run -2 sluiced --check --config <(printf 'auth: {oidc: {issuer: "https://id.example", audience: a, roles: {x: boss}}}')
    [[ "$output" == *"boss"* ]]
}

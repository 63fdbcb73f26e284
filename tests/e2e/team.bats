#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A team's gateway: TLS, names of gateways, client certificates.

load helper

address=https://10.77.0.2:7443

setup_file() {
    export state=$BATS_FILE_TMPDIR/state XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
    mkdir -p "$state"
    sluice -q gateway init-tls "$state/tls" --host gateway.example,10.77.0.2 --client alice >/dev/null
    cat >"$state/sluice.yaml" <<YAML
listen:
  - unix:$state/sluice.sock
  - {address: "tcp:10.77.0.2:7443", tls: {certificate: tls/server.pem, key: tls/server.key, client_ca: tls/ca.pem}}
  - {address: "tcp:127.0.0.1:7070", trust_local_uids: true}
auth:
  accounts: [{account: "uid:4242", role: deployer}]
  roles:
    deployer: [sandbox.read, plugin.manage, gateway.read]
  certificates:
    - {subject: CN=dora, role: deployer}
    - {subject: "CN = alice", role: approver, name: alice}
YAML
    start_gateway --config "$state/sluice.yaml"
}

teardown_file() {
    teardown_all
}

secure() {         # secure PATH [CURL OPTION...]
    curl -sS --cacert "$state/tls/ca.pem" "$address$1" "${@:2}"
}

@test "curl speaks HTTP/1.1 and HTTP/2 over TLS, and a token says who asks" {
    for version in 1.1 2; do
        run -0 secure /v1/status "--http$version" -o /dev/null -w '%{http_version} %{http_code}'
        [ "$output" = "$version 401" ]
        run -0 secure /v1/status "--http$version" -o /dev/null -w '%{http_version} %{http_code}' \
            -H "Authorization: Bearer $(cat "$state/admin.token")"
        [ "$output" = "$version 200" ]
    done
    run -52 curl -sS "http://10.77.0.2:7443/healthz"
}

@test "openssl meets TLS 1.2 and later, and no protocol but h2 and http/1.1" {
    run -0 openssl s_client -connect 10.77.0.2:7443 -alpn h2 -CAfile "$state/tls/ca.pem" -verify_return_error </dev/null
    [[ "$output" == *"ALPN protocol: h2"*"Verify return code: 0 (ok)"* ]]
    run -1 openssl s_client -connect 10.77.0.2:7443 -alpn spdy/3 </dev/null
    [[ "$output" == *"no application protocol"* ]]
    run -1 openssl s_client -connect 10.77.0.2:7443 -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null
    [[ "$output" == *"alert protocol version"* ]]
}

@test "gRPC's own client calls over TLS" {
    run -0 /usr/bin/python3 - "$state/tls/ca.pem" "$(cat "$state/admin.token")" <<'PYTHON'
import sys
import grpc
roots = open(sys.argv[1], "rb").read()
channel = grpc.secure_channel("10.77.0.2:7443", grpc.ssl_channel_credentials(roots))
call = channel.unary_unary("/grpc.health.v1.Health/Check")
print(call(b"", timeout=60, metadata=[("authorization", "Bearer " + sys.argv[2])]))
PYTHON
    [ "$output" = "b'\\x08\\x01'" ]
}

@test "a gateway has a name, with its authority and a certificate to show" {
    run -3 sluice --gateway "$address" status
    [[ "$output" == *"its certificate is not accepted: unable to get local issuer certificate"$'\n'"the authority that made it is given with --ca FILE"* ]]
    [[ "$output" != *"is sluiced running?"* ]]
    run -0 --separate-stderr sluice gateway add team "$address" --ca "$state/tls/ca.pem" --cert "$state/tls/client.pem" --key "$state/tls/client.key"
    [ "$(stat -c %a "$XDG_CONFIG_HOME/sluice/gateways.yaml")" = 600 ]
    SLUICE_TOKEN=$(cat "$state/admin.token") run -0 sluice --gateway team sandbox list
    run -0 sluice --gateway team whoami -o json
    [ "$(jq -r '"\(.name) \(.role) \(.identity) \(.via) \(.from)"' <<<"$output" | sed 's/:[0-9]*$//')" = "alice approver certificate tls tcp:10.77.0.2" ]
    run -1 sluice --gateway team sandbox create --name no
    [[ "$output" == *"the role approver may not do this, as it lacks the permission sandbox.create"* ]]
    run -0 sluice gateway select team
    SLUICE_GATEWAY='' SLUICE_TOKEN=$(cat "$state/admin.token") run -0 sluice status
    [[ "$output" == *"$address"* ]]
    run -0 sluice gateway list -o json
    [ "$(jq -r '.gateways[0] | "\(.name) \(.address) \(.selected)"' <<<"$output")" = "team $address true" ]
    run -2 sluice --gateway nobody status
    [[ "$output" == *"there is no gateway 'nobody': sluice gateway list shows"* ]]
    run -0 sluice gateway remove team
    SLUICE_GATEWAY=team run -2 sluice status
    [[ "$output" == *"there is no gateway 'team'"* ]]
}

@test "what is wrong with a gateway's name, address or file is said" {
    run -2 sluice gateway add a/b "$address"
    [[ "$output" == *"a gateway's name is 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', not 'a/b'"* ]]
    run -2 sluice gateway add team 10.77.0.2:7443
    [[ "$output" == *"a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '10.77.0.2:7443'"* ]]
    run -2 sluice gateway add team http://10.77.0.2:7443 --ca "$state/tls/ca.pem"
    [[ "$output" == *"--ca, --cert and --key are for https:// gateways, not for http://10.77.0.2:7443"* ]]
    run -2 sluice gateway add team "$address" --cert "$state/tls/client.pem"
    [[ "$output" == *"--cert and --key belong together"* ]]
    run -2 sluice gateway add team "$address" --ca /nowhere.pem
    [[ "$output" == *"cannot read /nowhere.pem: No such file or directory"* ]]
    sluice -q gateway add team "$address" --ca "$state/tls/ca.pem"
    sluice -q gateway add team "$address" --ca "$state/tls/ca.pem"      # the same once more
    run -1 sluice gateway add team "$address"
    [[ "$output" == *"there is a gateway team already, $address with the authority $state/tls/ca.pem: --replace puts this one in its place, with what is given here alone"* ]]
    [ "$(sluice gateway list -o json | jq -r '.gateways[0].ca')" = "$state/tls/ca.pem" ]
    run -0 sluice gateway add team "$address" --replace
    [[ "$output" == *"Changed gateway team"* ]]
    [ "$(sluice gateway list -o json | jq -r '.gateways[0].ca')" = "" ]
    chmod 666 "$XDG_CONFIG_HOME/sluice/gateways.yaml"
    run -2 sluice --gateway team status
    [[ "$output" == *"gateways.yaml says where your tokens go, and belongs to somebody else or may be written by others"* ]]
    rm "$XDG_CONFIG_HOME/sluice/gateways.yaml"
}

@test "init-tls says what the gateway has to be told of the client's certificate" {
    run -0 sluice gateway init-tls "$BATS_TEST_TMPDIR/told" --host 10.77.0.2 --client bob
    [[ "$output" == *"  auth:"$'\n'"    certificates:                # viewer, user, approver, admin, or a role of auth.roles"$'\n'"      - {subject: CN=bob, name: bob, role: user}"* ]]
}

@test "init-tls overwrites nothing, and its keys are its owner's" {
    run -1 sluice gateway init-tls "$state/tls"
    [[ "$output" == *"$state/tls/ca.pem is there already: nothing is overwritten"* ]]
    [ "$(stat -c '%a' "$state"/tls/*.key | sort -u)" = 600 ]
    run -2 sluice gateway init-tls "$BATS_TEST_TMPDIR/tls" --host 'a b'
    [[ "$output" == *"--host is a name or an IP address, not 'a b'"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/tls" ]
    run -0 openssl verify -CAfile "$state/tls/ca.pem" -purpose sslserver -verify_hostname gateway.example -x509_strict "$state/tls/server.pem"
    run -0 openssl verify -CAfile "$state/tls/ca.pem" -purpose sslclient -x509_strict "$state/tls/client.pem"
}

@test "a certificate that the configuration does not name is nobody's" {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mallory -keyout "$BATS_TEST_TMPDIR/m.key" 2>/dev/null |
        openssl x509 -req -CA "$state/tls/ca.pem" -CAkey "$state/tls/ca.key" -days 1 -out "$BATS_TEST_TMPDIR/m.pem" 2>/dev/null
    run -0 secure /v1/status --cert "$BATS_TEST_TMPDIR/m.pem" --key "$BATS_TEST_TMPDIR/m.key"
    [[ "$output" == *"the certificate of 'CN=mallory' is nobody's here"* ]]
    run -0 secure /v1/status --cert "$state/tls/client.pem" --key "$state/tls/client.key" -H 'Via: 1.1 edge' -o /dev/null -w '%{http_code}'
    [ "$output" = 401 ]
}

@test "a token is good from its creation to its revocation, over TLS and after a restart too" {
    run -0 --separate-stderr sluice token create --role viewer --name carol --expires 30d
    token=$output
    [[ "$token" == sluice_* && "$stderr" == *"role viewer, until "* ]]
    as_carol() { SLUICE_TOKEN=$token run "$1" sluice --gateway "$address" --ca "$state/tls/ca.pem" "${@:2}"; }
    as_carol -0 whoami
    [[ "$output" == *"Name:        carol"*"Known by:    token"* ]]
    as_carol -1 token create --role admin
    [[ "$output" == *"only an admin may do this"* ]]
    stop_gateway
    start_gateway --config "$state/sluice.yaml"
    as_carol -0 sandbox list
    run -0 sluice token list
    [[ "$output" == *carol* && "$output" != *"${token:7}"* ]]
    run -0 sluice token revoke carol
    as_carol -1 sandbox list
    [[ "$output" == *"who is asking is not known"* ]]
}

team_call() {      # team_call TOKEN METHOD NAME: a request whose field 1 is the name
    /usr/bin/python3 - "$state/tls/ca.pem" "$@" <<'PYTHON'
import sys
import grpc
roots, token, method, name = open(sys.argv[1], "rb").read(), *sys.argv[2:]
channel = grpc.secure_channel("10.77.0.2:7443", grpc.ssl_channel_credentials(roots))
call = channel.unary_unary("/openshell.v1.OpenShell/" + method)
try:
    call(bytes([10, len(name)]) + name.encode(), timeout=60, metadata=[("authorization", "Bearer " + token)])
except grpc.RpcError as error:
    sys.exit(f"{error.code().name}: {error.details()}")
PYTHON
}

@test "who creates a sandbox owns it; others use it once it is shared, in the API and over gRPC" {
    olga=$(sluice token create --name olga --role user -o json | jq -r .token)
    carl=$(sluice token create --name carl --role viewer -o json | jq -r .token)
    SLUICE_TOKEN=$olga run -0 sluice sandbox create --name hers
    SLUICE_TOKEN=$olga run -0 sluice sandbox exec hers -- echo hello
    [[ "$output" == *hello* ]]
    SLUICE_TOKEN=$carl run -0 sluice sandbox get hers
    [[ "$output" == *"Owner:     olga"* ]]
    SLUICE_TOKEN=$carl run -1 sluice sandbox exec hers -- true
    [[ "$output" == *"the role viewer may not do this, as it lacks the permission sandbox.run"* ]]
    SLUICE_TOKEN=$olga run -1 sluice sandbox share hers --with carl --role approver
    [[ "$output" == *"may do policy.change there, which you may not"* ]]
    run -1 team_call "$carl" StopSandbox hers
    [[ "$output" == *PERMISSION_DENIED*"lacks the permission sandbox.run"* ]]
    SLUICE_TOKEN=$olga run -0 sluice sandbox share hers --with carl --role user
    [[ "$output" == *"✓ Sandbox hers is shared with carl"*"Shared:    with carl as user"* ]]
    SLUICE_TOKEN=$carl run -0 sluice sandbox exec hers -- true
    run -0 team_call "$carl" StopSandbox hers
    stop_gateway
    start_gateway --config "$state/sluice.yaml"
    SLUICE_TOKEN=$carl run -0 sluice sandbox start hers
    SLUICE_TOKEN=$olga run -0 sluice sandbox unshare hers --with carl
    SLUICE_TOKEN=$carl run -1 sluice sandbox exec hers -- true
    ci=$(sluice token create --name ci --role admin --sandbox hers -o json | jq -r .token)
    sluice -q sandbox create --name others >/dev/null
    run -0 team_call "$ci" GetSandbox hers
    run -1 team_call "$ci" GetSandbox others
    [[ "$output" == *PERMISSION_DENIED*"this token is for one sandbox alone"* ]]
    SLUICE_TOKEN=$olga run -1 sluice sandbox delete others
    [[ "$output" == *"the role user may do this to its own sandboxes alone"* ]]
    SLUICE_TOKEN=$olga run -0 sluice sandbox delete hers
}

@test "a role of the configuration: for a token, a certificate and an account; a reload changes it" {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=dora -keyout "$BATS_TEST_TMPDIR/d.key" 2>/dev/null |
        openssl x509 -req -CA "$state/tls/ca.pem" -CAkey "$state/tls/ca.key" -days 1 -out "$BATS_TEST_TMPDIR/d.pem" 2>/dev/null
    run -0 sluice -q token create --role deployer --name dan
    dan=$output
    as_dan() { SLUICE_TOKEN=$dan run "$1" sluice "${@:2}"; }
    as_dan -0 whoami -o json
    [ "$(jq -c '[.role, .permissions]' <<<"$output")" = '["deployer",["sandbox.read","plugin.manage","gateway.read"]]' ]
    as_dan -0 plugin reload
    as_dan -1 policy get hers
    [[ "$output" == *"the role deployer may not do this, as it lacks the permission policy.read"* ]]
    run -0 secure /v1/whoami --cert "$BATS_TEST_TMPDIR/d.pem" --key "$BATS_TEST_TMPDIR/d.key"
    [ "$(jq -r .role <<<"$output")" = deployer ]
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$state"
    run -0 setpriv --reuid 4242 --regid 4242 --clear-groups curl -sS http://localhost:7070/v1/whoami
    [ "$(jq -r '"\(.name) \(.role)"' <<<"$output")" = "uid:4242 deployer" ]
    run -0 sluice token create --role host --name rack -o json
    run -2 sluice token create --role owner
    [[ "$output" == *"there is no role 'owner': GET /v1/permissions lists the roles"* ]]

    sed -i 's/plugin.manage, gateway.read/policy.read, gateway.read/' "$state/sluice.yaml"
    kill -HUP "$(cat "$state/gateway.pid")"
    until_so "SLUICE_TOKEN=$dan sluice whoami -o json | jq -e '.permissions == [\"sandbox.read\",\"policy.read\",\"gateway.read\"]'"
    as_dan -1 plugin reload
    sed -i 's/policy.read, gateway.read/policy.reed/' "$state/sluice.yaml"
    run -2 sluiced --check --config "$state/sluice.yaml" --state-dir "$BATS_TEST_TMPDIR/other"
    [[ "$output" == *"sluice.yaml:8:30: auth.roles: there is no permission 'policy.reed'; did you mean 'policy.read'?"* ]]
    run -1 sluice plugin reload
    as_dan -0 sandbox list
    sed -i 's/policy.reed/plugin.manage, gateway.read/' "$state/sluice.yaml"
    sluice -q plugin reload
}

@test "a stream of events ends with the token that opened it" {
    token=$(sluice -q token create --role viewer --name dave)
    timeout 20 curl -sN --cacert "$state/tls/ca.pem" -H "Authorization: Bearer $token" "$address/v1/events" \
        >"$BATS_TEST_TMPDIR/events" 2>/dev/null 3>&- &
    follower=$!
    until_so "grep -q 'sluice events' $BATS_TEST_TMPDIR/events"
    sluice -q token revoke dave
    wait "$follower"
}

@test "SIGHUP reads certificates again; a wrong file changes nothing, and the log says why" {
    issued() { openssl s_client -connect 10.77.0.2:7443 </dev/null 2>/dev/null | openssl x509 -noout -serial; }
    before=$(issued)
    mv "$state/tls/server.key" "$state/tls/server.key.kept"
    kill -HUP "$(cat "$state/gateway.pid")"
    until_so "grep -q 'the certificate of tcp:10.77.0.2:7443 stays as it was: cannot read $state/tls/server.key: No such file' $state/gateway.log"
    [ "$(issued)" = "$before" ]
    sluice -q gateway init-tls "$BATS_TEST_TMPDIR/tls" --host 10.77.0.2 >/dev/null
    cp "$BATS_TEST_TMPDIR"/tls/server.* "$state/tls/"
    kill -HUP "$(cat "$state/gateway.pid")"
    until_so "grep -q 'tcp:10.77.0.2:7443 has read its certificate again' $state/gateway.log"
    [ "$(issued)" != "$before" ]
}

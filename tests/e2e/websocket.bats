#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# WebSocket endpoints with a real client and server: the messages that rules refuse, and those they let through.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=ws.test" \
        -addext subjectAltName=DNS:ws.test -keyout "$state/ws.key" -out "$state/ws.pem" 2>/dev/null
    cat "$state/ws.pem" "$state/ws.key" >"$state/ws.both"
    serve 443 "$state/ws.both"
    serve 80
    printf 'egress:\n  extra_ca: %s\n  hosts: {ws.test: 10.77.0.2}\n' "$state/ws.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; log=$state/log; : >"$log"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

serve() {          # serve PORT [CERTIFICATE-AND-KEY]
    mkfifo "$state/up.$1"
    /usr/bin/python3 "$top/tests/e2e/websocket_server.py" 10.77.0.2 "$1" "$state/log" ${2:+"$2"} >"$state/up.$1" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$state/up.$1"
}

# rules NAME REST...: endpoints at ws.test, each with the rest of its line.
rules() {
    local name=$1
    shift
    printf 'version: 1\nnetwork_policies:\n  chat:\n    binaries: [{path: "/usr/**"}]\n    endpoints:\n' >"$BATS_TEST_TMPDIR/rules.yaml"
    printf '      - {host: ws.test, ports: [80, 443], allowed_ips: [10.77.0.0/24], %s}\n' "$@" >>"$BATS_TEST_TMPDIR/rules.yaml"
    sluice policy set "$name" --policy "$BATS_TEST_TMPDIR/rules.yaml" --wait
}
ws='protocol: websocket, enforcement: enforce'
chat="$ws, rules: [{allow: {method: GET, path: /**}}, {allow: {method: WEBSOCKET_TEXT, path: /chat}}]"
client=$(cat "$BATS_TEST_DIRNAME/websocket_client.py")
say() { timeout 180 sluice sandbox exec "${name:-demo}" -- /usr/bin/python3 -c "$client" "$@"; }
direct() { timeout 180 sluice sandbox exec "${name:-demo}" -- env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY /usr/bin/python3 -c "$client" "$@"; }

# The same over every way out: plain and TLS, by the proxy's tunnel and without a proxy.
each_way() {       # each_way PATH ARGUMENT...: the outputs have to be equal; prints one
    local path=$1 first
    shift
    first=$(say --proxy "${options[@]}" "wss://ws.test$path" "$@")
    [ "$(say --proxy "${options[@]}" "ws://ws.test$path" "$@")" = "$first" ] || return 1
    [ "$(direct "${options[@]}" "wss://ws.test$path" "$@")" = "$first" ] || return 1
    [ "$(direct "${options[@]}" "ws://ws.test$path" "$@")" = "$first" ] || return 1
    echo "$first"
}

@test "messages that a rule names pass: text, fragments, binary, long ones, in both directions" {
    rules demo "$chat"
    options=()
    run -0 each_way /chat hello parts:fragments "binary:bytes" long:100000 ""
    [ "$output" = $'hello\nfragments\nb\'bytes\'\n100000' ]
    [ "$(grep -c '^text hello$' "$log")" = 4 ]
    [ "$(grep -c '^text fragments$' "$log")" = 4 ]
    until_so "sluice logs demo | grep -q 'HTTP:WEBSOCKET_TEXT .INFO. ALLOWED .*WEBSOCKET_TEXT wss://ws.test:443/chat .policy:chat engine:l7-websocket'"
    run ! grep -e hello -e fragments <(sluice logs demo)
}

@test "a message that no rule names ends the connection with 1008 and the reason" {
    rules demo "$chat"
    options=()
    run -0 each_way /quiet "binary:first" secret
    [ "$output" = $'b\'first\'\nclosed 1008 WEBSOCKET_TEXT /quiet not permitted by policy' ]
    until_so "[ \$(grep -c '^closed 1008 ' '$log') = 4 ]"
    run ! grep secret "$log"
    options=(--compress)
    run -0 each_way /quiet secret
    [ "$output" = $'extensions permessage-deflate\nclosed 1008 WEBSOCKET_TEXT /quiet not permitted by policy' ]
    run ! grep secret "$log"
    run ! grep secret <(sluice logs demo)
}

@test "compression: used where each message can be inflated alone, else left out; the client works either way" {
    rules demo "$chat"
    options=(--compress)
    run -0 each_way /chat hello long:200000
    [ "$output" = $'extensions permessage-deflate\nhello\n200000' ]
    options=()
    run -0 each_way /chat hello
    [ "$output" = hello ]
    options=(--plain)
    run -0 each_way /chat hello
    [ "$output" = hello ]
    rules demo "protocol: rest, enforcement: enforce, access: read-only"
    options=()
    run -0 each_way /chat hello
    [ "$output" = $'extensions permessage-deflate\nhello' ]
}

@test "an upgrade that no rule names is refused, and so is a plain request" {
    rules demo "$ws, rules: [{allow: {method: GET, path: /chat}}]"
    [ "$(say --proxy wss://ws.test/other hi)" = "refused 403" ]
    run -0 sluice sandbox exec demo -- curl -sS https://ws.test/chat
    [ "$(jq -r .reason <<<"$output")" = "websocket endpoint requires a valid WebSocket upgrade request" ]
}

@test "audit lets a message through and says what enforcing would do" {
    rules demo "protocol: websocket, access: read-only"
    [ "$(say --proxy ws://ws.test/chat hello)" = hello ]
    until_so "sluice logs demo | grep -q 'WEBSOCKET_TEXT .*reason:audit: WEBSOCKET_TEXT /chat not permitted by policy'"
}

@test "a policy that closes the upgrade ends the connection with 1012; one that keeps it does not" {
    rules demo "$chat"
    say --proxy --wait wss://ws.test/chat hello >"$BATS_TEST_TMPDIR/out" 3>&- &
    until_so "grep -q hello '$BATS_TEST_TMPDIR/out'"
    rules demo "$ws, access: read-write"
    rules demo "$ws, rules: [{allow: {method: GET, path: /other}}]"
    wait $!
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'hello\nclosed 1012 the policy changed' ]
    until_so "grep -q '^closed 1012 ' '$log'"
}

@test "a refused message becomes a proposal, and passes once that is approved" {
    name=asks
    sluice sandbox create --name asks
    rules asks "$ws, rules: [{allow: {method: GET, path: /**}}]"
    [[ $(say --proxy wss://ws.test/room/1 hi) == "closed 1008 "* ]]
    until_so "sluice rule get asks -o json | jq -e '.chunks[] | select(.method == \"WEBSOCKET_TEXT\")'"
    run -0 sluice rule get asks -o json
    [ "$(command jq -c '.chunks[] | select(.method == "WEBSOCKET_TEXT") | [.path, .rule.endpoints[0].protocol, .rule.endpoints[0].rules]' <<<"$output")" = \
        '["/room/1","websocket",[{"allow":{"method":"WEBSOCKET_TEXT","path":"/room/1"}}]]' ]
    sluice rule approve asks --chunk-id "$(jq -r '.chunks[] | select(.method == "WEBSOCKET_TEXT") | .id' <<<"$output")" --wait
    [ "$(say --proxy wss://ws.test/room/1 hi)" = hi ]
    [[ $(say --proxy wss://ws.test/room/2 hi) == "closed 1008 "* ]]
}

@test "GraphQL within messages: the operation decides, control messages pass" {
    rules demo "$ws, rules: [{allow: {method: GET, path: /**}}, {allow: {operation_type: query, fields: [viewer]}}]"
    subscribe() { printf '{"id":"1","type":"subscribe","payload":{"query":"%s"}}' "$1"; }
    run -0 say --proxy wss://ws.test/graphql '{"type":"connection_init"}' "$(subscribe '{ viewer { id } }')" "$(subscribe 'mutation { drop }')"
    [ "${lines[0]}" = '{"type":"connection_init"}' ]
    [ "${lines[1]}" = "$(subscribe '{ viewer { id } }')" ]
    [ "${lines[2]}" = "closed 1008 GraphQL operation blocked by endpoint policy" ]
    run ! grep mutation "$log"
    run -0 say --proxy --compress wss://ws.test/graphql "$(subscribe '{ viewer { id } admin }')"
    [ "${lines[1]}" = "closed 1008 GraphQL operation blocked by endpoint policy" ]
}

@test "can-i answers for upgrades and messages" {
    rules demo "$chat"
    ask() { sluice policy can-i --policy "$BATS_TEST_TMPDIR/rules.yaml" --binary /usr/bin/python3.11 --host ws.test --port 443 "$@"; }
    run -0 ask --method GET --path /chat
    run -0 ask --method WEBSOCKET_TEXT --path /chat
    run -0 ask --method WEBSOCKET_BINARY --path /quiet
    run -1 ask --method WEBSOCKET_TEXT --path /quiet
    [[ "$output" == *"WEBSOCKET_TEXT /quiet not permitted by policy"* ]]
    run -1 ask --method POST --path /chat
}

@test "rules about messages that TLS would hide are refused" {
    run -1 rules demo "$ws, access: full, tls: skip"
    [[ "$output" == *"NOT_ENFORCEABLE"*"tls: skip hides the requests that protocol websocket is about"* ]]
}

@test "credentials are put into text messages where the endpoint says so; elsewhere their placeholders end the connection" {
    sluice sandbox create --name keyed
    KEY='se"cret' sluice provider create ws --profile generic --from-env WS_KEY=KEY
    sluice provider attach ws --sandbox keyed
    tell() { timeout 180 sluice sandbox exec keyed -- sh -c 'exec /usr/bin/python3 -c "$1" --proxy $2 wss://ws.test/chat "key $WS_KEY." "$3:$WS_KEY"' sh "$client" "$1" parts; }
    for endpoint in "$chat" 'protocol: rest, access: full'; do
        rules keyed "$endpoint, websocket_credential_rewrite: true, credential_binding: {provider: ws}"
        for how in --plain --compress; do
            : >"$log"
            run -0 tell $how
            [ "$(grep '^text' "$log")" = $'text key se"cret.\ntext se"cret' ]
        done
        rules keyed "$endpoint, websocket_credential_rewrite: true"
        run tell --plain
        [[ "$output" == *"closed 1008 a message has the placeholder of a credential that is not for ws.test:443"* ]]
    done
    : >"$log"
    rules keyed "$chat, credential_binding: {provider: ws}"
    run tell --plain
    [[ "$output" == *"closed 1008 a message has a credential's placeholder where none is replaced"* ]]
    [ "$(grep -c '^text' "$log")" = 0 ]
}

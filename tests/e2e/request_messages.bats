#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What voters see beside a request: messages of a WebSocket in both directions, the sandbox's labels; and where their facts are found.

bats_require_minimum_version 1.5.0

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state/rules"
    chmod 755 "$state" "$state/rules"
    cat >"$state/rules/judge.lua" <<'LUA'
return {
  name = "judge", version = "1", inspect_responses = true,
  vote = function(t, ballot) return ballot:allow() end,
  inspect = function(r, ballot)
    if r.sandbox.labels.team == "red" then return ballot:deny("TEAM", "", "team red stays inside") end
    if r.port ~= 80 and r.host == "ws.test" and r.tls ~= "TLSv1.3" then return ballot:deny("TLS", "", "tls is '%s'", r.tls) end
    if r.message == "" then
      if r.path == "/fact" and not r.response then ballot:fact("path", r.path .. "; [policy:mine]") end
      return ballot:allow()
    end
    local said, side = r.body, "client"
    if r.response then said, side = r.response.body, "server" end
    if said:find("answer " .. side, 1, true) then return ballot:deny("SAID", "", "%s of the %s", r.message, side) end
    if said:find("fact", 1, true) then ballot:fact(side, said) end
    return ballot:allow()
  end,
}
LUA
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=ws.test" \
        -addext subjectAltName=DNS:ws.test -keyout "$state/ws.key" -out "$state/ws.pem" 2>/dev/null
    cat "$state/ws.pem" "$state/ws.key" >"$state/ws.both"
    cat >"$state/sluice.yaml" <<YAML
egress: {extra_ca: $state/ws.pem, hosts: {plain.test: 10.77.0.2, ws.test: 10.77.0.2}}
chain:
  voters:
    - {script: $state/rules/judge.lua, isolation: ${SLUICE_ISOLATION:-process}}
YAML
    listen python3 "$top/tests/e2e/echo_origin.py" 10.77.0.2 8080
    listen /usr/bin/python3 "$top/tests/e2e/websocket_server.py" 10.77.0.2 80 "$state/log"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo --label team=blue
    cat >"$state/policy.yaml" <<'YAML'
version: 1
network_policies:
  api:
    endpoints:
      - {host: plain.test, port: 8080, protocol: rest, enforcement: enforce, access: full, allowed_ips: [10.77.0.0/24]}
      - {host: ws.test, ports: [80, 8445, 8446], allowed_ips: [10.77.0.0/24]}
    binaries: [{path: "/usr/**"}]
YAML
    sluice policy set demo --policy "$state/policy.yaml" --wait
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

client=$(cat "$BATS_TEST_DIRNAME/websocket_client.py")
say() { timeout 60 sluice sandbox exec demo -- /usr/bin/python3 -c "$client" --proxy "$@" ws://ws.test/chat "${messages[@]}"; }

@test "messages of a WebSocket are judged in both directions: text, bytes, fragments, compressed" {
    for how in --plain --compress; do
        extensions=""
        [ "$how" = --plain ] || extensions=$'extensions permessage-deflate\n'
        messages=(hello binary:bytes parts:fragments long:100000)
        run -0 say "$how"
        [ "$output" = "$extensions"$'hello\nb\'bytes\'\nfragments\n100000' ]
        messages=("the answer server")
        run -0 say "$how"
        [ "$output" = "${extensions}closed 1008 voter judge: SAID: text of the server" ]
        messages=("binary:the answer server")
        run -0 say "$how"
        [ "$output" = "${extensions}closed 1008 voter judge: SAID: binary of the server" ]
        messages=("parts:the answer client")
        run -0 say "$how"
        [ "$output" = "${extensions}closed 1008 voter judge: SAID: text of the client" ]
        messages=("binary:the answer client")
        run -0 say "$how"
        [ "$output" = "${extensions}closed 1008 voter judge: SAID: binary of the client" ]
    done
    run ! grep "answer client" "$state/log"
}

@test "the same over HTTP/2, whatever the origin speaks: a message that is refused ends its stream alone" {
    /usr/bin/python3 "$top/tests/e2e/websocket_http2_server.py" 10.77.0.2 8445 "$state/log" "$state/ws.pem" "$state/ws.key" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    listen /usr/bin/python3 "$top/tests/e2e/websocket_server.py" 10.77.0.2 8446 "$state/log" "$state/ws.both"
    until_so "grep -q 'LISTEN' <(ss -Hltn 'sport = 8445')"
    sluice sandbox exec demo -- sh -c 'cat >/tmp/client.py' <"$top/tests/e2e/websocket_http2_client.py"
    for port in 8445 8446; do
        run --separate-stderr -0 timeout 60 sluice sandbox exec demo -- /usr/bin/python3 /tmp/client.py https://ws.test:$port \
            /a=hello "/b=the answer server" /a=again "/c=the answer client" /a=still
        [ "$output" = $'/a hello\n/b closed 1008 voter judge: SAID: text of the server\n/a again\n/c closed 1008 voter judge: SAID: text of the client\n/a still' ]
    done
    run ! grep "answer client" "$state/log"
}

@test "facts of a voter are in the log and in an event" {
    run -0 sluice sandbox exec demo -- curl -sS -o /dev/null http://plain.test:8080/fact
    until_so 'sluice logs demo | grep -qF "HTTP:GET [INFO] NOTED " && sluice logs demo | grep -qF "engine:voter] [facts:judge.path=/fact? ?policy:mine?]"'
    messages=("a fact")
    [ "$(say --plain)" = "a fact" ]
    until_so 'sluice logs demo | grep -qF "[facts:judge.server=a fact]"'
    sluice logs demo | grep -qF "[facts:judge.client=a fact]"
    until_so 'sluice events demo -o json | jq -es "[.[] | select(.event == \"finding\") | .data | select(.finding == \"sluice.voter.facts\" and .severity == \"info\" and .host == \"ws.test\")] | length > 0" >/dev/null'
}

@test "a change of a sandbox's label reaches the voter at once" {
    code() { sluice sandbox exec demo -- curl -sS -o /dev/null -w '%{http_code}' http://plain.test:8080/; }
    [ "$(code)" = 200 ]
    sluice -q sandbox set demo --label team=red
    until_so '[ "$(code)" = 403 ]'
    run -0 sluice sandbox exec demo -- curl -sS http://plain.test:8080/
    [ "$(jq -c '[.error,.voter,.code,.message]' <<<"$output")" = '["voter_denied","judge","TEAM","team red stays inside"]' ]
    sluice -q sandbox set demo --label team=blue
    until_so '[ "$(code)" = 200 ]'
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The console in a real browser: one gateway, one browser, and pictures of each view in build-test/console/.

setup_file() {
    load helper
    [ -x /usr/bin/chromedriver ] || skip "chromium-driver is not installed"
    listen /usr/bin/python3 "$top/tests/e2e/issuer.py" 7480 "$BATS_FILE_TMPDIR"
    echo "auth: {oidc: {issuer: 'http://127.0.0.1:7480', audience: sluice, roles_claim: groups, roles: {people: user}}}" >"$BATS_FILE_TMPDIR/sluice.yaml"
    start_gateway --config "$BATS_FILE_TMPDIR/sluice.yaml" --listen "unix:$BATS_FILE_TMPDIR/state/sluice.sock" --listen tcp:127.0.0.1:7070,trust_local_uids --listen tcp:127.0.0.1:7071
    HOME=$BATS_FILE_TMPDIR chromedriver --port=9515 --log-path="$BATS_FILE_TMPDIR/driver.log" >"$BATS_FILE_TMPDIR/driver.out" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    start_origin
    sluice sandbox create --name demo >/dev/null
    until_so "grep -q 'started successfully' '$BATS_FILE_TMPDIR/driver.out'"
    python3 "$top/tests/e2e/browser.py" start "$BATS_FILE_TMPDIR/session"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    curl -sS -o /dev/null -X DELETE "http://127.0.0.1:9515/session/$(cat "$BATS_FILE_TMPDIR/session")" || true
    teardown_all
}

story() { timeout 400 python3 "$top/tests/e2e/console_stories.py" "$BATS_FILE_TMPDIR/session" "$build/console" "$@"; }

@test "a draft shows up without a reload, is approved by a key, and undone" {
    story inbox
    [ "$(sluice policy get demo -o json | jq -c '.policy.network_policies | keys')" = '["allow_a"]' ]
}

# relay NAME: runs sluice console until the file's end; its link is in $link, its port in $port.
relay() {
    mkfifo "$BATS_TEST_TMPDIR/$1"
    sluice -q console >"$BATS_TEST_TMPDIR/$1" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 60 link <"$BATS_TEST_TMPDIR/$1"
    port=${link#http://127.0.0.1:} port=${port%%/*}
}
status_of() { curl -sS -o /dev/null -w '%{http_code}' "$@"; }

@test "sluice console: the link opens the console once, for one user and one port" {
    relay one
    jar=$BATS_TEST_TMPDIR/jar base=http://127.0.0.1:$port
    [[ "$link" =~ ^http://127\.0\.0\.1:[0-9]+/open/[0-9a-f]{64}$ ]]
    [ "$(status_of "$base/console/")" = 403 ]
    run -0 curl -sS -D - -o /dev/null -c "$jar" "$link"
    [[ "$output" == "HTTP/1.1 303 "*"Set-Cookie: sluice-console-$port="*"; Path=/; HttpOnly; SameSite=Strict"* ]]
    [[ "$output" != *"${link##*/}"* ]]
    run -0 curl -sS -w '%{http_code}' "$link"
    [[ "$output" == "This link is used up or has expired"*403 ]]
    [ "$(status_of -b "$jar" "$base/console/")" = 200 ]
    [ "$(curl -sS -b "$jar" "$base/v1/whoami" | jq -r '.name + " " + .via')" = "root unix" ]
    [ "$(curl -sS -b "$jar" "$base/v1/sandboxes" | jq -r '.sandboxes[0].name')" = demo ]
    # What a browser sends of its own accord from elsewhere, and the cookie in the hands of others.
    [ "$(status_of -b "$jar" -H 'Host: evil.example.com' "$base/v1/whoami")" = 403 ]
    [ "$(status_of -b "$jar" -H 'Sec-Fetch-Site: same-site' "$base/v1/whoami")" = 403 ]
    [ "$(status_of -b "$jar" -X POST -H 'Origin: http://127.0.0.1:1' "$base/v1/plugins/reload")" = 403 ]
    [ "$(status_of -b "$jar" --path-as-is "$base/console/../metrics")" = 404 ]
    cookie=$(awk -v name="sluice-console-$port" '$6 == name { print $7 }' "$jar")
    [ "$(status_of -b "sluice-console-$port=$cookie" "$base/console/")" = 200 ]
    [ "$(setpriv --reuid 4242 --regid 4242 --clear-groups curl -sS -o /dev/null -w '%{http_code}' -b "sluice-console-$port=$cookie" "$base/console/")" = 403 ]
    relay two
    [ "$(status_of -b "sluice-console-$port=$cookie" "http://127.0.0.1:$port/console/")" = 403 ]
}

# hold N UID: as many connections of that user, which say nothing until the file's end.
hold() {
    mkfifo "$BATS_TEST_TMPDIR/held.$2"
    setpriv --reuid "$2" --regid "$2" --clear-groups python3 -c '
import signal, socket, sys
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
print("held", flush=True)
signal.pause()' "$port" "$1" >"$BATS_TEST_TMPDIR/held.$2" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 60 _ <"$BATS_TEST_TMPDIR/held.$2"
}

@test "sluice console: another user of the machine holds no connection of whose console it is" {
    relay held
    jar=$BATS_TEST_TMPDIR/jar base=http://127.0.0.1:$port
    hold 64 4242
    [ "$(status_of -m 10 -c "$jar" "$link")" = 303 ]
    hold 100 4243
    for i in 1 2 3; do [ "$(status_of -m 10 -b "$jar" "$base/console/")" = 200 ]; done
}

@test "sluice console: a browser follows what happens through the relay, as who started it" {
    relay browser
    story relay "$link"
    run -1 env SLUICE_GATEWAY=tcp:127.0.0.1:7071 sluice console
    [[ "$output" == *"who is asking is not known"* ]]
    run -2 sluice console --port 70000
    run -2 sluice console demo
    run -0 sluice console -h
    [[ "$output" == *"--port N"* ]]
}

@test "a reviewer's tutorial, keys in the browser included" {
    cd "$BATS_TEST_TMPDIR"
    export TUTORIAL_URL=$url TUTORIAL_BROWSER="python3 $top/tests/e2e/press_keys.py $BATS_FILE_TMPDIR/session $build/console"
    "$top/scripts/tutorial" --print "$top/tutorials/reviewer.md" >script
    run -0 timeout 300 bash script
    for said in policy_denied "j: the first draft has the focus" "a: it is approved" $'\n200\n' "undone"; do
        [[ "$output" == *"$said"* ]] || { echo "does not say: $said"; echo "$output"; return 1; }
    done
    TUTORIAL_BROWSER= run -1 bash <(sed '/^set -x/d; /^sluice/d' script)
    [[ "$output" == *"TUTORIAL_BROWSER names no program that opens a link"* ]]
}

@test "one logs in with a token, which is in no address and gone after logging out" {
    token=$(sluice token create --name ann --role viewer -o json | jq -r .token)
    story login "$token"
}

@test "one logs in at the gateway's issuer, in the tab that began it, and the code is in no address" {
    story issuer
    # Who has a code and not its verifier gets nothing of it, and the gateway asks nobody else.
    run -0 curl -sS -w '%{http_code}' http://127.0.0.1:7071/auth/oidc-token -H 'Content-Type: application/json' \
        -d '{"code": "code-0-0", "code_verifier": "guessed", "redirect_uri": "http://127.0.0.1:7071/console/"}'
    [[ "$output" == *"the issuer gives no token for this login: invalid_grant"*502 ]] || { echo "$output"; return 1; }
    run -0 curl -sS -w '%{http_code}' http://127.0.0.1:7071/auth/oidc-token -H 'Content-Type: application/json' -d '{"code": "x"}'
    [[ "$output" == *code_verifier*422 ]]
    run -0 curl -sS -w '%{http_code}' http://127.0.0.1:7071/auth/oidc-token -H 'Sec-Fetch-Site: same-site' -d '{}'
    [[ "$output" == *"a web page from elsewhere"*403 ]] || { echo "$output"; return 1; }
}

@test "what a sandbox chose is text, whatever is in it" {
    story hostile
}

@test "a sandbox: what is used, refused and never used, changes in text and reach, and back again" {
    cat >"$BATS_TEST_TMPDIR/policy.yaml" <<YAML
version: 1
network_policies:
  origin:
    endpoints: [{host: 10.77.0.2, port: 8080}]
    binaries: [{path: /usr/bin/curl}, {path: /usr/bin/wget}]
  packages:
    endpoints: [{host: "*.example.com", port: 443, protocol: rest, access: read-only, enforcement: enforce}]
    binaries: [{path: /usr/bin/curl}]
YAML
    sluice sandbox create --name shop --label team=web >/dev/null
    sluice policy set shop --policy "$BATS_TEST_TMPDIR/policy.yaml" --reason "Packages for the shop" --wait >/dev/null
    [ "$(knock shop)" = 200 ]
    run sluice sandbox exec shop -- curl -sS -m 5 http://10.77.0.3:8080/
    story sandbox
    [ "$(sluice policy get shop -o json | jq -c '[.revision, .policy.network_policies]')" = '[3,null]' ]
}

@test "voters with their times, and the audit record that is verified" {
    story chain
}

@test "without a mouse: the order of the focus, dialogs, and no motion where none is wanted" {
    story keyboard
}

@test "axe finds nothing that shuts people out, light and dark" {
    axe=$build/axe-core/node_modules/axe-core/axe.min.js
    [ -e "$axe" ] || skip "axe-core is not installed: scripts/lib/axe-core"
    story axe "$axe"
}

@test "five hundred drafts scroll, are filtered and decided" {
    sluice sandbox create --name many >/dev/null
    run -0 story many
    echo "# $output" >&3
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The console in a real browser: one gateway, one browser, and pictures of each view in build-test/console/.

setup_file() {
    load helper
    [ -x /usr/bin/chromedriver ] || skip "chromium-driver is not installed"
    start_gateway --listen "unix:$BATS_FILE_TMPDIR/state/sluice.sock" --listen tcp:127.0.0.1:7070,trust_local_uids --listen tcp:127.0.0.1:7071
    HOME=$BATS_FILE_TMPDIR chromedriver --port=9515 --log-path="$BATS_FILE_TMPDIR/driver.log" >"$BATS_FILE_TMPDIR/driver.out" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
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

story() { timeout 120 python3 "$top/tests/e2e/console_stories.py" "$BATS_FILE_TMPDIR/session" "$build/console" "$@"; }

@test "a draft shows up without a reload, is approved by a key, and undone" {
    story inbox
    [ "$(sluice policy get demo -o json | jq -c '.policy.network_policies | keys')" = '["allow_a"]' ]
}

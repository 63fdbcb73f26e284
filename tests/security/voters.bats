#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A voter in a process of its own cannot hurt the gateway that asks it.

load ../e2e/helper

setup() {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
}
teardown() { [ ! -e "$state/gateway.pid" ] || stop_gateway; }

# start_with VOTER: a gateway whose chain is live_reload and this one.
start_with() {
    cat >"$state/sluice.yaml" <<YAML
chain:
  plugin_dirs: [$build/plugins, $build/tests/plugins]
  voters: [{plugin: live_reload, isolation: inline}, {$1}]
YAML
    start_gateway --config "$state/sluice.yaml"
}

# try_create NAME: asks the voters whether there may be one.
try_create() { api POST '/v1/sandboxes?dry_run=true' -H 'Content-Type: application/json' -d "{\"name\":\"$1\"}"; }

@test "the gateway lives on when a voter asks for it to be killed by the next message" {
    start_with "plugin: escape, options: {mode: strike}"
    for name in a b c; do
        try_create $name | jq .
        kill -0 "$(cat "$state/gateway.pid")"
    done
    [ "$(sluice plugin list -o json | jq '.voters[] | select(.name == "escape") | .votes')" -ge 3 ]
}

@test "outside of such a process the attacks that are tried there do work" {
    run -1 python3 - "$build/tests/plugins/escape" <<'PYTHON'
import fcntl, os, socket, subprocess, sys
ends = socket.socketpair()
there = fcntl.fcntl(ends[1], fcntl.F_DUPFD, 10)     # above 3, which may be one of them
os.dup2(there, 3)
os.set_inheritable(3, True)
sys.exit(subprocess.run(sys.argv[1:], pass_fds=[3]).returncode)
PYTHON
    [[ "$output" == *"what works: sets an owner, "* ]]
    [ "$(tr -cd , <<<"$output" | wc -c)" -gt 40 ]
}

@test "no attack that is tried there works in a voter's process, as a plugin or as a program" {
    start_with "plugin: escape, timeout_ms: 20000"
    try_create a | jq -e '.votes[] | select(.voter == "escape") | .verdict == "allow"'
    stop_gateway
    printf 'chain: {voters: [{command: ["%s"]}]}\n' "$build/tests/plugins/escape" >"$state/program.yaml"
    run -2 sluiced --check --state-dir "$state" --config "$state/program.yaml"
    [[ "$output" == *"what works: nothing"* ]]
}

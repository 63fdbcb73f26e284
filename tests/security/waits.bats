#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Sockets that a workload arranges so that whoever connects or closes them waits: its supervisor does both, and serves on.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    start_origin
    cc -Wall -Wextra -Werror -O1 -static -pthread -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/hold_loop" "$BATS_TEST_DIRNAME/hold_loop.c"
    cat >"$BATS_FILE_TMPDIR/rules.yaml" <<'YAML'
version: 1
network_policies:
  direct:
    endpoints: [{port: 8080, allowed_ips: [10.77.0.2/32]}]
    binaries: [{path: "/**"}]
YAML
}
setup() { load ../e2e/helper.bash; state=$BATS_TEST_TMPDIR/state; }
teardown() { [ ! -e "$state/gateway.pid" ] || { sluice -q sandbox delete demo || true; stop_gateway KILL; }; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# attack: each is tried, and then another program of the sandbox and a new policy are served.
attack() {
    start_gateway
    sluice sandbox create --name demo
    sluice policy set demo --policy "$BATS_FILE_TMPDIR/rules.yaml" --wait
    sluice sandbox exec demo -- sh -c 'cat >/tmp/hold_loop; chmod +x /tmp/hold_loop' <"$BATS_FILE_TMPDIR/hold_loop"
    for target in "block 10.200.0.1 3128" "block 10.77.0.2 8080" "linger 10.77.0.2 8080"; do
        run timeout -k 1 180 sluice sandbox exec demo -- timeout 40 /tmp/hold_loop $target
        [ "$output" = done ] || { echo "$target: $output"; return 1; }
        run -0 timeout 180 sluice sandbox exec demo -- curl -sS -o /dev/null -w '%{http_code}' http://10.77.0.2:8080/
        [ "$output" = 200 ]
        timeout 180 sluice policy set demo --policy "$BATS_FILE_TMPDIR/rules.yaml" --wait
    done
}

@test "no socket of a workload makes its supervisor wait" {
    attack
}

@test "the same under the gateway of an ordinary user" {
    as_ordinary_user
    attack
}

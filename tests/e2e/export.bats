#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The audit chain and the traffic record are exported: shapes, at least once and in order whoever is killed, what a
# receiver does wrong, metrics.

load helper
load export_helper

setup_file() {
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state/logs" "$state/hook"
    printf 'tok-s3cret\n' >"$state/token"
    printf 'X-Tenant: t-s3cret\n' >"$state/headers"
    printf 'key-s3cret' >"$state/key"
    chmod 600 "$state"/token "$state"/headers "$state"/key
    for folder in logs hook; do echo ok >"$state/$folder/mode"; : >"$state/$folder/received"; done
    cat >"$state/sluice.yaml" <<YAML
chain:
  voters: [{plugin: static_fields, isolation: inline}, {plugin: policy_safety, isolation: inline}, {plugin: live_reload, isolation: inline}]
export:
  - {name: logs, type: otlp, url: "http://127.0.0.1:4318", token_file: token, interval_ms: 50, timeout_ms: 500}
  - {name: hook, type: webhook, url: "http://127.0.0.1:4319/in?token=u-s3cret", records: [audit], key_file: key, headers_file: headers, interval_ms: 50, timeout_ms: 500}
YAML
    receive logs 4318
    receive hook 4319 key-s3cret
    start_origin
    first_rule >"$state/first-rule.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo --keep
}

teardown_file() {
    teardown_all
    for folder in logs hook; do kill -9 "$(cat "$state/$folder/pid")" 2>/dev/null || true; done
}

@test "audit and traffic reach a receiver of OTLP, with the token and without another secret in sight" {
    [ "$(knock demo)" = 403 ]
    change 1
    [ "$(knock demo)" = 200 ]
    until_so '[ "$(jq -r "select(.kind == \"traffic\" and .record.verdict == \"allowed\") | .record.count" "$state/logs/received")" = 1 ]'
    idle logs
    came_in_order logs
    [ "$(jq -r '[.path, .type, .auth] | join(" ")' "$state/logs/received" | sort -u)" = "/v1/logs application/json Bearer tok-s3cret" ]
    [ "$(jq -c 'select(.kind == "traffic" and .record.verdict == "refused") | .record | [.sandbox, .host, .port, .binary, .unlisted]' "$state/logs/received")" = '["demo","10.77.0.2",8080,"/usr/bin/curl",false]' ]
    # The record is as the API has it.
    id=$(jq -r 'select(.kind == "audit") | .record.id' "$state/logs/received" | tail -1)
    members='{id, seq, sandbox, kind, outcome, actor, reason, base_revision, revision, base_hash, candidate_hash, overridden, chain_digest, at, hash, previous, votes, candidate}'
    [ "$(jq -cS "select(.record.id == \"$id\") | .record | $members" "$state/logs/received")" = "$(api GET "/v1/decisions/$id" | jq -cS "$members")" ]
    # One connection for all batches.
    [ "$(jq .connection "$state/logs/received" | sort -u | wc -l)" = 1 ]
    fetchers=$(pgrep -P "$(cat "$state/gateway.pid")" -f sluice-fetch)
    run cat $(sed 's,.*,/proc/&/cmdline /proc/&/environ,' <<<"$fetchers") "$state/gateway.log"
    [[ "$output" != *s3cret* ]]
    run -0 sluice export list -o wide
    [[ "$output" != *s3cret* && "$output" == *"http://127.0.0.1:4319/in "* ]]
}

@test "a webhook's documents are signed, and have the further fields" {
    idle hook
    came_in_order hook
    [ "$(jq -r '[.path, .type, .tenant] | join(" ")' "$state/hook/received" | sort -u)" = "/in?token=u-s3cret application/json t-s3cret" ]
    [[ "$(jq -r .id "$state/hook/received" | head -1)" == hook-audit-1-* ]]
}

@test "nothing is lost and nothing comes out of order, whoever is killed" {
    for round in 1 2 3 4; do
        # It is killed with the next batch: before it has taken it, and before it answers.
        mode logs "$([ $((round % 2)) = 0 ] && echo die || echo drop)"
        (for i in 1 2 3 4 5 6; do change "$round$i" >/dev/null; done) &
        changes=$!
        until_so 'ended "$(cat "$state/logs/pid")"'
        [ "$round" -lt 3 ] || { kill -9 "$(cat "$state/gateway.pid")"; wait_gone "$(cat "$state/gateway.pid")"; }
        mode logs ok
        receive logs 4318
        wait "$changes" || true
        [ "$round" -lt 3 ] || start_gateway --config "$state/sluice.yaml"
        until_so '[ "$(knock demo)" = 200 ]'
    done
    # What stands last of each row is the traffic record.
    until_so '[ "$(traffic_sent logs)" = "$(traffic_of demo)" ]'
    [ "$(traffic_of demo)" != "[]" ]
    idle logs
    came_in_order logs
    idle hook
    came_in_order hook
    run -0 sluice audit verify
    # What was sent before an answer was lost came again.
    [ "$(jq -c 'select(.kind == "audit") | .seq' "$state/logs/received" | wc -l)" -gt "$(wc -l <"$state/logs/came")" ]
}

@test "a receiver that is down, busy or silent is asked again, with words and numbers" {
    mode logs 503
    change 100
    until_so '[ "$(status_of logs audit state)" = retrying ]'
    [[ "$(status_of logs audit last_error)" == "it answers 503: not"*"31m now"* ]]
    [ "$(status_of logs audit waiting)" -ge 1 ]
    [ "$(status_of hook audit state)" = sending ]
    mode logs stall
    until_so '[[ "$(status_of logs audit last_error)" == *Timeout* ]]'
    mode logs ok
    idle logs
    # It is not asked again before the time that it names.
    : >"$state/logs/asked"
    mode logs 429 3
    change 101
    until_so 'grep -q 429 "$state/logs/asked"'
    mode logs ok
    idle logs
    read -r first _ <"$state/logs/asked"
    then=$(grep ' ok ' "$state/logs/asked" | head -1)
    awk -v a="$first" -v b="${then%% *}" 'BEGIN { exit !(b - a >= 2.9) }'
    came_in_order logs
    grep -q 'exporter logs: audit records behind [0-9]* cannot be sent, which is tried again: it answers 503' "$state/gateway.log"
    grep -q 'exporter logs: audit records are sent again, from [0-9]*' "$state/gateway.log"
    run -0 grep -c 'exporter logs: .*it answers 503' "$state/gateway.log"
    [ "$output" -le 2 ]                             # said once for each kind, not with each try
}

@test "a receiver that refuses stops an exporter, which says so and leaves nothing out" {
    mode logs 401
    change 110
    until_so '[ "$(status_of logs audit state)" = refused ]'
    grep -q 'exporter logs: the receiver refuses audit records behind [0-9]*: it answers 401' "$state/gateway.log"
    run -0 api GET /metrics
    [[ "$output" == *'sluice_export_blocked{exporter="logs",records="audit"} 1'* ]]
    mode logs ok
    idle logs
    came_in_order logs
    # With fewer records where there are too many at once.
    mode logs 503
    for i in 120 121 122 123 124 125; do change $i; done
    mode logs longer 9000
    idle logs
    came_in_order logs
    # An answer that is too long counts by its status; records that a receiver drops are counted.
    mode logs long
    change 130
    idle logs
    mode logs partial
    before=$(status_of logs audit refused)
    change 131
    until_so "[ \"\$(status_of logs audit refused)\" -gt $before ]"
    grep -q 'exporter logs: the receiver dropped 1 of the audit records [0-9]* to [0-9]*: too old' "$state/gateway.log"
    mode logs ok
    came_in_order logs
}

@test "events of OCSF, and receivers with TLS, whose certificates count" {
    stop_gateway
    mkdir "$state/tls"
    make_certificate receiver "/CN=localhost" "" -addext subjectAltName=DNS:localhost
    cat "$state/receiver.pem" "$state/receiver.key" >"$state/tls/both.pem"
    echo ok >"$state/tls/mode"
    : >"$state/tls/received"
    receive tls 4320
    echo "$(cat "$state/tls/pid")" >>"$BATS_FILE_TMPDIR/origins"
    cat >>"$state/sluice.yaml" <<YAML
  - {name: ocsf, type: webhook, url: "http://127.0.0.1:4319/ocsf", format: ocsf, key_file: key, interval_ms: 50}
  - {name: tls, type: otlp, url: "https://localhost:4320", records: [audit], ca: receiver.pem, interval_ms: 50}
  - {name: no-ca, type: otlp, url: "https://localhost:4320", records: [audit], token_file: token, interval_ms: 50}
YAML
    : >"$state/hook/received"
    start_gateway --config "$state/sluice.yaml"
    idle tls
    came_in_order tls
    until_so '[[ "$(status_of no-ca audit last_error)" == *"certificate"* ]]'
    [ "$(jq -r .auth "$state/tls/received" | sort -u)" = null ]
    idle ocsf
    [ "$(jq -r '.record | "\(.class_uid) \(.metadata.version) \(.type_uid - .class_uid * 100 - .activity_id)"' "$state/hook/received" | sort -u)" = "$(printf '3004 1.3.0 0\n4001 1.3.0 0\n4002 1.3.0 0')" ]
    [ "$(jq -c 'select(.kind == "audit") | [.seq, .record.metadata.uid, .record.unmapped.hash]' "$state/hook/received")" = "$(chain)" ]
}

@test "what is wrong in the configuration is said with its line" {
    wrong() { printf 'export:\n  - %s\n' "$1" >"$BATS_TEST_TMPDIR/c.yaml"; run -2 sluiced --check --config "$BATS_TEST_TMPDIR/c.yaml"; [[ "$output" == *"$2"* ]] || { echo "$output" >&2; return 1; }; }
    wrong '{name: a, type: otlp, url: "http://10.77.0.2:4318"}' "everybody on the way could read it: use https, or insecure: true"
    wrong '{name: a, type: otlp, url: "https://u:p@x.test/"}' "a name and password do not belong into it"
    wrong '{name: a, type: otlp, url: "ftp://x.test/"}' "it has to be https://HOST/..., or http:// on this machine"
    wrong '{name: a, type: otlp, url: "http://127.0.0.1.x.test/"}' "everybody on the way could read it"
    wrong '{name: a, type: webhook, url: "https://x.test/"}' "a webhook needs a key_file"
    wrong '{name: a, type: otlp, url: "https://x.test/", token_file: none}' "cannot read $BATS_TEST_TMPDIR/none: No such file"
    wrong '{name: a, type: otlp, url: "https://x.test/", records: [events]}' "records are audit and traffic, not 'events'"
    wrong '{name: A, type: otlp, url: "https://x.test/"}' "an exporter's name is made of a-z, 0-9"
    wrong '{name: a, type: otlp, url: "https://x.test/", urls: x}' "c.yaml:2:"
    printf 'x' >"$BATS_TEST_TMPDIR/open"
    chmod 666 "$BATS_TEST_TMPDIR/open"
    wrong '{name: a, type: otlp, url: "https://x.test/", token_file: open}' "may be written by others"
}

@test "/metrics has the text format, and the dashboard names what it has" {
    api GET /metrics >"$BATS_TEST_TMPDIR/metrics"
    run -0 python3 "$top/tests/e2e/metrics_format.py" "$BATS_TEST_TMPDIR/metrics" "$top/packaging/grafana/sluice.json"
    if command -v promtool >/dev/null; then promtool check metrics <"$BATS_TEST_TMPDIR/metrics"; fi
    grep -q '^sluice_export_sent_total{exporter="ocsf",records="audit"} [1-9]' "$BATS_TEST_TMPDIR/metrics"
    # The check sees what is wrong.
    for line in 'a{b="c} 1' 'a{b="c"} one' '# TYPE sluice_up gauge' 'sluice_up 1' 'a 1'; do
        run -1 python3 "$top/tests/e2e/metrics_format.py" <(cat "$BATS_TEST_TMPDIR/metrics"; echo "$line")
    done
    run -1 python3 "$top/tests/e2e/metrics_format.py" "$BATS_TEST_TMPDIR/metrics" <(echo '{"targets": [{"expr": "rate(sluice_no_such_total[5m])"}]}')
    [[ "$output" == *"sluice_no_such_total"* ]]
}

# SPDX-License-Identifier: Apache-2.0
# What the end-to-end suites share: a gateway on the real binaries, an origin at 10.77.0.2:8080.
# Run by scripts/test, which puts each suite on a stage of its own (scripts/lib/stage).

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=${SLUICE_BUILD:-$top/build-test}
export PATH=$build/bin:$PATH
origin=10.77.0.2:8080
url=http://$origin/

# jq takes 50 ms to start, gojq 3. gojq sorts the keys of what it prints: where their order counts, say "command jq".
jq() { gojq "$@"; }

# start_gateway [FLAG...]: a gateway with its state in $state; returns when it can serve.
start_gateway() {
    state=${state:-$BATS_FILE_TMPDIR/state}
    mkdir -p "$state"
    export SLUICE_GATEWAY=unix:$state/sluice.sock XDG_STATE_HOME=$state/client state
    rm -f "$state/ready"
    mkfifo "$state/ready"
    sluiced --state-dir "$state" "$@" >"$state/ready" 2>>"$state/gateway.log" 3>&- &
    gateway_pid=$!
    echo "$gateway_pid" >"$state/gateway.pid"
    read -r -t 180 ready <"$state/ready" || { tail -20 "$state/gateway.log" >&2; return 1; }
}

# as_ordinary_user: the next gateways of this test are uid 4242's, who has no subordinate ids and no control groups.
as_ordinary_user() {
    local folder=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}
    [ "$(id -u)" = 0 ] || skip "takes root"
    state=$folder/state
    mkdir -p "$state" "$folder/bin"
    chmod 755 "$folder" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
    chown -R 4242:4242 "$state"
    printf '#!/bin/sh\nexec setpriv --reuid 4242 --regid 4242 --clear-groups %s "$@"\n' "$(command -v sluiced)" >"$folder/bin/sluiced"
    chmod +x "$folder/bin/sluiced"
    PATH=$folder/bin:$PATH
}

# with_resolver RESOLV_CONF [HOSTS]: the next gateways of this test, or of this file, find these texts in /etc.
with_resolver() {
    local folder=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR} binds
    mkdir -p "$folder/bin"
    printf '%s\n' "$1" >"$folder/resolv.conf"
    binds="mount --bind $folder/resolv.conf /etc/resolv.conf"
    if [ $# -gt 1 ]; then
        printf '%s\n' "$2" >"$folder/hosts"
        binds="$binds && mount --bind $folder/hosts /etc/hosts"
    fi
    printf '#!/bin/sh\nexec unshare --mount sh -c "%s && exec %s \\"\\$@\\"" sluiced "$@"\n' "$binds" "$build/bin/sluiced" >"$folder/bin/sluiced"
    chmod +x "$folder/bin/sluiced"
    export PATH=$folder/bin:$PATH
}

# start_gated_gateway: its only voter writes a byte to $state/asked and waits until $state/go_on has been opened.
start_gated_gateway() {
    mkfifo "$state/asked" "$state/go_on"
    cat >"$state/sluice.yaml" <<YAML
chain:
  plugin_dirs: [$build/tests/plugins]
  voters: [{plugin: gate, isolation: inline, timeout_ms: 60000, options: {folder: $state}}]
YAML
    start_gateway --config "$state/sluice.yaml"
}

stop_gateway() {   # stop_gateway [SIGNAL]: and waits for its end
    local pid
    pid=$(cat "$state/gateway.pid")
    kill "-${1:-TERM}" "$pid" 2>/dev/null || return 0
    wait_gone "$pid"
}

wait_gone() {      # wait_gone PID: blocks until the process has ended
    timeout 180 tail --pid="$1" -s 0.02 -f /dev/null
}

start_origin() {   # start_origin [ADDRESS PORT]
    mkfifo "$BATS_FILE_TMPDIR/origin.$$.${2:-8080}"
    "$top/scripts/lib/origin" "${1:-10.77.0.2}" "${2:-8080}" >"$BATS_FILE_TMPDIR/origin.$$.${2:-8080}" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$BATS_FILE_TMPDIR/origin.$$.${2:-8080}"
}

listen() {         # listen COMMAND…: returns when it has said that it is bound; teardown_all ends it
    mkfifo "$BATS_FILE_TMPDIR/bound"
    "$@" >"$BATS_FILE_TMPDIR/bound" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$BATS_FILE_TMPDIR/bound"
    rm "$BATS_FILE_TMPDIR/bound"
}

# make_certificate NAME SUBJECT ISSUER [OPTION...]: NAME.pem and NAME.key, with ISSUER "" signed by itself.
make_certificate() {
    local name=$1 subject=$2 issuer=$3
    shift 3
    [ -z "$issuer" ] || set -- "$@" -CA "$state/$issuer.pem" -CAkey "$state/$issuer.key"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "$subject" "$@" \
        -keyout "$state/$name.key" -out "$state/$name.pem" 2>/dev/null
}

start_tls_origin() {   # start_tls_origin ADDRESS PORT [CERTIFICATE [FOLDER]]
    [ -z "${3-}" ] || cat "$state/$3.pem" "$state/$3.key" >"$state/$3.both"
    listen python3 "$top/tests/e2e/tls_origin.py" "$1" "$2" "$state/counts" ${3:+"$state/$3.both"} ${4:+"$4"}
}

# run_nghttpx PORT PROTOCOLS CERTIFICATE: a server that speaks these in front of the one at port 80; $state/access has its requests.
run_nghttpx() {
    nghttpx --conf=/dev/null --no-ocsp -f"10.77.0.2,$1" -b'10.77.0.2,80' --npn-list="$2" --accesslog-file="$state/access" \
        --accesslog-format='$remote_port $alpn $request' --errorlog-file="$state/nghttpx.log" --workers=1 "$state/$3.key" "$state/$3.pem" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    until_so "grep -q 'LISTEN' <(ss -Hltn 'sport = $1')"
}

# plain NAME COMMAND…: in the sandbox, without the variables that name a proxy.
plain() {
    sluice sandbox exec "$1" -- env -u http_proxy -u HTTP_PROXY -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY "${@:2}"
}

teardown_all() {
    local names pid
    names=$(sluice sandbox list -o json 2>/dev/null | jq -r '.sandboxes[].name' || true)
    [ -z "$names" ] || sluice -q sandbox delete $names >/dev/null 2>&1 || true
    stop_gateway || true
    for pid in $(cat "$BATS_FILE_TMPDIR/origins" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
}

# knock NAME [CURL OPTION...]: the status code that the workload's request gets.
knock() {
    local name=$1
    shift
    sluice sandbox exec "$name" -- curl -sS -o /dev/null -w '%{http_code}' "$@" "$url"
}

first_rule() {     # the document of the story's first rule
    cat <<YAML
version: 1
network_policies:
  allow_10_77_0_2_8080:
    endpoints: [{host: 10.77.0.2, port: 8080}]
    binaries: [{path: /usr/bin/curl}]
YAML
}

api() {            # api METHOD PATH [CURL OPTION...]
    local method=$1 path=$2
    shift 2
    curl -sS --unix-socket "$state/sluice.sock" -X "$method" "http://localhost$path" "$@"
}

propose() {        # propose NAME: the first rule as a chunk; prints its id
    api POST "/v1/sandboxes/$1/drafts" -H 'Content-Type: application/json' -d '{"proposals":[{"rule_name":"allow_10_77_0_2_8080",
        "rule":{"endpoints":[{"host":"10.77.0.2","port":8080}],"binaries":[{"path":"/usr/bin/curl"}]}}]}' | jq -r '.chunks[0].id'
}

# wait_event SANDBOX TYPE FILTER: blocks until an event of that type for which the jq filter holds was seen,
# also one that is kept from before.
wait_event() {
    local line kind= seen=1
    while read -r line; do
        case $line in
        "event: "*) kind=${line#event: } ;;
        "data: "*) if [ "$kind" = "$2" ] && jq -e "$3" >/dev/null <<<"${line#data: }"; then seen=0; break; fi ;;
        esac
    done < <(exec 2>/dev/null 3>&-; exec timeout 180 curl -sSN --unix-socket "$state/sluice.sock" \
        -H 'Last-Event-ID: 0' "http://localhost/v1/events?sandbox=$1")
    kill $! 2>/dev/null || true
    [ "$seen" -eq 0 ] || echo "no event $2 of $1 with $3" >&2
    return "$seen"
}

# ended PID: it runs no more; that nobody has asked for its exit code yet is not its fault.
ended() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}

# until_so COMMAND: looks until it is so, three minutes at most.
until_so() {
    local end=$((SECONDS + 180))
    while [ "$SECONDS" -lt "$end" ]; do
        if eval "$1"; then return 0; fi
        read -r -t 0.05 _ <>"$state/ready" || true
    done
    return 1
}

# took_ms COMMAND…: runs it; how long it took is in $ms. A bound on it must grow with the time of something
# comparable that ran just before, as a busy machine makes both slower.
took_ms() {
    local start=$EPOCHREALTIME
    "$@"
    ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
}

chain_with() {     # chain_with VOTER...: writes $state/sluice.yaml with these voters inline
    {
        echo "chain:"
        echo "  voters:"
        local voter
        for voter in "$@"; do printf '    - plugin: %s\n      isolation: inline\n' "$voter"; done
    } >"$state/sluice.yaml"
}

votes_of() {       # who said what in the sandbox's newest decision
    sluice decision list "$1" --limit 1 -o json | jq -c '[.decisions[0].votes[] | {voter, verdict}] | sort_by(.voter)'
}

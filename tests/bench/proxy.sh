#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# proxy.sh [quick]: what goes through the proxy of a sandbox, beside other proxies; scripts/bench proxy calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."

quick=${1-}
rounds=${quick:+1} rounds=${rounds:-3}
seconds=${quick:+0.5} seconds=${seconds:-1.5}
bulk=${quick:+268435456} bulk=${bulk:-1073741824}
origin=10.77.0.2 plain_port=8080 tls_port=8443
folder=$(mktemp -d "$PWD/build/bench-proxy-XXXXXX")
chmod 711 "$folder"
. tests/bench/proxy/peers.sh

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$folder/$2.key" \
        -out "$folder/$2.pem" -addext "$3" -addext "$4" 2>/dev/null
}
certificates "origin" ca "subjectAltName=IP:$origin" "basicConstraints=critical,CA:true"
certificates "bench interception" bump-ca "basicConstraints=critical,CA:true" "keyUsage=critical,keyCertSign,cRLSign"
cat "$folder/bump-ca.key" "$folder/bump-ca.pem" >"$folder/bump.pem"

gateway_config="egress: {extra_ca: $folder/ca.pem}"
. tests/bench/gateway.sh
stop_all() {
    stop_peers
    [ -z "${origin_pid-}" ] || kill "$origin_pid" 2>/dev/null || true
    cleanup
    rm -rf "$folder"
}
trap stop_all EXIT

mkfifo "$folder/ready"
build/bin/bench_proxy_origin $origin $plain_port $tls_port "$folder/ca.pem" "$folder/ca.key" >"$folder/ready" &
origin_pid=$!
read -r _ <"$folder/ready"
start_haproxy
start_squid
start_tinyproxy
start_mitmproxy
start_nghttpx

# ---- sluice ----

endpoint() {       # endpoint PORT: one whose requests are judged
    cat <<YAML
      - host: $origin
        port: $1
        protocol: rest
        enforcement: enforce
        rules:
          - allow: {method: GET, path: "/repos/**"}
          - allow: {method: GET, path: "/orgs/**"}
          - allow: {method: GET, path: "/users/**"}
          - allow: {method: POST, path: "/repos/*/issues"}
          - allow: {method: GET, path: "/files/**"}
        deny_rules:
          - {method: "*", path: "/files/secret/**"}
YAML
}
policy() {         # policy ENDPOINTS
    printf 'version: 1\nnetwork_policies:\n  bench:\n    endpoints:\n%s\n    binaries: [{path: /sandbox/load}, {path: /usr/bin/h2load}]\n' "$1"
}
policy "$(endpoint $plain_port; endpoint $tls_port)" >"$state/rest.yaml"
policy "      - {host: $origin, port: $plain_port, tls: skip}" >"$state/tunnel.yaml"

start_sandbox() {  # start_sandbox NAME: of the policy of that name; false: it is refused
    sluice -q sandbox create --name "$1" --policy "$state/$1.yaml" >"$folder/create" 2>&1 || return 1
    local id
    id=$(sluice sandbox get "$1" -o json | jq -r .id)
    install -m 755 build/bin/bench_proxy_load "$state/sandboxes/$id/work/load"
    peer_pid[$1]=$(pgrep -f "sluice-supervisor --spec $state/sandboxes/$id/")
}
for name in rest tunnel; do
    start_sandbox $name || missing[$name]="the policy is refused, $(grep -o 'this runtime.*yet' "$folder/create" | sed -n 1p)"
done
sluice_proxy=10.200.0.1:3128
idle=unknown
if [ -n "${peer_pid[tunnel]-}" ]; then
    sleep 3                                  # idle, not just made
    idle=$(awk '/^Pss:/ { print $2 }' "/proc/${peer_pid[tunnel]}/smaps_rollup")
fi

# ---- measuring ----

declare -A rate p50 cpu
loader=load_of
ticks=$(getconf CLK_TCK)
is() { awk "BEGIN { exit !($1) }"; }

clock_of() {       # clock_of PID: processor time that it has used, in ticks
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

load_of() {        # load_of PEER OPTION...: one run through the peer
    local peer=$1
    shift
    case $peer in
    direct) build/bin/bench_proxy_load "$@" ;;
    rest | tunnel) sluice sandbox exec "$peer" -- /sandbox/load -p $sluice_proxy "$@" ;;
    haproxy) build/bin/bench_proxy_load -p 127.0.0.1:4001 "$@" ;;
    haproxy-tcp) build/bin/bench_proxy_load "$@" ;;
    squid) build/bin/bench_proxy_load -p 127.0.0.1:4003 "$@" ;;
    tinyproxy) build/bin/bench_proxy_load -p 127.0.0.1:4004 "$@" ;;
    mitmproxy) build/bin/bench_proxy_load -p 127.0.0.1:4005 "$@" ;;
    esac
}

# h2load_of PEER OPTION... URL: the same by h2load, which knows no proxy, in sluice's sandbox; nghttpx is told of by its option.
h2load_of() {
    local peer=$1 to=
    shift
    case $peer in
    rest) to="sluice sandbox exec rest --" ;;
    nghttpx) set -- --connect-to=127.0.0.1:4006 "$@" ;;
    nghttpx_tls) set -- --connect-to=127.0.0.1:4007 "$@" ;;
    esac
    $to /usr/bin/h2load "$@" >"$folder/h2load" || return 1
    awk '/^finished/ { rate = $4 } /^requests:/ { sub(/.*done, /, ""); done = $1; failed = $3 + $5 } /^time for request:/ { mean = $6 }
         END { sub(/us$/, "", mean); print rate, mean, 0, done, failed }' "$folder/h2load"
}

# run KEY PEER OPTION...: keeps the best of the rounds.  The processor time is that of the best round, per request.
run() {
    local key=$1 peer=$2 pid=${worker_pid[${2%%-*}]-${peer_pid[${2%%-*}]-}} before=0 r median slowest n failed
    shift 2
    [ -z "${missing[${peer%%-*}]-}" ] || return 0
    [ -z "$pid" ] || before=$(clock_of "$pid")
    if ! "$loader" "$peer" "$@" >"$folder/out" 2>"$folder/err"; then
        missing[$key]="failed: $(cat "$folder/err" "$folder/out" | tail -1)"
        return 0
    fi
    read -r r median slowest n failed <"$folder/out"
    [ "$failed" = 0 ] || missing[$key]="$failed of $n requests failed"
    [ "$failed" = 0 ] && is "$r > ${rate[$key]:-0}" || return 0
    rate[$key]=$r p50[$key]=$median
    [ -z "$pid" ] || cpu[$key]=$(awk "BEGIN { printf \"%.1f\", ($(clock_of "$pid") - $before) * 1e6 / $ticks / $n }")
}

# measure KEY OPTION... -- PEER...: each peer in turn, as many rounds as there are, so that all see the same machine.
measure() {
    local key=$1 options=() peer round
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    for ((round = 0; round < rounds; round++)); do
        for peer in "$@"; do
            case $peer in
            direct) run "$key/$peer" direct $(without_proxy "${options[@]}") ;;
            haproxy-tcp) run "$key/$peer" haproxy-tcp $(without_proxy "${options[@]}" | sed "s/$origin:$plain_port/127.0.0.1:4002/") ;;
            rest) run "$key/$peer" rest $(trusting /etc/sluice-tls/ca.pem "${options[@]}") ;;
            squid | mitmproxy) run "$key/$peer" "$peer" $(trusting "$folder/bump-ca.pem" "${options[@]}") ;;
            *) run "$key/$peer" "$peer" "${options[@]}" ;;
            esac
        done
    done
}
without_proxy() { trusting "$folder/ca.pem" "$@" | sed 's/\(^\| \)-t / /'; }
trusting() { local ca=$1; shift; echo "$*" | sed "s| CA | $ca |"; }

# ---- the table ----

line() { printf '%-42s %-28s %-16s %s\n' "$@"; }
judge() {          # judge CONDITION: of awk
    if is "$1"; then echo met; else echo "NOT MET"; fi
}
value() {          # value KEY: the rate, and the processor time of a request
    if [ -z "${rate[$1]-}" ]; then
        local peer=${1##*/}
        echo "not measured: ${missing[$1]:-${missing[${peer%%-*}]:-no request was answered}}"
    else
        awk "BEGIN { printf \"%.0f/s%s\", ${rate[$1]}, \"${cpu[$1]:+, ${cpu[$1]} us}\" }"
    fi
}
peers() { local key=$1 peer; shift; for peer in "$@"; do line "    $peer" "$(value "$key/$peer")" "" ""; done; }
# against KEY OURS THEIRS FACTOR: a line that says how our rate compares.
against() {
    local ours=${rate[$1/$2]-} theirs=${rate[$1/$3]-}
    [ -n "$ours" ] && [ -n "$theirs" ] || { line "    against $3" "" ">= $4 x" "not measured"; return; }
    line "    against $3" "$(awk "BEGIN { printf \"%.2f x\", $ours / $theirs }")" ">= $4 x" "$(judge "$ours >= $4 * $theirs")"
}

echo "$machine, load $(cut -d' ' -f1-3 /proc/loadavg)"
line what "rate, processor time of each" target ""

for n in 16 64; do
    measure keep$n -c $n -d "$seconds" $origin:$plain_port -- direct rest tunnel haproxy squid tinyproxy mitmproxy
    line "keep-alive GET of 1 KiB, $n connections" "$(value keep$n/rest)" "" ""
    against keep$n rest haproxy 1
    against keep$n rest direct 0.6
    line "    rules about hosts only" "$(value keep$n/tunnel)" "" ""
    peers keep$n direct haproxy squid tinyproxy mitmproxy
done

measure tunnel -t -1 -c 16 -d "$seconds" $origin:$plain_port -- direct tunnel haproxy-tcp squid tinyproxy
line "tunnels with one GET, 16 at a time" "$(value tunnel/tunnel)" "" ""
against tunnel tunnel haproxy-tcp 0.8
peers tunnel direct haproxy-tcp squid tinyproxy

measure bulk -t -1 -n 1 -b "$bulk" $origin:$plain_port -- direct tunnel haproxy-tcp squid tinyproxy
bulk_value() { is "${rate[$1]:-0}" && awk "BEGIN { printf \"%.2f GB/s\", ${rate[$1]} * $bulk / 1e9 }" || value "$1"; }
line "bulk through a tunnel" "$(bulk_value bulk/tunnel)" "" ""
against bulk tunnel haproxy-tcp 1.2
for peer in direct haproxy-tcp squid tinyproxy; do line "    $peer" "$(bulk_value bulk/$peer)" "" ""; done

measure tls -t -s CA -c 16 -d "$seconds" $origin:$tls_port -- direct rest squid mitmproxy
line "inspected TLS, keep-alive, 16 connections" "$(value tls/rest)" "" ""
rate[tls/plain]=${rate[keep16/rest]-}
against tls rest plain 0.5
against tls rest mitmproxy 20
against tls rest squid 1
peers tls direct squid mitmproxy

measure shake -t -1 -s CA -c 16 -d "$seconds" $origin:$tls_port -- direct rest squid mitmproxy
line "full handshakes both ways, one GET each" "$(value shake/rest)" "<= 400 us" \
    "$([ -z "${cpu[shake/rest]-}" ] || judge "${cpu[shake/rest]} <= 400")"
peers shake direct squid mitmproxy

# Clients of HTTP/2, all of them and those of HTTP/1.1 beside them h2load, in tunnels of programs that know no proxy.
h2load() {         # h2load KEY URL PEER OPTION...
    local loader=h2load_of key=$1 url=$2 peer=$3
    shift 3
    run "$key/$peer" "$peer" -D "$(awk "BEGIN { print $seconds * 1000 }")ms" "$@" "$url/files/data/1024"
}
http2() {          # http2 KEY URL WHAT FACTOR [PEER]: rows of 16 connections, and of one with 16 streams
    local key=$1 url=$2 peer=${5-} round
    for ((round = 0; round < rounds; round++)); do
        h2load "$key-1.1" "$url" rest -c16 --h1
        h2load "$key" "$url" rest -c16 -m1
        h2load "$key-one" "$url" rest -c1 -m16
        [ -z "$peer" ] || { h2load "$key" "$url" "$peer" -c16 -m1; h2load "$key-one" "$url" "$peer" -c1 -m16; }
    done
    for shape in "" -one; do
        line "$3, $([ -n "$shape" ] && echo "16 streams of one connection" || echo "16 connections")" "$(value "$key$shape/rest")" "" ""
        rate[$key$shape/HTTP/1.1]=${rate[$key-1.1/rest]-}
        against "$key$shape" rest HTTP/1.1 "$4"
        [ -z "$peer" ] || { against "$key$shape" rest "$peer" 1; peers "$key$shape" "$peer"; }
    done
    line "    HTTP/1.1, 16 connections" "$(value "$key-1.1/rest")" "" ""
}
http2 http2 http://$origin:$plain_port "HTTP/2 keep-alive" 0.8 nghttpx
http2 http2-tls https://$origin:$tls_port "inspected HTTP/2 within TLS" 0.8 nghttpx_tls

measure one -c 1 -d "$seconds" $origin:$plain_port -- direct rest tunnel haproxy
measure onetls -t -s CA -c 1 -d "$seconds" $origin:$tls_port -- direct rest
added() {          # added WHAT KEY PEER BOUND
    [ -n "${p50[$2/$3]-}" ] && [ -n "${p50[$2/direct]-}" ] || { line "$1" "not measured" "${4:+<= $4 us}" ""; return; }
    local us
    us=$(awk "BEGIN { printf \"%.1f\", ${p50[$2/$3]} - ${p50[$2/direct]} }")
    line "$1" "$us us" "${4:+<= $4 us}" "${4:+$(judge "$us <= $4")}"
}
added "added latency, plain" one rest 60
added "    rules about hosts only" one tunnel 60
added "    haproxy" one haproxy ""
added "added latency, inspected TLS" onetls rest 100

# ---- memory ----

pss() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }
memory() {         # memory WHAT SANDBOX BOUND OPTION...: how much more the supervisor has while connections are held
    local what=$1 sandbox=$2 bound=$3 pid=${peer_pid[$2]-} before after held=200
    shift 3
    [ -n "$pid" ] || { line "$what" "not measured: ${missing[$sandbox]}" "<= $bound KB" ""; return; }
    before=$(pss "$pid")
    mkfifo "$folder/hold" "$folder/held"
    load_of "$sandbox" -h -c $held -n $held "$@" <"$folder/hold" >"$folder/held" 2>/dev/null &
    exec 7>"$folder/hold" 8<"$folder/held"
    if read -r _ <&8; then after=$(pss "$pid"); fi
    exec 7>&- 8<&-
    wait $! || true
    rm "$folder/hold" "$folder/held"
    [ -n "${after-}" ] || { line "$what" "not measured: the connections failed" "<= $bound KB" ""; return; }
    local each
    each=$(awk "BEGIN { printf \"%.1f\", ($after - $before) * 1.024 / $held }")
    line "$what" "$each KB" "<= $bound KB" "$(judge "$each <= $bound")"
}
line "memory of an idle supervisor" "$idle KiB" "<= 6144 KiB" "$([ "$idle" = unknown ] || judge "$idle <= 6144")"
memory "memory of a tunnel" tunnel 12 -t $origin:$plain_port
memory "memory of an inspected connection" rest 100 -t -s /etc/sluice-tls/ca.pem $origin:$tls_port

echo
build/bin/bench_websocket ${quick:+200}

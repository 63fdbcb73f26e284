# SPDX-License-Identifier: Apache-2.0
# The proxies that sluice is compared with, each with what it needs to be fast, and with the same rules as sluice's policy
# where it has such rules.  Sourced by proxy.sh, which has $folder, $origin, $plain_port and $tls_port.
#
# A peer is one that listens: peer_pid has its process, worker_pid that which does the work where it is another one, and missing
# why it could not be started.

declare -A peer_pid worker_pid missing

start_peer() {     # start_peer NAME PORT COMMAND...: in the background, and waits until it listens
    local name=$1 port=$2 tries
    shift 2
    if ! command -v "$1" >/dev/null; then
        missing[$name]="$1 is not installed"
        return
    fi
    "$@" >"$folder/$name.log" 2>&1 </dev/null &
    peer_pid[$name]=$!
    for ((tries = 0; tries < 200; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        kill -0 "${peer_pid[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    missing[$name]="it does not start: $(tail -1 "$folder/$name.log")"
}

stop_peers() {
    local name
    for name in "${!peer_pid[@]}"; do
        kill "${peer_pid[$name]}" 2>/dev/null && wait "${peer_pid[$name]}" 2>/dev/null || true
    done
}

start_haproxy() {
    cat >"$folder/haproxy.cfg" <<CFG
global
    maxconn 1000
    tune.pipesize 1048576
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend http
    mode http
    bind 127.0.0.1:4001
    acl here hdr(host) $origin:$plain_port
    acl read method GET HEAD
    acl write method POST
    acl repos path_beg /repos/ /orgs/ /users/
    acl files path_beg /files/
    acl issues path_reg ^/repos/[^/]*/issues$
    http-request deny if { path_beg /files/secret/ }
    http-request allow if here read repos
    http-request allow if here write issues
    http-request allow if here read files
    http-request deny
    default_backend origin
backend origin
    mode http
    http-reuse always
    server origin $origin:$plain_port
listen tunnel
    mode tcp
    bind 127.0.0.1:4002
    option splice-auto
    server origin $origin:$plain_port
CFG
    start_peer haproxy 4001 haproxy -db -f "$folder/haproxy.cfg"
}

start_squid() {
    local certgen=/usr/lib/squid/security_file_certgen
    mkdir -p "$folder/squid"
    cp "$folder/bump.pem" "$folder/squid/bump.pem"
    cat >"$folder/squid.conf" <<CFG
http_port 127.0.0.1:4003 ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB cert=$folder/squid/bump.pem
sslcrtd_program $certgen -s $folder/squid/certificates -M 4MB
tls_outgoing_options cafile=$folder/ca.pem
acl inspected port $tls_port
ssl_bump bump inspected
ssl_bump splice all
acl origin dst $origin
acl read method GET HEAD
acl write method POST
acl tunnel method CONNECT
acl repos urlpath_regex ^/(repos|orgs|users)/
acl files urlpath_regex ^/files/
acl secret urlpath_regex ^/files/secret/
acl issues urlpath_regex ^/repos/[^/]*/issues$
http_access deny secret
http_access allow origin tunnel
http_access allow origin read repos
http_access allow origin write issues
http_access allow origin read files
http_access deny all
cache deny all
cache_mem 0 MB
access_log none
cache_log $folder/squid/cache.log
pid_filename none
coredump_dir $folder/squid
shutdown_lifetime 0 seconds
CFG
    "$certgen" -c -s "$folder/squid/certificates" -M 4MB >/dev/null 2>&1 || true
    [ "$(id -u)" -ne 0 ] || chown -R proxy "$folder/squid" 2>/dev/null || true
    start_peer squid 4003 squid -N -f "$folder/squid.conf"
}

start_tinyproxy() {
    cat >"$folder/tinyproxy.conf" <<CFG
Listen 127.0.0.1
Port 4004
Timeout 60
MaxClients 300
LogLevel Critical
LogFile "$folder/tinyproxy.own.log"
Allow 127.0.0.1
CFG
    start_peer tinyproxy 4004 tinyproxy -d -c "$folder/tinyproxy.conf"
}

# Forward proxies of HTTP/2 without rules: one without TLS, one with TLS on both sides.
start_nghttpx() {
    local name
    nghttpx_at nghttpx 4006 '127.0.0.1,4006;no-tls' "$origin,$plain_port"
    nghttpx_at nghttpx_tls 4007 127.0.0.1,4007 "$origin,$tls_port;;tls"
    for name in nghttpx nghttpx_tls; do
        [ -z "${peer_pid[$name]-}" ] || worker_pid[$name]=$(pgrep -P "${peer_pid[$name]}" | head -1)
    done
}
nghttpx_at() {     # nghttpx_at NAME PORT FRONTEND BACKEND
    start_peer "$1" "$2" nghttpx --conf=/dev/null --no-ocsp --http2-proxy --workers=1 --accesslog-file=/dev/null --insecure \
        -f"$3" -b"$4" "$folder/ca.key" "$folder/ca.pem"
}

start_mitmproxy() {
    mkdir -p "$folder/mitm"
    cp "$folder/bump.pem" "$folder/mitm/mitmproxy-ca.pem"
    start_peer mitmproxy 4005 mitmdump -q --listen-host 127.0.0.1 --listen-port 4005 --set "confdir=$folder/mitm" \
        --set "ssl_verify_upstream_trusted_ca=$folder/ca.pem"
}

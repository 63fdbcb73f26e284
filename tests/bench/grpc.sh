#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# grpc.sh [quick]: gRPC beside HTTP/1.1; scripts/bench grpc calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
. tests/bench/gateway.sh

quick=${1:+1}
seconds=${quick:+0.5} seconds=${seconds:-3}
private() { awk '/^Private_/ { kib += $2 } END { printf "%.1f MiB private", kib / 1024 }' "/proc/$gateway/smaps_rollup"; }
# rates TARGET NAME...: both rates, and their ratios.
rates() {
    local target=$1 clients=$(($# - 1)) grpc grpc_cpu http http_cpu
    shift
    read -r grpc grpc_cpu http http_cpu < <(build/bin/bench_grpc rate "$state/sluice.sock" "$gateway" "$seconds" "$@")
    row "updates/s by gRPC, clients: $clients" "$grpc ($grpc_cpu us of processor each)" ">= $target"
    row "    by HTTP/1.1" "$http ($http_cpu us of processor each): gRPC has $(awk "BEGIN { printf \"%.2fx\", $grpc / $http }")" ">= 0.8x"
}

table
row "idle gateway" "$(private)" ""
names=
for i in 1 2 3 4 5 6 7 8; do
    sluice -q sandbox create --name "s$i" >/dev/null
    names="$names s$i"
done
rates 1530 s1
rates 1710 $names
row "a change until 1000 connections have seen it" "$(build/bin/bench_grpc watch "$state/sluice.sock" s1 1000 1)" "<= 1000 ms"
row "    until 10 connections of 100 watchers have" "$(build/bin/bench_grpc watch "$state/sluice.sock" s1 10 100)" "<= 1000 ms"
row "    until 100 streams of one connection have" "$(build/bin/bench_grpc watch "$state/sluice.sock" s1 1 100)" ""
sleep 12                                        # it looks for what it can give back every 5 s
row "gateway after all that" "$(private), $(rss "$gateway") resident" "<= 8 MiB more than idle"

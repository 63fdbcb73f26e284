#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# websocket.sh [quick]: what judging adds to a WebSocket message; scripts/bench websocket calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh
echo "$machine"
exec "${SLUICE_BUILD:-build}/bin/bench_websocket" ${1:+200}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# effect.sh [quick]: what comparing two policies costs at its worst; scripts/bench effect calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh
echo "$machine"
exec "${SLUICE_BUILD:-build}/bin/bench_effect" ${1:+1}

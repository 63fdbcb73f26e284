#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# learn.sh [quick]: what learning a policy from 100,000 requests costs; scripts/bench learn calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh
echo "$machine"
exec "${SLUICE_BUILD:-build}/bin/bench_learn" ${1:+1}

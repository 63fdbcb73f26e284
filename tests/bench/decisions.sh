#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# decisions.sh [quick]: what a decision about a body costs; scripts/bench decisions calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh
echo "$machine"
exec "${SLUICE_BUILD:-build}/bin/bench_decisions" ${1:+50}

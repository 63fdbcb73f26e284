#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# messages.sh [quick]: what a policy costs as a protobuf message, beside JSON; scripts/bench messages calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh
echo "$machine"
exec "${SLUICE_BUILD:-build}/bin/bench_messages" tests/fixtures/policies/complete.yaml ${1:+50}

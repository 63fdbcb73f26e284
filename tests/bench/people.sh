#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# people.sh [quick]: what people wait for, in the console and on the command line; scripts/bench people calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
gateway_config='listen: ["unix:sluice.sock", {address: "tcp:127.0.0.1:7070", trust_local_uids: true}]'
. tests/bench/gateway.sh

rounds=${1:+2} rounds=${rounds:-10}
table
sluice -q sandbox create --name many >/dev/null
mkfifo "$state/said"
HOME=$state chromedriver --port=9515 >"$state/said" 2>&1 &
driver=$!
exec 8<"$state/said"
read -r -t 60 said <&8
until grep -q 'started successfully' <<<"$said"; do read -r -t 60 said <&8; done
/usr/bin/python3 tests/e2e/browser.py start "$state/session"
/usr/bin/python3 tests/bench/people.py console "$state/session" "$rounds"
curl -sS -o /dev/null -X DELETE "http://127.0.0.1:9515/session/$(cat "$state/session")"
kill "$driver"
wait "$driver" || true
row "the console's files" "$(cat core/console/page/* | wc -c | awk '{ printf "%.0f KiB", $1 / 1024 }')" "<= 150 KiB"
/usr/bin/python3 tests/bench/people.py commands "$((rounds * 5))"

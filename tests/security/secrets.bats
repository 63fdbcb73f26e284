#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a sandbox is given to keep (its environment, its supervisor's token) and the admin token reach no
# voter, no record and no answer: a mark in each is looked for wherever it could have got to.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/tell.lua" <<'LUA'
local function tell(value, path, seen)
  if type(value) ~= "table" and type(value) ~= "userdata" then return path .. "=" .. tostring(value) .. "\n" end
  if #path > 200 then return "" end
  local all = ""
  for k, v in pairs(value) do
    if type(v) ~= "function" then all = all .. tell(v, path .. "." .. tostring(k)) end
  end
  return all
end
return {
  name = "tell", version = "1.0.0", summary = "Tells all it is shown.",
  vote = function(t, ballot)
    for _, part in ipairs({"sandbox", "actor", "draft", "reason", "kind"}) do
      if t[part] then ballot:fact(part, tell(t[part], part)) end
    end
    return ballot:allow()
  end,
}
LUA
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
chain:
  voters:
    - {plugin: live_reload, isolation: process}
    - {script: $state/tell.lua, isolation: process}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo --label team=visible-mark --env API_KEY=hidden-mark-1f7e
    sluice policy update demo --add-endpoint a.example.com:443 --binary /usr/bin/curl --reason why
    sluice rule approve demo --chunk-id "$(propose demo)" --token "$(api GET /v1/sandboxes/demo/drafts | jq -r '.chunks[0].review_token')"
}
setup() {
    load ../e2e/helper
    state=$BATS_FILE_TMPDIR/state
    token=$(jq -r .token "$state"/sandboxes/*/spec.json)
    admin=$(cat "$state/admin.token")
    [ "${#token}" -ge 32 ] && [ "${#admin}" -ge 32 ]
}
teardown_file() { load ../e2e/helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

assert_clean() {   # assert_clean TEXT
    local mark
    for mark in hidden-mark-1f7e "$token" "$admin"; do
        [[ "$1" != *"$mark"* ]] || { echo "found $mark" >&2; return 1; }
    done
}

@test "a voter is shown labels, and no secret" {
    for id in $(sluice decision list demo -o json | jq -r '.decisions[].id'); do
        told=$(sluice decision show "$id" -o json)
        [[ "$told" == *visible-mark* ]]
        assert_clean "$told"
    done
}

@test "no answer of the API has one" {
    for path in $(api GET /openapi.json | jq -r '.paths | to_entries[] | select(.value.get) | .key | select(contains("supervisor") or contains("{id}") | not)'); do
        path=${path/\{name\}/demo}
        path=${path/\{revision\}/1}
        case $path in /v1/events) path="$path?follow=false" ;; esac
        assert_clean "$(api GET "$path")"
    done
}

@test "no log has one, and the store keeps tokens as digests" {
    assert_clean "$(cat "$state/gateway.log" "$state"/sandboxes/*/*.log)"
    for file in "$state"/sluice.db*; do
        run ! grep -qaF -e "$token" -e "$admin" "$file"
    done
}

@test "the memory of a voter's process has none" {
    for pid in $(pgrep -P "$(cat "$state/gateway.pid")" sluice-plugin-h); do
        [ "$(python3 - "$pid" visible-mark hidden-mark-1f7e "$token" "$admin" <<'PY'
import sys
pid, marks = sys.argv[1], [m.encode() for m in sys.argv[2:]]
found = set()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        span, rights = line.split()[:2]
        if "r" not in rights or "w" not in rights:
            continue
        first, end = (int(x, 16) for x in span.split("-"))
        if end - first > 1 << 30:
            continue
        try:
            memory.seek(first)
            part = memory.read(end - first)
        except OSError:
            continue
        found |= {m for m in marks if m in part}
print(",".join(sorted(m.decode() for m in found)))
PY
)" = visible-mark ]
        seen=yes
    done
    [ "$seen" = yes ]
}

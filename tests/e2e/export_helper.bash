# SPDX-License-Identifier: Apache-2.0
# What the suites of exports share: receivers with their folders in $state, and what of the chain they got.

receive() {        # receive FOLDER PORT [KEY]
    rm -f "$state/$1/up"
    mkfifo "$state/$1/up"
    python3 "$top/tests/e2e/receiver.py" "$2" "$state/$1" "${@:3}" >"$state/$1/up" 2>"$state/$1/log" 3>&- &
    echo $! >"$state/$1/pid"
    read -r -t 180 _ <"$state/$1/up"
}

mode() { echo "${*:2}" >"$state/$1/mode.new" && mv "$state/$1/mode.new" "$state/$1/mode"; }   # mode FOLDER WORDS

# change N: one more decision about demo.
change() { sed "s/^  allow_10_77_0_2_8080:/  rule_$1: {endpoints: [{host: h$1.test, port: 443}], binaries: [{path: \/usr\/bin\/curl}]}\n&/" "$state/first-rule.yaml" | sluice policy set demo --policy - ; }

# status EXPORTER RECORDS MEMBER
status_of() { sluice export list -o json | jq -r ".exports[] | select(.name == \"$1\") | .records[] | select(.records == \"$2\") | .$3"; }

# idle EXPORTER: everything was taken.
idle() { until_so "[ -z \"\$(sluice export list -o json | jq -r '.exports[] | select(.name == \"$1\") | .records[] | select(.waiting > 0 or .state != \"sending\")')\" ]"; }

chain() { sluice decision list --limit 100000 -o json | jq -c '.decisions | sort_by(.seq)[] | [.seq, .id, .hash]'; }

# Each record of the chain came, the first copies in its order, and none that is not of it.
came_in_order() {  # came_in_order FOLDER
    jq -c 'select(.kind == "audit") | [.record.seq, .record.id, .record.hash]' "$state/$1/received" | awk '!seen[$0]++' >"$state/$1/came"
    chain | diff - "$state/$1/came"
}

# The rows of the traffic record as they came last, and as the gateway has them.
traffic_sent() {   # traffic_sent FOLDER
    jq -sc '[.[] | select(.kind == "traffic" and (.record.verdict | IN("allowed", "refused", "failed")))] | group_by(.record.row)
        | map(max_by(.seq).record | [.verdict, .host, .port, .binary, .rule, .count, .last_seen]) | sort' "$state/$1/received"
}

traffic_of() { api GET "/v1/sandboxes/$1/traffic" | jq -c '.traffic | map([.verdict, .host, .port, .binary, .rule, .count, .last_seen]) | sort'; }

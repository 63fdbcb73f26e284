# SPDX-License-Identifier: Apache-2.0
# A gateway of one's own below $state, which goes with the script; and the rows of its table.  Sourced; gateway_config is added
# to its configuration.
. tests/bench/machine.sh
state=$(mktemp -d "$PWD/build/bench-XXXXXX")    # on the disk of the build, not on a tmpfs
chmod 711 "$state"
export PATH=$PWD/build/bin:$PATH XDG_STATE_HOME=$state/client SLUICE_GATEWAY=unix:$state/sluice.sock
gateway=
cleanup() {
    [ -z "$gateway" ] || { kill "$gateway" 2>/dev/null && wait "$gateway" || true; }
    rm -rf "$state"
}
trap cleanup EXIT

printf 'sandboxes: {on_exit: stop}\n%s\n' "${gateway_config-}" >"$state/sluice.yaml"
mkfifo "$state/ready"
sluiced --config "$state/sluice.yaml" --state-dir "$state" --log-level error >"$state/ready" 2>"$state/log" &
gateway=$!
read -r _ <"$state/ready"

row() { printf '%-46s %-44s %s\n' "$1" "$2" "$3"; }
rss() { awk '/^VmRSS/ { printf "%.1f MiB", $2 / 1024 }' "/proc/$1/status"; }      # rss PID
table() {
    echo "$machine, store on $(stat -f -c %T "$state")"
    row "what" "measured" "target"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Debian packages: what is in them, and their life on a machine from installation to purge.

setup_file() {
    load helper
    debs=$BATS_FILE_TMPDIR/debs
    SLUICE_BUILD=$build SLUICE_COMPRESSION=none "$top/scripts/package" "$debs" >"$BATS_FILE_TMPDIR/log" 2>&1 ||
        { tail -20 "$BATS_FILE_TMPDIR/log" >&2; return 1; }
}
setup() {
    load helper
    debs=$BATS_FILE_TMPDIR/debs
    gateway=$(echo "$debs"/sluice-gateway_*.deb) dev=$(echo "$debs"/sluice-gateway-dev_*.deb)
}
teardown_file() { load helper; teardown_all; }

files() { dpkg-deb --contents "$1" | awk '$1 !~ /^d/ { print substr($6, 2) }'; }

# on_a_machine SCRIPT-NAME: in a copy of this machine, the packages being in /packages.
on_a_machine() {
    [ "$(id -u)" = 0 ] && [ "$(awk '{ print $3 }' /proc/self/uid_map)" -gt 65536 ] || skip "takes root"
    "$top/scripts/lib/machine-copy" bash -eu -o pipefail -c "$(declare -f "$1"); mkdir /packages; cat >/packages/all.tar; tar -C /packages -xf /packages/all.tar
        cd /; unset SLUICE_GATEWAY SLUICE_TOKEN XDG_STATE_HOME; export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin; rm -f /var/lib/man-db/auto-update; $1" \
        < <(tar -C "$debs" -c .)
}

@test "each package has its files, and none of the other's" {
    run -0 files "$gateway"
    for file in /usr/bin/sluice{,d,-supervisor,-init,-plugin-host,-plugin-bench,-fetch} /etc/sluice/sluice.yaml /etc/default/sluice \
        /usr/lib/systemd/{system,user}/sluiced.service /usr/lib/systemd/system/sluice-host.service /usr/share/man/man8/sluice-supervisor.8.gz /usr/lib/sluice/plugins/live_reload.so /usr/share/sluice/rules/no_wildcards.lua \
        /usr/share/man/man1/sluice{,d}.1.gz /usr/share/sluice/presets/pypi.yaml /usr/share/man/man7/sluice-presets.7.gz /usr/share/man/man5/sluice{.yaml,-policy}.5.gz /usr/share/bash-completion/completions/sluice /usr/share/zsh/vendor-completions/_sluice /usr/share/fish/vendor_completions.d/sluice.fish; do
        grep -qxF "$file" <<<"$output" || { echo "not in the package: $file" >&2; return 1; }
    done
    files "$dev" >"$BATS_TEST_TMPDIR/dev"
    [ "$(sort "$BATS_TEST_TMPDIR/dev" - <<<"$output" | uniq -d)" = "" ]
    for file in /usr/include/sluice/plugin.h /usr/share/pkgconfig/sluice-plugin.pc /usr/lib/cmake/sluice/sluiceConfig.cmake /usr/share/sluice/sluice.lua; do
        grep -qxF "$file" "$BATS_TEST_TMPDIR/dev" || { echo "not in -dev: $file" >&2; return 1; }
    done
    run -0 dpkg-deb --field "$gateway" Conflicts Provides Replaces
    [ "$output" = "Conflicts: sluice" ]
    [ "$(dpkg-deb --ctrl-tarfile "$gateway" | tar -xO ./conffiles | tr '\n' ' ')" = "/etc/default/sluice /etc/sluice/sluice.yaml " ]
    # Nothing is anybody's but root's, or may be written by others.
    [ "$(dpkg-deb --contents "$gateway" | awk '$2 != "root/root" || ($1 !~ /^l/ && $1 ~ /^.....w|^........w/)')" = "" ]
}

life_of_a_gateway() {
    say() { echo "== $*"; }
    say install
    dpkg -i /packages/sluice-gateway_*.deb >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    getent passwd sluice | grep -q ':/nonexistent:/usr/sbin/nologin$'
    [ "$(stat -c '%U %a' /var/lib/sluice /etc/sluice /etc/sluice/rules | paste -sd' ')" = "root 700 root 755 root 755" ]
    sluiced --config /etc/sluice/sluice.yaml --check >/dev/null

    say "start, as the unit says"
    . /etc/default/sluice
    command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/sluiced.service)
    start() {
        mkfifo /run/ready
        eval "exec $command" >/run/ready 2>>/packages/gateway.log &
        pid=$!
        read -r -t 180 ready </run/ready || { cat /packages/gateway.log; exit 1; }
        rm /run/ready
    }
    start
    [[ $ready == "sluiced ready on unix:/run/sluice/sluice.sock (3 voters)" ]]

    say "create, exec, approve, set"
    knock() { sluice sandbox exec "$1" -- curl -sS -o /dev/null -w '%{http_code}' http://10.77.0.2:8080/; }
    sluice sandbox create --name first
    [ "$(knock first)" = 403 ]
    for _ in $(seq 500); do
        chunk=$(sluice rule get first --status pending -o json | sed -n 's/^ *"id": "\(.*\)",*/\1/p')
        [ -z "$chunk" ] || break
    done
    sluice rule approve first --chunk-id "$chunk" --wait
    [ "$(knock first)" = 200 ]
    sluice policy get first --full >/packages/first.yaml
    sluice sandbox create --name second
    sluice policy set second --policy /packages/first.yaml --wait
    [ "$(knock second)" = 200 ]

    say "a member of the group sluice reads and deletes nothing of others, another user cannot connect"
    adduser --quiet --system --home /home/alice alice
    adduser --quiet alice sluice >/dev/null
    adduser --quiet --system --home /home/bob bob
    as() { setpriv --reuid "$1" --regid nogroup --init-groups env HOME="/home/$1" "${@:2}"; }
    as alice sluice policy get first --full | cmp - /packages/first.yaml
    code=0
    as alice sluice sandbox delete first 2>/packages/said || code=$?
    [ "$code" = 1 ]
    code=0
    as bob sluice status 2>/packages/said || code=$?
    [ "$code" = 3 ]
    grep -q "unix:/run/sluice/sluice.sock: Permission denied" /packages/said

    say "an ordinary user's own gateway"
    command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/user/sluiced.service)
    SLUICED_FLAGS=
    mkfifo /run/ready
    eval "as bob $command" >/run/ready 2>>/packages/gateway.log &
    read -r -t 180 ready </run/ready || { cat /packages/gateway.log; exit 1; }
    as bob sluice sandbox create --name own
    as bob sluice policy set own --policy /packages/first.yaml --wait
    [ "$(as bob sluice sandbox exec own -- curl -sS -o /dev/null -w '%{http_code}' http://10.77.0.2:8080/)" = 200 ]
    as bob sluice sandbox delete own

    say "an upgrade keeps the configuration and the sandboxes"
    echo "# mine" >>/etc/sluice/sluice.yaml
    dpkg -i /packages/sluice-gateway_*.deb >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    [ "$(tail -1 /etc/sluice/sluice.yaml)" = "# mine" ]
    [ "$(knock first)" = 200 ]

    say "removal ends the sandboxes, and keeps what they are"
    dpkg -r sluice-gateway >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    [ -s /var/lib/sluice/sluice.db ] && [ -f /etc/sluice/sluice.yaml ] && [ ! -e /usr/bin/sluice ]
    [ -z "$(pidof sluice-supervisor)" ]
    kill "$pid"
    wait "$pid" || true

    say "a purge leaves nothing"
    dpkg -P sluice-gateway >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    for left in /var/lib/sluice /run/sluice /etc/sluice /etc/default/sluice /usr/lib/sluice /usr/share/sluice; do
        [ ! -e "$left" ] || { find "$left"; exit 1; }
    done
    if getent passwd sluice || getent group sluice; then exit 1; fi
    say "came out as told"
}

@test "install, start, create, exec, approve, set, upgrade, remove, purge" {
    start_origin
    on_a_machine life_of_a_gateway >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
    grep -q '^== came out as told$' "$BATS_TEST_TMPDIR/log" || { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
}

an_operators_tutorial() {
    cd /packages
    bash /packages/operator.sh 2>&1 || { cat /var/log/sluiced.log; exit 1; }
    grep no_wildcards /etc/sluice/sluice.yaml
    kill "$(pidof sluiced)"
}

@test "an operator's tutorial, from the package to the first approved request" {
    start_origin 10.77.0.2 8081
    TUTORIAL_URL=http://10.77.0.2:8081/ "$top/scripts/tutorial" --print "$top/tutorials/operator.md" >"$debs/operator.sh"
    on_a_machine an_operators_tutorial >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
    output=$(cat "$BATS_TEST_TMPDIR/log")
    for said in policy_denied "loaded" "the first approved request: " "Name:        ann" WILDCARD_HOST intact; do
        [[ "$output" == *"$said"* ]] || { echo "does not say: $said"; echo "$output"; return 1; }
    done
    seconds=$(sed -n 's/^the first approved request: \([0-9]*\) s$/\1/p' <<<"$output")
    [ "$seconds" -lt 300 ]
    echo "# from the package to the first approved request: $seconds s" >&3
}

work_of_an_author() {
    dpkg -i /packages/sluice-gateway-dev_*.deb >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    [ "$(PKG_CONFIG_PATH='' pkg-config --cflags-only-I sluice-plugin | tr -d ' ')" = -I/usr/share/pkgconfig/../../include ]
    cd /packages
    runs() {       # runs OPTION...: the cases of a new voter, half of which fail until it is written
        sluice plugin test "$@" >/packages/said || true
        grep -q '^5 passed, 5 failed' /packages/said || { cat /packages/said; exit 1; }
    }
    sluice plugin new in_lua --lua
    runs in_lua
    grep -q /usr/lib/sluice-dev/share/sluice in_lua/.luarc.json
    sluice plugin new in_c --c 2>/packages/said
    grep -qxF "build it:  cmake -S in_c -B in_c/build && cmake --build in_c/build" /packages/said || { cat /packages/said; exit 1; }
    if grep first: /packages/said; then exit 1; fi
    gcc -shared -fPIC $(pkg-config --cflags sluice-plugin) -o in_c/in_c.so in_c/*.c
    runs --plugin-dir in_c in_c/cases
    sluice plugin check /usr/lib/sluice-dev/lib/sluice/plugins/*.so
    # The gateway's program takes the place of the link, and the link that of the program again.
    dpkg -i sluice-gateway_*.deb >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    [ ! -L /usr/bin/sluice ]
    runs in_lua
    dpkg -P sluice-gateway >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    runs in_lua
    dpkg -P sluice-gateway-dev >/packages/log 2>&1 || { cat /packages/log; exit 1; }
    [ ! -e /usr/bin/sluice ] && [ ! -L /usr/bin/sluice ] && [ ! -e /usr/lib/sluice-dev ]
    echo "== came out as told"
}

@test "-dev alone builds and tests voters; the gateway may come beside it and go" {
    on_a_machine work_of_an_author >"$BATS_TEST_TMPDIR/log" 2>&1 || { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
    grep -q '^== came out as told$' "$BATS_TEST_TMPDIR/log" || { cat "$BATS_TEST_TMPDIR/log" >&2; return 1; }
}

# Making one takes a mirror of Debian, which a test on its stage does not reach.
@test "an image is made of a package, and what is missing is said" {
    [ "$(id -u)" = 0 ] || skip "takes root"
    run -2 "$top/scripts/image"
    [[ "$output" == *"image FILE [DIR]: writes a Debian system with the gateway's package in DIR"* ]]
    run -2 "$top/scripts/image" "$BATS_TEST_TMPDIR/image.zip" "$debs"
    [[ "$output" == "image: '$BATS_TEST_TMPDIR/image.zip' does not end in .tar" ]]
    run -1 "$top/scripts/image" "$BATS_TEST_TMPDIR/image.tar" "$BATS_TEST_TMPDIR"
    [[ "$output" == "image: no sluice-gateway_*.deb in $BATS_TEST_TMPDIR: scripts/package writes one" ]]
    run -2 "$top/scripts/image" --try /none.tar
    [[ "$output" == "image: cannot read /none.tar" ]]
    run -2 "$top/scripts/image" --try a b
}

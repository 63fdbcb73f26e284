#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A gateway works in no folder, and opens no file, that another user of the host could replace.

load ../e2e/helper.bash

setup() {
    dir=$BATS_TEST_TMPDIR/place
    mkdir "$dir"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || true
}

refused() {        # refused TEXT FLAG...: it does not start, and says TEXT
    local text=$1
    shift
    run -1 timeout 180 sluiced "$@" 3>&-
    echo "$output"
    [[ "$output" != *"sluiced ready"* ]]
    [[ "$output" == *"$text"* ]]
}
other() { [ "$(id -u)" -eq 0 ] || skip "needs root to be two users"; chown -h 4243:4243 "$@"; }

@test "a state folder of somebody else is refused, and so is one below it, or one that others may write" {
    chmod 777 "$dir"
    refused "others may write $dir (mode 0777): run chmod go-w on it" --state-dir "$dir"
    refused "others may write $dir (mode 0777)" --state-dir "$dir/below/it"
    [ ! -e "$dir/below" ]
    chmod 775 "$dir"
    refused "others may write $dir (mode 0775)" --state-dir "$dir"
    chmod 1777 "$dir"
    refused "others may write $dir (mode 1777)" --state-dir "$dir"
    chmod 755 "$dir"
    other "$dir"
    refused "$dir belongs to uid 4243" --state-dir "$dir"
    refused "$dir belongs to uid 4243" --state-dir "$dir/below"
    refused "$dir belongs to uid 4243" --state-dir "$BATS_TEST_TMPDIR/own" --listen "unix:$dir/s.sock"
    refused "$dir belongs to uid 4243" --state-dir "$BATS_TEST_TMPDIR/own2" --store "sqlite:$dir/sluice.db"
    [ -z "$(ls "$dir")" ]
}

@test "a link that somebody else made does not lead to a state folder; one of our own does" {
    mkdir "$dir/real"
    ln -s "$dir/real" "$BATS_TEST_TMPDIR/ours"
    export state=$BATS_TEST_TMPDIR/ours
    start_gateway
    stop_gateway
    [ -e "$dir/real/sluice.db" ]
    ln -s "$dir/real" "$BATS_TEST_TMPDIR/theirs"
    other "$BATS_TEST_TMPDIR/theirs"
    refused "$BATS_TEST_TMPDIR/theirs belongs to uid 4243" --state-dir "$BATS_TEST_TMPDIR/theirs"
}

@test "no link in it is followed, whoever made it" {
    echo precious >"$BATS_TEST_TMPDIR/precious"
    for name in admin.token sluice.db sluice.db-wal sluice.db-shm sluice.db-journal sandboxes sluice.sock; do
        ln -s "$BATS_TEST_TMPDIR/precious" "$dir/$name"
        refused "$dir/$name is a symbolic link, and none is followed there: remove it" --state-dir "$dir" --listen "unix:$dir/sluice.sock" --listen tcp:127.0.0.1:7099
        rm "$dir/$name"
    done
    [ "$(cat "$BATS_TEST_TMPDIR/precious")" = precious ]
    ln "$BATS_TEST_TMPDIR/precious" "$dir/admin.token"
    refused "$dir/admin.token is not a file of this gateway's user alone" --state-dir "$dir" --listen "unix:$dir/s" --listen tcp:127.0.0.1:7099
    [ "$(cat "$BATS_TEST_TMPDIR/precious")" = precious ]
}

# in_shared_tmp COMMAND...: by uid 4242, who has no account and no HOME, with a /tmp where uid 4243 was before.
in_shared_tmp() {
    [ "$(id -u)" -eq 0 ] || skip "needs root to be two users"
    mkdir -p "$dir/tmp/.local/state/sluice" "$dir/bin"
    cp "$build"/bin/sluice* "$dir/bin"
    printf 'theirs\n' >"$dir/tmp/.local/state/sluice/last-sandbox.$(printf %s unix:/none.sock | sha256sum | cut -c1-16)"
    chown -R 4243:4243 "$dir/tmp/.local"
    chmod 1777 "$dir/tmp"
    run timeout 60 unshare --mount sh -c 'mount --bind "$1" /opt; mount --bind "$2/tmp" /tmp; shift 2
        exec setpriv --reuid 4242 --regid 4242 --clear-groups env -u HOME -u XDG_STATE_HOME "$@"' sh "$dir/bin" "$dir" "$@"
    echo "$output"
}

@test "without a home folder nothing is taken from, or left in, a /tmp that others write to" {
    in_shared_tmp /opt/sluice --gateway unix:/none.sock rule get
    [[ "$output" == *"no sandbox name given and none was used before at unix:/none.sock"* ]]
    in_shared_tmp /opt/sluiced --check
    [ "$status" = 2 ]
    [[ "$output" == *"state_dir: neither XDG_STATE_HOME nor HOME nor the account names a folder for the state: give one with --state-dir"* ]]
    in_shared_tmp env HOME= /opt/sluice status
    [[ "$output" != */tmp/* ]]
}

@test "a careless umask opens nothing that the gateway makes" {
    export state=$BATS_TEST_TMPDIR/state
    mkdir "$state"
    umask 000
    start_gateway --listen "unix:$state/run/deeper/sluice.sock" --listen "unix:$state/sluice.sock" --listen tcp:127.0.0.1:7098
    sluice sandbox create --name demo
    sluice sandbox exec demo -- bash -c 'echo x >f; [ "$(umask)" = 0022 ]'
    # What the test itself made there does not count.
    open=$(find "$state" -mindepth 1 ! -type l \( -perm -o+w -o -perm -g+w \) ! -path '*/work/*' ! -name ready ! -name gateway.log ! -name gateway.pid ! -path "$state/client*")
    private=$(find "$state/sandboxes" "$state/sluice.db" "$state/admin.token" -maxdepth 1 -perm /077)
    teardown_all
    [ -z "$open" ]
    [ -z "$private" ]
}

@test "a configuration that somebody else owns, may write, or could replace is refused, and the one at work stays" {
    conf=$dir/sluice.yaml
    checks() { not_read "$@" --check; [ "$status" -eq 2 ]; }
    not_read() {
        local text=$1
        shift
        run timeout 180 sluiced "$@" 3>&-
        echo "$output"
        [ "$status" -ne 0 ]
        [[ "$output" != *"sluiced ready"* && "$output" != *"is good"* ]]
        [[ "$output" == *"$text"* ]]
    }
    echo 'sandboxes: {on_exit: stop}' >"$conf"
    chmod 644 "$conf"
    run -0 sluiced --config "$conf" --check
    run -0 sluiced --config <(cat "$conf") --check
    export state=$BATS_TEST_TMPDIR/state
    mkdir "$state"
    start_gateway --config "$conf"
    for mode in 0664 0646; do
        chmod "$mode" "$conf"
        checks "others may write $conf (mode $mode): run chmod go-w on it" --config "$conf"
        not_read "others may write $conf (mode $mode)" --config "$conf" --state-dir "$BATS_TEST_TMPDIR/second"
    done
    run -1 sluice plugin reload
    [[ "$output" == *"the chain at work stays: others may write $conf"* ]]
    stop_gateway
    chmod 644 "$conf"
    chmod 777 "$dir"
    checks "others may write $dir (mode 0777)" --config "$conf"
    (cd "$dir" && checks "others may write $dir (mode 0777)" --config sluice.yaml)
    chmod 1777 "$dir"
    run -0 sluiced --config "$conf" --check
    mkdir "$dir/real"
    mv "$conf" "$dir/real/sluice.yaml"
    ln -s real/sluice.yaml "$conf"
    run -0 sluiced --config "$conf" --check
    chmod 777 "$dir/real"
    checks "others may write $dir/real (mode 0777)" --config "$conf"
    chmod 755 "$dir/real"
    other "$conf"
    checks "$conf belongs to uid 4243" --config "$conf"
    chown -h 0:0 "$conf"
    other "$dir/real/sluice.yaml"
    checks "$dir/real/sluice.yaml belongs to uid 4243" --config "$conf"
}

@test "a backup is written where nobody else reads it, also in a folder in which others have files ready" {
    export state=$BATS_TEST_TMPDIR/state
    start_gateway
    chmod 1777 "$dir"
    for name in b.db.part-wal b.db.part-journal b.db.part; do : >"$dir/$name"; chmod 666 "$dir/$name"; done
    other "$dir"/b.db.part*
    exec {wal}<"$dir/b.db.part-wal"                     # what is removed is read all the same
    rm "$dir/b.db.part"
    sluice backup "$dir/b.db" --state-dir "$state"
    [ -z "$(cat <&"$wal" | tr -d '\0')" ]
    exec {wal}<&-
    [ "$(stat -c '%a %u' "$dir/b.db")" = "600 $(id -u)" ]
    [ "$(ls "$dir")" = $'b.db\nb.db.part-journal\nb.db.part-wal' ]
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$dir/c.db"
    run -2 sluice backup "$dir/c.db" --state-dir "$state"
    [[ "$output" == *"$dir/c.db is there already"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
    stop_gateway
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pip, npm and Git over HTTPS, by the proxy that their environment names and without it: what a policy
# allows of an index or a server works, and the rest is refused.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state" "$state/repos"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate server "/CN=pypi.test" ca -addext subjectAltName=DNS:pypi.test,DNS:npm.test,DNS:repos.test
    python3 "$top/tests/e2e/registry.py" "$state/registry" greet other
    start_tls_origin 10.77.0.2 443 server "$state/registry"
    listen python3 "$top/tests/e2e/git_origin.py" 10.77.0.3 443 "$state/server.both" "$state/repos"
    printf 'egress:\n  extra_ca: %s\n  hosts: {pypi.test: 10.77.0.2, npm.test: 10.77.0.2, repos.test: 10.77.0.3}\n' \
        "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; : >"$state/counts"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

proxied() { sluice sandbox exec "$1" -- "${@:2}"; }

# allow PROGRAM HOST RULE...: PROGRAM may send these requests to HOST.
allow() {
    {
        printf 'version: 1\nnetwork_policies:\n  story:\n    binaries: [{path: "%s"}]\n    endpoints:\n' "$1"
        printf '      - host: %s\n        port: 443\n        protocol: rest\n        enforcement: enforce\n' "$2"
        printf '        allowed_ips: [10.77.0.0/24]\n        rules:\n'
        printf '          - allow: {%s}\n' "${@:3}"
    } >"$state/policy.yaml"
    sluice policy set demo --policy "$state/policy.yaml" --wait
}

@test "pip installs a package that the policy names, and no other" {
    [ -x /usr/bin/pip3 ] || skip "python3-pip is not installed"
    allow "/usr/bin/python3*" pypi.test "method: GET, path: '/simple/greet/**'" "method: GET, path: '/packages/greet-*'"
    pip() {        # pip WAY PACKAGE
        "$1" demo /usr/bin/pip3 install --no-cache-dir --disable-pip-version-check --retries 0 --no-compile \
            --index-url https://pypi.test/simple/ --target "/sandbox/$1" "$2"
    }
    pip plain greet                                 # by the proxy: learn.bats
    [ "$(sluice sandbox exec demo --env PYTHONPATH=/sandbox/plain -- python3 -m greet)" = "hello from greet" ]
    run -1 pip plain other
    [[ "$output" == *"No matching distribution found for other"* ]]
    run ! grep other "$state/counts"
    until_so "sluice rule get demo -o json | jq -e '.chunks[0].rule.endpoints[0].rules[0].allow == {method: \"GET\", path: \"/simple/other/\"}'"
}

@test "npm installs a package that the policy names, and no other" {
    [ -x /usr/bin/npm ] || skip "npm is not installed"
    allow "/usr/bin/node*" npm.test "method: GET, path: /greet" "method: GET, path: '/tarballs/greet-*'"
    npm() {        # npm WAY PACKAGE
        "$1" demo npm install --registry https://npm.test/ --no-fund --no-audit --no-update-notifier --fetch-retries 0 "$2"
    }
    npm plain greet
    [ "$(sluice sandbox exec demo -- node /sandbox/node_modules/greet)" = "hello from greet" ]
    run ! npm proxied other
    [[ "$output" == *"403"*"https://npm.test/other"* ]]
    run ! grep other "$state/counts"
}

repository() {     # repository NAME: with one commit
    git init -q --bare -b main "$state/repos/$1.git"
    git -C "$state/repos/$1.git" fast-import --quiet <<'STREAM'
commit refs/heads/main
committer a <a@b> 0 +0000
data 3
one
M 644 inline file
data 4
text
STREAM
}

@test "git clones every repository of a server, and pushes to the one that the policy names" {
    [ -x /usr/bin/git ] || skip "git is not installed"
    repository ours
    repository theirs
    allow "/usr/lib/git-core/*" repos.test "method: GET, path: '/*/info/refs', query: {service: git-upload-pack}" \
        "method: POST, path: '/*/git-upload-pack'" \
        "method: GET, path: /ours.git/info/refs, query: {service: git-receive-pack}" "method: POST, path: /ours.git/git-receive-pack"
    for way in proxied plain; do
        git_in() { "$way" demo git -C "/sandbox/$way-$1" -c user.name=a -c user.email=a@b "${@:2}"; }
        for name in ours theirs; do
            "$way" demo git clone -q "https://repos.test/$name.git" "/sandbox/$way-$name"
            git_in "$name" commit -q --allow-empty -m "$way"
        done
        git_in ours push -q origin main
        [ "$(git -C "$state/repos/ours.git" log -1 --format=%s main)" = "$way" ]
        run ! git_in theirs push -q origin main
        [[ "$output" == *"403"* ]]
        [ "$(git -C "$state/repos/theirs.git" log -1 --format=%s main)" = one ]
    done
}

# SPDX-License-Identifier: Apache-2.0
# Installs what Debian packages offer and this machine lacks.  Sourced by quickstart, package, test and bench.

run_packages="bubblewrap curl iproute2 util-linux libpq5"
build_packages="gcc libc6-dev make cmake ninja-build pkg-config libuv1-dev node-llhttp libyaml-dev libjansson-dev libncurses-dev
    liblua5.4-dev libsqlite3-dev libpq-dev libssl-dev libcurl4-openssl-dev libseccomp-dev libc-ares-dev libnghttp2-dev zlib1g-dev linux-libc-dev"
package_packages="dpkg-dev binutils"
bench_packages="jq procps python3 openssl"
proxy_bench_packages="haproxy squid-openssl tinyproxy mitmproxy nghttp2-proxy nghttp2-client"      # what bench proxy compares with; it works without them
story_packages="openssl"
fuzz_packages="clang llvm libclang-rt-14-dev"                          # of one version: that of Debian's clang
test_packages="$package_packages zsh fish mold uidmap clang-format bind9-dnsutils redis-tools python3-websockets libcmocka-dev lua5.4 bats jq gojq sqlite3 procps python3 python3-grpcio python3-h2 python3-hypercorn nghttp2-proxy perl libxml2-utils openssl systemd python3-venv python3-yaml python3-jsonschema chromium chromium-driver fonts-dejavu-core postgresql postgresql-client"
# Programs that the suites stories_* run in a sandbox or as a server for it, FILE:PACKAGE. Without one, its test is skipped.
story_programs="/usr/bin/git:git /usr/bin/ssh:openssh-client /usr/sbin/sshd:openssh-server /usr/bin/rsync:rsync /usr/bin/psql:postgresql-client
    /usr/lib/postgresql/*/bin/postgres:postgresql /usr/bin/pip3:python3-pip /usr/lib/python3/dist-packages/requests:python3-requests
    /usr/bin/node:nodejs /usr/bin/npm:npm /usr/bin/go:golang-go /usr/share/gocode/src/google.golang.org/grpc:golang-google-grpc-dev /usr/bin/javac:default-jdk-headless"

missing_packages() {
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# install_packages PACKAGE...: as root, or by sudo; says what to do where neither is possible.
install_packages() {
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "these packages are missing: $missing" >&2
            echo "install them as root: apt-get install $missing" >&2
            return 1
        }
        as_root=sudo
    fi
    echo "installing: $missing"
    $as_root apt-get update -qq
    # With SYSTEMD_OFFLINE no service of a package is started.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# The packages of the story programs that this machine lacks, whichever way it got the others.
missing_story_packages() {
    for pair in $story_programs; do
        ls -d ${pair%%:*} >/dev/null 2>&1 || echo "${pair##*:}"
    done
}

# Without them the tests work too, but for those that say that they are skipped.
install_story_programs() {
    packages=$(missing_story_packages)
    # shellcheck disable=SC2086
    [ -z "$packages" ] || install_packages $packages || echo "without these packages some tests are skipped"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The installed package, used as its readers use it: voters written outside of the tree.

setup_file() {
    load support
    umask 022
    export prefix=$BATS_FILE_TMPDIR/usr
    cmake --install "$build" --prefix "$prefix" >"$BATS_FILE_TMPDIR/install.log" 2>&1 || {
        cat "$BATS_FILE_TMPDIR/install.log" >&2
        return 1
    }
}

setup() {
    load support
    umask 022
    prefix=$BATS_FILE_TMPDIR/usr
    PATH=$prefix/bin:$PATH
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    cd "$BATS_TEST_TMPDIR"
}

@test "everything is where it is looked for" {
    for file in bin/sluice bin/sluiced bin/sluice-supervisor bin/sluice-init bin/sluice-plugin-host bin/sluice-plugin-bench \
        lib/sluice/plugins/live_reload.so include/sluice/plugin.h share/sluice/rules/no_wildcards.lua \
        share/sluice/sluice.lua lib/pkgconfig/sluice-plugin.pc lib/cmake/sluice/sluiceConfig.cmake \
        lib/systemd/system/sluiced.service share/man/man1/sluice.1 share/man/man1/sluiced.1; do
        [ -e "$prefix/$file" ] || { echo "no $file"; return 1; }
    done
    grep -q "^ExecStart=$prefix/bin/sluiced\( \|$\)" "$prefix/lib/systemd/system/sluiced.service"
    grep -q 'plugin test' "$prefix/share/man/man1/sluice.1"
    grep -qF -- '\-\-token\-file FILE' "$prefix/share/man/man8/sluice-supervisor.8"
    grep -q "^ExecStart=$prefix/bin/sluice-supervisor host " "$prefix/lib/systemd/system/sluice-host.service"
    guard() { sed -n '/^CapabilityBoundingSet=/,/^SystemCallErrorNumber=/p' "$prefix/lib/systemd/system/$1.service"; }
    [ "$(guard sluiced | wc -l)" -gt 15 ]
    [ "$(guard sluiced)" = "$(guard sluice-host)" ]
}

@test "an installation makes its files where they belong, not in the build folder, where another one would read them half written" {
    touch mark
    cmake --install "$build" --prefix "$PWD/usr" >/dev/null
    [ -z "$(find "$build" -newer mark \( -name '*.[1578]' -o -name 'completion.*' \))" ]
}

@test "shipped voters are found where they were installed" {
    cat >live.test.yaml <<'YAML'
plugin: live_reload
cases:
  - {name: nothing changes, candidate: {version: 1}, expect: {verdict: allow}}
YAML
    exits 0 sluice plugin test .
}

@test "a new C voter builds at once, fails its first case, and passes when it is written" {
    exits 0 sluice plugin new no_stars --c
    says no_stars
    CFLAGS='-Wall -Wextra -Werror' bash -ec "$(sed -n 's/^build it: *//p' <<<"$output")" >log 2>&1 || { cat log; return 1; }
    exits 1 sluice plugin test --plugin-dir no_stars/build/plugins no_stars/cases
    says "5 passed, 5 failed"
    python3 - <<'PY'
text = open("no_stars/no_stars.c").read()
start, end = text.index("            /* To do:"), text.index("        }\n    }\n    return sluice_allow")
text = text[:start] + '''            const struct sluice_endpoint *endpoint = rule->endpoints[k];
            if (strchr(endpoint->host, '*'))
                return sluice_deny(b, "WILDCARD_HOST", endpoint->doc_path, "host %s opens a whole domain",
                                   endpoint->host);
''' + text[end:]
start, end = text.index("    (void)r;"), text.rindex("    return sluice_allow")
text = text[:start] + '''    if (strcmp(r->method, "DELETE") == 0)
        return sluice_deny(b, "DELETES", "", "%s would be told to delete %s", r->host, r->path);
''' + text[end:]
open("no_stars/no_stars.c", "w").write("#include <string.h>\n" + text)
PY
    cmake --build no_stars/build >log 2>&1 || { cat log; return 1; }
    exits 0 sluice plugin test --cover --plugin-dir no_stars/build/plugins no_stars/cases
    says "10 passed, 0 failed"
    says "covered: 100.0 %"
    exits 0 ctest --test-dir no_stars/build
    says "100% tests passed, 0 tests failed out of 1"
    exits 0 sluice plugin check no_stars/build/plugins/no_stars.so
    says "no_stars 0.1.0 (native, ABI 1)"
    says "WILDCARD_HOST"
    cmake --install no_stars/build --prefix "$prefix" >log
    exits 0 sluice plugin test no_stars/cases
}

@test "a program that is not installed says what to do first" {
    exits 0 "$build/bin/sluice" plugin new early --c
    says "first:     cmake --install $build --prefix P "
    says "build it:  cmake -S early -B early/build -DCMAKE_PREFIX_PATH=P && cmake --build early/build"
}

@test "the same with nothing but a compiler and pkg-config" {
    exits 0 sluice plugin new plain --c
    cd plain
    cc -shared -fPIC $(pkg-config --cflags sluice-plugin) -o plain.so plain.c
    exits 1 sluice plugin test --plugin-dir . cases
    says "5 passed, 5 failed"
    [ "$(pkg-config --modversion sluice-plugin)" = "$(sluice --version | cut -d' ' -f2)" ]
}

@test "a new rule in Lua runs at once, with annotations for editors" {
    exits 0 sluice plugin new stars --lua folder
    exits 1 sluice plugin test folder
    says "5 passed, 5 failed"
    sed -i '/-- To do/d; s/-- return ballot:deny("W/if endpoint.host:find("*", 1, true) then return ballot:deny("W/; s/endpoint.host)$/endpoint.host) end/; s/-- \(return ballot:deny("DELETES".*\)/if r.method == "DELETE" then \1 end/' folder/stars.lua
    exits 0 sluice plugin test --min-cover 100 folder
    exits 0 sluice plugin check folder/stars.lua
    [ -e "$(jq -r '."workspace.library"[0]' folder/.luarc.json)/sluice.lua" ]
}

# fill_in FILE: the two lines that are to do are done.
fill_in() {
    python3 - "$1" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
mark = "#" if sys.argv[1].endswith(".py") else "//"
one, two = {
    "py": ('if "*" in endpoint.get("host", ""):', 'if request["method"] == "DELETE":'),
    "go": ('if strings.Contains(endpoint.Host, "*") {', 'if r.Method == "DELETE" {'),
    "rs": ("if host.contains('*') {", 'if request.get("method").text() == "DELETE" {'),
}[sys.argv[1].rsplit(".")[-1]]
end = "" if mark == "#" else " }"
for condition in (one, two):
    text = re.sub(rf"{mark} To do: .*\n(\s*){mark} (return .*)", lambda m: f"{condition}\n{m[1]}    {m[2]}{end}", text, count=1)
if mark == "//" and "strings.Contains" in text:
    text = text.replace("package main\n", 'package main\n\nimport "strings"\n', 1)
open(sys.argv[1], "w").write(text)
PY
}

@test "a new voter in Python runs at once, fails its first cases, and passes when it is written" {
    exits 0 sluice plugin new in-python --python
    says "test it:   sluice plugin test --watch in-python"
    exits 1 sluice plugin test in-python
    says "5 passed, 5 failed"
    fill_in in-python/in-python.py
    exits 0 sluice plugin test --cover in-python
    says "10 passed, 0 failed"
    # An error of its own is no end of it.
    sed -i 's/^    for key, rule in .*/    raise ValueError("as asked")/; /^        for i, endpoint/,/^            pass/d' in-python/in-python.py
    exits 1 sluice plugin test in-python
    says "ValueError: as asked"
}

@test "a new voter in Rust builds without a crate, fails its first cases, and passes when it is written" {
    command -v cargo >/dev/null || skip "cargo is not installed"
    exits 0 sluice plugin new in_rust --rust
    bash -ec "$(sed -n 's/^build it: *//p' <<<"$output")" >log 2>&1 || { cat log; return 1; }
    if grep -q warning log; then cat log; return 1; fi
    exits 1 sluice plugin test in_rust/cases
    says "5 passed, 5 failed"
    fill_in in_rust/src/main.rs
    cargo build --release --offline --manifest-path in_rust/Cargo.toml >log 2>&1 || { cat log; return 1; }
    exits 0 sluice plugin test --cover in_rust/cases
    says "10 passed, 0 failed"
}

@test "a new voter in Go builds without a module, fails its first cases, passes when it is written, and is published" {
    [ -x /usr/bin/go ] || skip "golang-go is not installed"
    export GOCACHE=$folder/cache
    exits 0 sluice plugin new in_go --go
    PATH=/usr/bin:$PATH bash -ec "$(sed -n 's/^build it: *//p' <<<"$output")" >log 2>&1 || { cat log; return 1; }
    [ ! -s log ]
    exits 1 sluice plugin test in_go/cases
    says "5 passed, 5 failed"
    fill_in in_go/main.go
    (cd in_go && CGO_ENABLED=0 /usr/bin/go build -buildvcs=false)
    exits 0 sluice plugin test --cover in_go/cases
    says "10 passed, 0 failed"
    # What it is allowed goes along with it.
    mkdir -m 755 place
    exits 0 sluice plugin publish in_go in_go.tgz
    exits 0 sluice plugin install in_go.tgz --to place
    says "threads: 16"
    exits 0 sluice plugin test place/in_go
    # Without threads there is no Go.
    sed -i '/^threads/d' in_go/cases/in_go.test.yaml
    exits 1 sluice plugin test in_go/cases
    says "its process could not open it"
    sed -i '1i threads: 65' in_go/cases/in_go.test.yaml
    exits 2 sluice plugin test in_go/cases
    says "threads"
}

@test "new refuses bad names and folders that are in use" {
    exits 2 sluice plugin new --c
    says "which name? its folder gets the same one unless DIR is given"
    exits 2 sluice plugin new name
    says "in which language? --c, --lua, --python, --go or --rust"
    exits 2 sluice plugin new name --c --lua
    exits 2 sluice plugin new ../name --c
    exits 2 sluice plugin new Name --lua
    exits 0 sluice plugin new name --c
    exits 1 sluice plugin new name --lua
    says "name exists already and is not empty"
    exits 1 sluice plugin new other --c nowhere/other
    says "cannot make the folder nowhere/other"
    exits 0 sluice plugin new spaced --lua "two words"
    says "test it:   sluice plugin test --watch 'two words'"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# plugin publish and install: a voter as an archive, what is taken of one, and what is not. Reports as a page, the schema of case files.

setup() {
    load support
    umask 022
    PATH=$build/bin:$PATH
    top=$PWD
    folder=$BATS_TEST_TMPDIR
    mkdir "$folder/place"
    cd "$folder"
}

# a_rule NAME: a folder with a rule in Lua that does what its cases say.
a_rule() {
    sluice -q plugin new "$1" --lua >/dev/null
    sed -i '/-- To do/d; s/-- return ballot:deny("W/if endpoint.host:find("*", 1, true) then return ballot:deny("W/; s/endpoint.host)$/endpoint.host) end/; s/-- \(return ballot:deny("DELETES".*\)/if r.method == "DELETE" then \1 end/' "$1/$1.lua"
}

# archive PYTHON: evil.tar, written by these lines about the tarfile t, where add(name, **members) adds a file.
archive() {
    python3 - <<PY
import io, tarfile
t = tarfile.open("evil.tar", "w")
def add(name, text="x", **members):
    info = tarfile.TarInfo(name)
    for key, value in {"size": len(text), **members}.items():
        setattr(info, key, value)
    t.addfile(info, io.BytesIO(text.encode()))
$1
t.close()
PY
}

refuses() {        # refuses TEXT: evil.tar is not installed, because of that, and nothing is left of it
    exits 1 sluice plugin install evil.tar --to place
    says "$1"
    [ -z "$(ls -A place)" ] || { find place; return 1; }
}

@test "a voter goes from a folder to an archive to a gateway's configuration, pinned" {
    a_rule stars
    exits 0 sluice plugin publish stars
    says "10 passed, 0 failed"
    sum=$(sha256sum <stars-0.1.0.tar.gz | cut -d' ' -f1)
    says "$sum  stars-0.1.0.tar.gz"
    says "install it: sluice plugin install stars-0.1.0.tar.gz --sha256 $sum"
    exits 1 sluice plugin publish stars
    says "stars-0.1.0.tar.gz exists already"
    exits 0 sluice plugin publish stars again.tgz
    cmp stars-0.1.0.tar.gz again.tgz
    [ "$(tar tzf again.tgz | sort | xargs)" = "stars-0.1.0/README.md stars-0.1.0/cases/stars.test.yaml stars-0.1.0/stars.lua stars-0.1.0/voter.json" ]
    exits 1 sluice plugin install again.tgz --to place --sha256 "${sum//[0-9]/0}"
    says "again.tgz is not installed: its digest is $sum, not that of --sha256: nothing of it was unpacked"
    [ -z "$(ls -A place)" ]
    exits 0 bash -c "sluice -q plugin install again.tgz --to place --sha256 $sum >entry"
    { printf 'chain:\n  voters:\n'; sed 's/^/    /' entry; } >gateway.yaml
    grep -q "script: $folder/place/stars/stars.lua" entry
    exits 0 sluiced --check --config gateway.yaml
    exits 0 sluice plugin test place/stars
    says "10 passed, 0 failed"
    [ "$(stat -c %a place/stars place/stars/cases place/stars/stars.lua | xargs)" = "755 755 644" ]
    echo "-- another" >>place/stars/stars.lua
    exits 2 sluiced --check --config gateway.yaml
    says "sha256"
    exits 1 sluice plugin install again.tgz --to place
    says "place/stars is there already: --replace puts this one in its place"
    exits 0 sluice plugin install again.tgz --to place --replace -o json
    exits 0 sluiced --check --config gateway.yaml
    [ "$(ls -A place)" = stars ]
}

@test "a program and a voter in C are published and installed likewise" {
    sluice -q plugin new few --python
    printf 'command: [python3, ../few.py]\ncases: [{name: all may pass, candidate: {version: 1}, expect: {verdict: allow}}]\n' >few/cases/few.test.yaml
    exits 0 sluice plugin publish few few.tgz
    exits 0 bash -c "sluice -q plugin install few.tgz --to place -o yaml"
    says "- python3"
    says "$folder/place/few/few.py"
    mkdir -p native/cases
    cc -shared -fPIC -I"$top/include" -o native/faulty.so "$top/tests/fixtures/testkit/faulty.c"
    printf 'plugin: faulty\noptions: {how: allow}\ncases: [{name: it allows, candidate: {version: 1}, expect: {verdict: allow}}]\n' >native/cases/faulty.test.yaml
    exits 0 sluice plugin publish native native.tgz
    exits 0 sluice plugin install native.tgz --to place
    says "add this folder to chain.plugin_dirs"
    says "- plugin: faulty"
    [ -f place/faulty/faulty.so ]
    exits 0 sluice plugin install few --to place --replace              # a folder will do
}

@test "what does not pass, is about several voters or lies elsewhere is not published" {
    sluice -q plugin new stars --lua
    exits 1 sluice plugin publish stars
    says "stars is not published: its cases do not pass"
    mkdir empty
    exits 1 sluice plugin publish empty
    says "cannot publish it:"
    says "which say what the voter is"
    a_rule two
    cp two/two.lua two/other.lua
    sed -i 's/name = "two"/name = "other"/' two/other.lua
    sed 's/two.lua/other.lua/' two/cases/two.test.yaml >two/cases/other.test.yaml
    exits 1 sluice plugin publish two
    says "are about different voters: publish a folder of each"
    a_rule out
    mv out/out.lua .
    sed -i 's#../out.lua#../../out.lua#' out/cases/out.test.yaml
    exits 1 sluice plugin publish out
    says "out.lua is no file of the folder"
    exits 1 sluice plugin install stars --to nowhere
    says "stars is not installed: nowhere cannot be written, --to DIR names another place: No such file or directory"
    exits 2 sluice plugin install nothing.tgz --to place
    says "cannot read nothing.tgz: No such file or directory"
    exits 2 sluice plugin publish nothing
    says "cannot read nothing: No such file or directory"
    exits 2 sluice plugin install stars --sha256 abc
    says "--sha256 is 64 hexadecimal digits, not 'abc'"
    [ -z "$(ls -A place)" ]
}

@test "an archive has regular files with plain names, and has bounds" {
    add='add("v/voter.json", "{\"script\": \"r.lua\"}"); '
    for name in /etc/evil v/../../evil v/a/../b v/.hidden v/-rf 'v/a b' v/a//b v/./a "v/$folder/evil" v//evil; do
        archive "$add add('$name')"
        refuses "evil.tar is not installed: "
        [ ! -e evil ] && [ ! -e /etc/evil ]
    done
    says "is no name for a file of a voter: at most 100 letters"
    for kind in SYMTYPE LNKTYPE CHRTYPE FIFOTYPE; do
        archive "$add add('v/link', '', type=tarfile.$kind, linkname='/etc/passwd')"
        refuses "'v/link' is no regular file"
    done
    archive "$add add('v/r.lua'); add('v/r.lua')"
    refuses "'r.lua' is there twice"
    archive "$add add('v/a'); add('v/a/b')"
    refuses "'a/b' is there twice"
    archive "for i in range(257): add(f'v/f{i}')"
    refuses "a voter has at most 256 files and 64 MiB"
    archive "$add"
    refuses "voter.json names a file that is not there"
    archive "add('v/r.lua')"
    refuses "it has no voter.json"
    archive "add('r.lua')"
    refuses "its files are not below one folder"
    archive "add('v/voter.json', '{\"script\": \"r.lua\"}'); add('v/r.lua', 'return {name = \"../up\", version = \"1\", vote = function(t, b) return b:allow() end}')"
    refuses "evil.tar is not installed: "
    archive "add('v/voter.json', '{\"command\": [\"sh\"], \"threads\": 65}')"
    refuses "voter.json: threads is a number from 1 to 64"
    archive "add('v/voter.json', '{\"plugin\": \"r\", \"threads\": 2}')"
    refuses "voter.json names no plugin, script or command"
    archive "add('v/voter.json', '{\"command\": [\"sh\", \"-c\", \"touch evil\"]}')"
    refuses "it cannot be loaded"
    archive "$add add('v/r.lua', 'x' * 5000)"
    head -c 3000 evil.tar >cut.tar; mv cut.tar evil.tar
    refuses "it is cut short"
    printf 'no archive' >evil.tar
    refuses "it is no tar archive that sluice reads"
    { head -c 90000000 /dev/zero | gzip; } >evil.tar
    refuses "MiB when it is unpacked"
    { printf 'x' | gzip; echo more; } >evil.tar
    refuses "more follows behind its end"
}

@test "the report of a run as a page: what ran and what never did, and no text of a case is markup" {
    a_rule stars
    sed -i 's/name: a rule that names its host passes/name: "<script>alert(1)<\/script>"/' stars/cases/stars.test.yaml
    sed -i '/a request that deletes/,$d' stars/cases/stars.test.yaml
    exits 0 sluice plugin test --format html=page.html stars
    says 'covered: '
    says ' |     if r.method == "DELETE" then'
    grep -q '&lt;script&gt;alert(1)' page.html
    run ! grep -q '<script' page.html
    grep -q 'class="never" data-n="[0-9]*">.*r.method == &quot;DELETE&quot;' page.html
    grep -q 'class="ran" data-n="[0-9]*">.*endpoint.host' page.html
    python3 -c 'import html.parser; html.parser.HTMLParser().feed(open("page.html").read())'
}

@test "the schema of case files takes all that are shipped, and no key that is none" {
    cd "$top"
    sluice plugin schema >"$folder/schema.json"
    python3 - "$folder/schema.json" $(find scripts/rules plugins core/testkit -name '*.test.yaml') <<'PY'
import json, sys, yaml
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
check = Draft202012Validator(schema)
assert len(sys.argv) > 15
class Loader(yaml.SafeLoader):
    pass
Loader.yaml_implicit_resolvers = {k: [r for r in v if r[0] != "tag:yaml.org,2002:timestamp"] for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
for path in sys.argv[2:]:
    whole = yaml.load(open(path), Loader)
    for error in check.iter_errors(whole):
        sys.exit(f"{path}: {list(error.absolute_path)}: {error.message[:300]}")
    whole["cases"][0]["nmae"] = 1
    assert not check.is_valid(whole), path
PY
}

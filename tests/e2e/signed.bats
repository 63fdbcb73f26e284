#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signed policies: documents that an offline key signed, and the voter signed_only.

load helper

setup_file() {
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    for name in policy other; do
        openssl genpkey -algorithm ed25519 -out "$state/$name.key" 2>/dev/null
        openssl pkey -in "$state/$name.key" -pubout -out "$state/$name.pub"
    done
    printf 'chain: {signed_only: {keys: [policy.pub]}}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice -q sandbox create --name demo
    for host in old new; do
        document "$host.example" >"$state/$host.yaml"
        sluice policy sign --key "$state/policy.key" "$state/$host.yaml" >/dev/null
        until_so "[ \$(date +%s%3N) -gt $(cut -d ' ' -f 2 "$state/$host.yaml.sig") ]"
    done
}

teardown_file() {
    teardown_all
}

document() {       # document HOST
    cat <<YAML
version: 1
network_policies:
  web: {endpoints: [{host: "$1", port: 443}], binaries: [{path: /usr/bin/curl}]}
YAML
}

set_signed() {     # set_signed DOCUMENT [OPTION...]: with the signature beside it
    sluice policy set demo --policy "$state/$1.yaml" --signature "$state/$1.yaml.sig" "${@:2}"
}

@test "sign and verify need no gateway, and say what is wrong" {
    run -0 sluice policy verify --key "$state/policy.pub" "$state/new.yaml"
    [[ "$output" == "✓ $state/new.yaml was signed at 20"*" with the key "* ]]
    cp "$state/new.yaml.sig" "$BATS_TEST_TMPDIR/x.yaml.sig"
    { echo "# another layout"; sed 's/443/ 443/' "$state/new.yaml"; } >"$BATS_TEST_TMPDIR/x.yaml"
    run -0 sluice policy verify --key "$state/policy.pub" "$BATS_TEST_TMPDIR/x.yaml"
    sed -i 's/443/444/' "$BATS_TEST_TMPDIR/x.yaml"
    run -1 sluice policy verify --key "$state/policy.pub" "$BATS_TEST_TMPDIR/x.yaml"
    [[ "$output" == *"the signature is not that of $BATS_TEST_TMPDIR/x.yaml: the document or the signature was changed"* ]]
    run -1 sluice policy verify --key "$state/other.pub" "$state/new.yaml"
    [[ "$output" == *"was signed with the key "*", not with "* ]]
    run -2 sluice policy sign --key "$state/policy.pub" "$state/new.yaml"
    [[ "$output" == *"policy.pub is a public key: sign with its private half"* ]]
    run -2 sluice policy sign --key "$state/new.yaml" "$state/new.yaml"
    [[ "$output" == *"is no Ed25519 key in PEM without a passphrase: make one with openssl genpkey"* ]]
    run -2 sluice policy verify --key "$state/policy.pub" "$state/new.yaml" --signature "$state/new.yaml"
    [[ "$output" == *"is no signature: give the file that sluice policy sign writes"* ]]
    run -2 sluice policy sign "$state/new.yaml"
    [[ "$output" == *"with which key? --key FILE"* ]]
}

@test "what is not signed changes nothing, whichever way it comes" {
    run -1 sluice policy set demo --policy "$state/new.yaml"
    [[ "$output" == *signed_only*NOT_SIGNED*"the policy is not signed: sign its document with"* ]]
    run -1 sluice policy update demo --add-endpoint a.example:443 --binary /usr/bin/curl
    [[ "$output" == *NOT_SIGNED*"only a signed document changes a policy here"* ]]
    run -0 curl -sS --unix-socket "$state/sluice.sock" -X POST -H 'Content-Type: application/json' http://localhost/v1/sandboxes/demo/drafts \
        -d '{"proposals":[{"rule_name":"more","rule":{"endpoints":[{"host":"more.example","port":443}],"binaries":[{"path":"/usr/bin/curl"}]}}]}'
    run -1 sluice rule approve demo --chunk-id "$(sluice rule get demo -o json | jq -r '.chunks[0].id')"
    [[ "$output" == *NOT_SIGNED* ]]
    run -1 sluice sandbox create --name second --policy "$state/new.yaml"
    [[ "$output" == *NOT_SIGNED* ]]
}

@test "a signature of another document, of an unknown key, or of a time to come" {
    run -1 sluice policy set demo --policy "$state/new.yaml" --signature "$state/old.yaml.sig"
    [[ "$output" == *BAD_SIGNATURE*"the signature is not that of this document"* ]]
    sluice policy sign --key "$state/other.key" "$state/new.yaml" --signature "$BATS_TEST_TMPDIR/other.sig"
    run -1 sluice policy set demo --policy "$state/new.yaml" --signature "$BATS_TEST_TMPDIR/other.sig"
    [[ "$output" == *UNKNOWN_KEY*"is none of chain.signed_only"* ]]
    awk '{ printf "%s %.0f %s %s\n", $1, $2 + 1, $3, $4 }' "$state/new.yaml.sig" >"$BATS_TEST_TMPDIR/later.sig"
    run -1 sluice policy set demo --policy "$state/new.yaml" --signature "$BATS_TEST_TMPDIR/later.sig"
    [[ "$output" == *BAD_SIGNATURE* ]]
    run -0 curl -sS --unix-socket "$state/sluice.sock" -X PUT -H 'Content-Type: application/yaml' -H 'Sluice-Signature: x' \
        --data-binary "@$state/new.yaml" http://localhost/v1/sandboxes/demo/policy
    [[ "$output" == *BAD_SIGNATURE*"this is no signature"* ]]
}

@test "a signed document is taken, and no older one after it; rollback and undo neither" {
    run -0 set_signed old
    run -0 set_signed new --dry-run
    run -0 set_signed new
    run -1 set_signed old
    [[ "$output" == *OLD_SIGNATURE*"the document was signed at "*"has been in force already: sign it again"* ]]
    run -1 sluice policy rollback demo --to 2
    [[ "$output" == *NOT_SIGNED* ]]
    run -0 set_signed new
    [[ "$output" == *"unchanged"* ]]
    run -0 sluice policy set demo --policy "$state/old.yaml" --signature <(sluice policy sign --key "$state/policy.key" "$state/old.yaml" >/dev/null; cat "$state/old.yaml.sig")
}

@test "a new sandbox takes a signed policy; one that is made again under its name no older one" {
    document first.example >"$state/first.yaml"
    sluice policy sign --key "$state/policy.key" "$state/first.yaml" >/dev/null
    cp "$state/first.yaml" "$state/again.yaml"
    until_so "[ \$(date +%s%3N) -gt $(cut -d ' ' -f 2 "$state/first.yaml.sig") ]"
    run -0 sluice policy sign --key "$state/policy.key" "$state/again.yaml" --sandbox second
    [[ "$output" == "✓ Signed $state/again.yaml for sandbox second with the key "* ]]
    run -0 sluice policy verify --key "$state/policy.pub" "$state/again.yaml"
    [[ "$output" == *", for sandbox second" ]]
    run -1 sluice sandbox create --name third --policy "$state/again.yaml" --signature "$state/again.yaml.sig"
    [[ "$output" == *OTHER_SANDBOX*"the document was signed for sandbox second: sign it for third"* ]]
    run -0 sluice sandbox create --name second --policy "$state/again.yaml" --signature "$state/again.yaml.sig"
    sluice -q sandbox delete second
    run -1 sluice sandbox create --name second --policy "$state/first.yaml" --signature "$state/first.yaml.sig"
    [[ "$output" == *OLD_SIGNATURE* ]]
    run -0 sluice sandbox create --name second --policy "$state/again.yaml" --signature "$state/again.yaml.sig"
    sluice -q sandbox delete second
    run -2 sluice sandbox create --name fourth --policy "$state/again.yaml" --signature "$state/again.yaml"
    [[ "$output" == *"is no signature: give the file that sluice policy sign writes"* ]]
}

@test "a reload changes the keys; without them a signature is not checked, and that is said" {
    document third.example >"$state/third.yaml"
    sluice policy sign --key "$state/other.key" "$state/third.yaml" >/dev/null
    run -1 set_signed third
    sed -i 's/policy.pub/other.pub/' "$state/sluice.yaml"
    sluice -q plugin reload
    run -0 set_signed third
    sed -i 's/other.pub/none.pub/' "$state/sluice.yaml"
    run -1 sluice plugin reload
    [[ "$output" == *"chain.signed_only.keys[0]"*"cannot read the key $state/none.pub: No such file or directory"* ]]
    echo 'chain: {vote_timeout_ms: 500}' >"$state/sluice.yaml"
    sluice -q plugin reload
    run -0 sluice policy set demo --policy "$state/new.yaml" --signature "$state/new.yaml.sig"
    [[ "$output" == *"nobody checks the signature: the gateway has no chain.signed_only"* ]]
}

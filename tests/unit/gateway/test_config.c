/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file and the flags that win over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "gateway/config.h"
#include "http/address.h"
#include "runtime/credentials/inference.h"
#include "store/store.h"
#include "store/url.h"

#define SHA256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

struct shelf {
    char folder[64], file[96];
    struct arena *arena;
    struct gateway_flags flags;
    struct gateway_config config;
    struct problems problems;
    struct error err;
};

static int setup(void **state)
{
    struct shelf *s = alloc_zero(1, sizeof *s);
    strcpy(s->folder, "/tmp/sluice-config-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->file, sizeof s->file, "%s/sluice.yaml", s->folder);
    s->arena = arena_new();
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct shelf *s = *state;
    unlink(s->file);
    rmdir(s->folder);
    arena_free(s->arena);
    problems_free(&s->problems);
    free(s);
    return 0;
}

static int load(struct shelf *s, const char *yaml)
{
    problems_free(&s->problems);
    if (yaml) {
        FILE *file = fopen(s->file, "w");
        assert_non_null(file);
        fputs(yaml, file);
        fclose(file);
        s->flags.config = s->file;
    }
    return gateway_config_load(&s->flags, s->arena, &s->config, &s->problems, &s->err);
}

static void must_load(struct shelf *s, const char *yaml)
{
    if (load(s, yaml) != 0)
        fail_msg("%s%s%s", s->err.text, s->problems.n ? ": " : "",
                 s->problems.n ? s->problems.items[0].message : "");
}

static void everything_has_a_default(void **state)
{
    struct shelf *s = *state;
    s->flags.state_dir = s->folder;
    must_load(s, NULL);
    assert_string_equal(s->config.state_dir, s->folder);
    assert_string_equal(s->config.store, arena_printf(s->arena, "sqlite:%s/sluice.db", s->folder));
    assert_int_equal(s->config.n_listen, 1);
    assert_string_equal(s->config.listen[0]->address,
                        arena_printf(s->arena, "unix:%s/sluice.sock", s->folder));
    assert_int_equal(s->config.chain->vote_timeout_ms, 500);
    assert_int_equal(s->config.chain->n_voters, 0);
    assert_int_equal(s->config.chain->n_plugin_dirs, 1);
    assert_int_equal(s->config.egress->n_hosts, 0);
    assert_string_equal(s->config.egress->extra_ca, "");
    assert_string_equal(s->config.egress->inspect_tls, "always");
    assert_string_equal(s->config.sandboxes->on_exit, "keep");
}

static void an_empty_file_is_no_file(void **state)
{
    struct shelf *s = *state;
    static const char *const texts[] = {"", "# nothing but a remark\n", "---\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        must_load(s, texts[i]);
        assert_string_equal(s->config.sandboxes->on_exit, "keep");
        assert_int_equal(s->config.n_listen, 1);
    }
}

static const char complete[] =
    "state_dir: /tmp/state\n"
    "listen: [\"unix:/run/sluice/sluice.sock\", \"tcp:127.0.0.1:7070\", \"tcp:[::1]:0\"]\n"
    "store: \"sqlite:/tmp/store.db\"\n"
    "tokens:\n"
    "  - {name: alice@example, sha256: "
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n"
    "  - {name: bob, role: user, sha256: "
    "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n"
    "chain:\n"
    "  plugin_dirs: [/usr/lib/sluice/plugins, more]\n"
    "  vote_timeout_ms: 750\n"
    "  voters:\n"
    "    - plugin: live_reload\n"
    "      isolation: inline\n"
    "    - script: rules/no_wildcards.lua\n"
    "      name: no_wildcards\n"
    "      level: advisory\n"
    "      on_error: abstain\n"
    "      timeout_ms: 200\n"
    "      memory_mb: 16\n"
    "      options: {max_hosts: 5}\n"
    "egress:\n"
    "  hosts: {API.github.com.: [10.77.0.2, \"2001:db8::1\"], one.example: 10.0.0.1}\n"
    "  extra_ca: sluice.yaml\n"
    "  inspect_tls: when_needed\n"
    "sandboxes:\n"
    "  on_exit: stop\n"
    "inference:\n"
    "  - {provider: openai, model: m-1}\n"
    "  - {provider: own, protocol: anthropic, base_url: \"http://10.0.0.5:8000\", credential: K, "
    "timeout_ms: 5000}\n";

static void every_key_is_read(void **state)
{
    struct shelf *s = *state;
    must_load(s, complete);
    const struct gateway_config *c = &s->config;
    assert_string_equal(c->state_dir, "/tmp/state");
    assert_int_equal(c->n_listen, 3);
    assert_string_equal(c->listen[1]->address, "tcp:127.0.0.1:7070");
    assert_string_equal(c->store, "sqlite:/tmp/store.db");
    assert_int_equal(c->n_tokens, 2);
    assert_string_equal(c->tokens[0]->name, "alice@example");
    assert_string_equal(c->tokens[0]->role, "admin");
    assert_int_equal(strlen(c->tokens[0]->sha256), 64);
    assert_string_equal(c->tokens[1]->role, "user");
    assert_string_equal(c->chain->base_dir, s->folder);
    assert_string_equal(c->chain->plugin_dirs[0], "/usr/lib/sluice/plugins");
    assert_string_equal(c->chain->plugin_dirs[1], arena_printf(s->arena, "%s/more", s->folder));
    assert_int_equal(c->chain->vote_timeout_ms, 750);
    assert_int_equal(c->chain->n_voters, 2);
    assert_string_equal(c->chain->voters[0]->plugin, "live_reload");
    assert_string_equal(c->chain->voters[0]->isolation, "inline");
    assert_string_equal(c->chain->voters[0]->level, "mandatory");
    assert_string_equal(c->chain->voters[0]->on_error, "deny");
    const struct chain_voter_config *v = c->chain->voters[1];
    assert_string_equal(v->script, "rules/no_wildcards.lua");
    assert_string_equal(v->name, "no_wildcards");
    assert_string_equal(v->level, "advisory");
    assert_string_equal(v->on_error, "abstain");
    assert_string_equal(v->isolation, "process");
    assert_int_equal(v->timeout_ms, 200);
    assert_int_equal(v->memory_mb, 16);
    assert_non_null(strstr(v->options_json, "max_hosts"));
    assert_int_equal(c->egress->n_hosts, 2);
    assert_string_equal(c->egress->hosts[0].name, "api.github.com");
    assert_int_equal(c->egress->hosts[0].n_addresses, 2);
    assert_string_equal(c->egress->hosts[0].addresses[1], "2001:db8::1");
    assert_string_equal(c->egress->hosts[1].addresses[0], "10.0.0.1");
    assert_string_equal(c->egress->extra_ca, s->file);
    assert_string_equal(c->egress->inspect_tls, "when_needed");
    assert_string_equal(c->sandboxes->on_exit, "stop");
    assert_int_equal(c->n_inference, 2);
    assert_string_equal(c->inference[0]->provider, "openai");
    assert_string_equal(c->inference[0]->model, "m-1");
    assert_string_equal(c->inference[1]->protocol, "anthropic");
    assert_string_equal(c->inference[1]->base_url, "http://10.0.0.5:8000");
    assert_string_equal(c->inference[1]->credential, "K");
    assert_int_equal(c->inference[1]->timeout_ms, 5000);
}

static void paths_of_the_file_begin_at_its_folder(void **state)
{
    struct shelf *s = *state;
    must_load(s, "state_dir: state\nstore: sqlite:db/sluice.db\nlisten: ['unix:run/sluice.sock', "
                 "'tcp:127.0.0.1:0']\n");
    assert_string_equal(s->config.state_dir, arena_printf(s->arena, "%s/state", s->folder));
    assert_string_equal(s->config.store,
                        arena_printf(s->arena, "sqlite:%s/db/sluice.db", s->folder));
    assert_string_equal(s->config.listen[0]->address,
                        arena_printf(s->arena, "unix:%s/run/sluice.sock", s->folder));
    assert_string_equal(s->config.listen[1]->address, "tcp:127.0.0.1:0");
}

static void flags_win(void **state)
{
    struct shelf *s = *state;
    static const char *const listen[] = {"tcp:127.0.0.1:0"}, *const dirs[] = {"here", "/there"};
    s->flags = (struct gateway_flags){
        .state_dir = "/tmp/other", .store = "sqlite:/tmp/other.db", .listen = listen, .n_listen = 1,
        .plugin_dirs = dirs, .n_plugin_dirs = 2,
    };
    must_load(s, complete);
    assert_string_equal(s->config.state_dir, "/tmp/other");
    assert_string_equal(s->config.store, "sqlite:/tmp/other.db");
    assert_int_equal(s->config.n_listen, 1);
    assert_string_equal(s->config.listen[0]->address, "tcp:127.0.0.1:0");
    assert_int_equal(s->config.chain->n_plugin_dirs, 2);
    assert_string_equal(s->config.chain->plugin_dirs[0], "here");
    assert_string_equal(s->config.sandboxes->on_exit, "stop");
}

static void each_listener_grants_what_is_written(void **state)
{
    struct shelf *s = *state;
    must_load(s, "listen: [unix:/tmp/a, tcp:127.0.0.1:1, {address: tcp:127.0.0.1:2, "
                 "trust_local_uids: true},\n"
                 "         {address: tcp:10.77.0.2:3, insecure: true}]\n");
    const unsigned in_file[] = {0, 0, HTTP_TRUST_LOCAL_UIDS, 0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(listener_flags(s->config.listen[i]), in_file[i]);
    static const char *const listen[] = {"tcp:127.0.0.1:1",
                                         "tcp:10.77.0.2:2",
                                         "tcp:0.0.0.0:3,insecure",
                                         "tcp:127.0.0.1:4,trust_local_uids",
                                         "tcp:10.77.0.2:5,trust_local_uids,insecure",
                                         "unix:/tmp/a,insecure"};
    const unsigned by_flag[] = {0, HTTP_NO_SECRETS, 0, HTTP_TRUST_LOCAL_UIDS, HTTP_TRUST_LOCAL_UIDS,
                                0};
    s->flags.listen = listen;
    s->flags.n_listen = 6;
    must_load(s, NULL);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(listener_flags(s->config.listen[i]), by_flag[i]);
    assert_string_equal(s->config.listen[4]->address, "tcp:10.77.0.2:5");
    assert_string_equal(s->config.listen[5]->address, "unix:/tmp/a,insecure");
}

static void a_state_dir_in_the_file_moves_what_has_no_place_of_its_own(void **state)
{
    struct shelf *s = *state;
    must_load(s, "state_dir: /tmp/state\n");
    assert_string_equal(s->config.store, "sqlite:/tmp/state/sluice.db");
    assert_string_equal(s->config.listen[0]->address, "unix:/tmp/state/sluice.sock");
}

/* What is wrong with a file: its text, and the only problem as LINE:COLUMN PATH MESSAGE. */
static const struct {
    const char *yaml, *wanted;
} wrong[] = {
    {"stat_dir: /tmp\n",
     "1:1 stat_dir: a configuration has no such field; did you mean \"state_dir\"?"},
    {"egress:\n  host: {}\n",
     "2:3 egress.host: an egress has no such field; did you mean \"hosts\"?"},
    {"chain:\n  voters:\n    - plugin: live_reload\n      levl: mandatory\n",
     "4:7 chain.voters[0].levl: a voter has no such field; did you mean \"level\"?"},
    {"sandboxes: {on_exit: leave}\n",
     "1:22 sandboxes.on_exit: must be keep or stop, not \"leave\""},
    {"listen: [unix]\n", "1:10 listen[0]: address unix begins with neither unix: nor tcp:"},
    {"listen:\n  - tcp:localhost:7070\n  - tcp:gateway.example:7070\n",
     "3:5 listen[1]: tcp:gateway.example:7070 names a host: listen on an IP address"},
    {"store: mysql://db\n", "1:8 store: 'mysql://db' is no store: use " STORE_URL_FORMS},
    {"store: \"sqlite:\"\n", "1:8 store: 'sqlite:' is no store: use " STORE_URL_FORMS},
    {"egress: {extra_ca: /does/not/exist.pem}\n",
     "1:20 egress.extra_ca: cannot read /does/not/exist.pem: No such file or directory"},
    {"egress: {inspect_tls: never}\n",
     "1:23 egress.inspect_tls: must be always or when_needed, not \"never\""},
    {"egress:\n  hosts: [a]\n",
     "2:10 egress.hosts: must be a map of host names to lists of addresses"},
    {"egress:\n  hosts: {10.0.0.1: [10.0.0.2]}\n",
     "2:11 egress.hosts: '10.0.0.1' is an address: only names are pinned"},
    {"egress:\n  hosts: {a..b: [10.0.0.1]}\n", "2:11 egress.hosts: 'a..b' is no host name"},
    {"egress:\n  hosts:\n    api.example: [10.0.0.1, ten]\n",
     "3:29 egress.hosts: host api.example is pinned to IP addresses, such as [10.77.0.2], not "
     "'ten'"},
    {"egress:\n  hosts: {api.example: []}\n", "2:24 egress.hosts: host api.example has no address"},
    {"egress:\n  hosts: {api.example: 010.0.0.1}\n",
     "2:24 egress.hosts: host api.example is pinned to IP addresses, such as [10.77.0.2], not "
     "'010.0.0.1'"},
    {"egress:\n  hosts: {a.example: [10.0.0.1], A.EXAMPLE.: [10.0.0.2]}\n",
     "2:34 egress.hosts: host a.example is pinned twice"},
    {"inference: [{model: a}]\n",
     "1:13 inference[0]: the field \"provider\" is missing"},
    {"inference: [{provider: a, protocol: bedrock}]\n",
     "1:37 inference[0].protocol: must be openai or anthropic, not \"bedrock\""},
    {"inference: [{provider: a, base_url: \"ftp://b\"}]\n",
     "1:37 inference[0].base_url: 'ftp://b' is no URL of a server: it begins with neither "
     "https:// nor http://"},
    {"state_dir: [a]\n", "1:12 state_dir: must be a text, not a list"},
    {"tokens:\n  - {name: a b, sha256: x}\n",
     "2:5 tokens[0]: the name of a token's bearer is 1 to 64 of a-z, A-Z, 0-9, '.', '_', '@' and "
     "'-', not 'a b'"},
    {"tokens:\n  - {name: a, sha256: abc}\n",
     "2:5 tokens[0]: sha256 is 64 hexadecimal digits: printf %s TOKEN | sha256sum"},
    {"tokens:\n  - {name: a, role: owner, sha256: " SHA256 "}\n",
     "2:21 tokens[0].role: there is no role 'owner': there are viewer, user, approver, admin, "
     "host"},
    {"auth: {roles: {deployer: [policy.read]}, certificates: [{subject: CN=a, role: deploy}]}\n",
     "1:79 auth.certificates[0].role: there is no role 'deploy': there are viewer, user, approver, "
     "admin, host, deployer"},
    {"auth: {accounts: [{account: uid:4242, role: owner}]}\n",
     "1:45 auth.accounts[0].role: there is no role 'owner': there are viewer, user, approver, "
     "admin, host"},
    {"auth: {accounts: [{account: nobody-here, role: user}]}\n",
     "1:19 auth.accounts[0]: there is no account 'nobody-here' on this machine: give the name of "
     "one, or uid:N"},
    {"auth: {accounts: [{account: uid:0, role: user}]}\n",
     "1:19 auth.accounts[0]: uid:0 is an admin always: root and the gateway's own user cannot have "
     "another role"},
    {"auth: {accounts: [{account: uid:4242, role: user}, {account: uid:4242, role: admin}]}\n",
     "1:52 auth.accounts[1]: the account uid:4242 has a role already"},
    {"auth:\n  roles:\n    deployer: [policy.read, policy.chang]\n",
     "3:29 auth.roles: there is no permission 'policy.chang'; did you mean 'policy.change'?"},
    {"auth:\n  roles:\n    deployer: [everything]\n",
     "3:16 auth.roles: there is no permission 'everything'; there are sandbox.read, "
     "sandbox.create, sandbox.run, sandbox.delete, policy.read, policy.propose, policy.change, "
     "policy.override, draft.read, draft.decide, decision.read, audit.read, plugin.manage, "
     "provider.manage, token.manage, host.manage, ceiling.manage, gateway.read"},
    {"auth:\n  roles:\n    admin: [policy.read]\n",
     "3:5 auth.roles: the role admin is built in and cannot be changed: give this one another "
     "name"},
    {"auth:\n  roles:\n    sandbox: [policy.read]\n",
     "3:5 auth.roles: the role sandbox is built in and cannot be changed: give this one another "
     "name"},
    {"auth:\n  roles:\n    deployer: []\n",
     "3:5 auth.roles: the role deployer must be a list of permissions, such as [policy.read]"},
    {"auth:\n  roles:\n    deployer: policy.read\n",
     "3:15 auth.roles: the role deployer must be a list of permissions, such as [policy.read]"},
    {"auth:\n  roles:\n    a b: [policy.read]\n",
     "3:5 auth.roles: the name of a role is 1 to 64 of a-z, A-Z, 0-9, '.', '_', '@' and '-', not "
     "'a b'"},
    {"chain:\n  signed_only: {}\n",
     "2:16 chain.signed_only: the field \"keys\" is missing"},
    {"auth: {roles: [a]}\n",
     "1:15 auth.roles: must be a map of names of roles to lists of permissions"},
    {"auth: {certificates: [{subject: alice, role: admin}]}\n",
     "1:23 auth.certificates[0]: a subject is a distinguished name such as CN=alice,O=team, or "
     "dns:NAME, not 'alice'"},
    {"auth: {certificates: [{subject: \"dns:\", role: admin}]}\n",
     "1:23 auth.certificates[0]: a subject is a distinguished name such as CN=alice,O=team, or "
     "dns:NAME, not 'dns:'"},
    {"auth: {certificates: [{subject: CN=a, role: admin, name: a b}]}\n",
     "1:23 auth.certificates[0]: a name in records is 1 to 64 of a-z, A-Z, 0-9, '.', '_', '@' and "
     "'-', not 'a b'"},
    {"auth: {certificates: [{subject: CN=a}]}\n",
     "1:23 auth.certificates[0]: the field \"role\" is missing"},
    {"tokens:\n  - {name: a, role: sandbox, sha256: " SHA256 "}\n",
     "2:21 tokens[0].role: there is no role 'sandbox': there are viewer, user, approver, admin, "
     "host"},
    {"tokens: [{name: a}]\n", "1:10 tokens[0]: the field \"sha256\" is missing"},
    {"listen: {}\n", "1:9 listen: must be a list, not a map"},
    {"listen: [{insecure: true}]\n", "1:10 listen[0]: the field \"address\" is missing"},
    {"listen: [{address: unix:/tmp/a, insecure: true}]\n",
     "1:10 listen[0]: tls, insecure and trust_local_uids are for tcp addresses: leave them out for "
     "unix:/tmp/a"},
    {"listen: [{address: unix:/tmp/a, tls: {certificate: a, key: b}}]\n",
     "1:10 listen[0]: tls, insecure and trust_local_uids are for tcp addresses: leave them out for "
     "unix:/tmp/a"},
    {"listen: [{address: \"tcp:127.0.0.1:1\", group: root}]\n",
     "1:10 listen[0]: group is for Unix sockets: leave it out for tcp:127.0.0.1:1"},
    {"listen: [{address: unix:/tmp/a, group: nobody-here}]\n",
     "1:10 listen[0]: there is no group 'nobody-here' on this machine: make it with addgroup, or "
     "leave group out"},
    {"listen: [{address: unix:/tmp/a, group: \"\"}]\n", "1:40 listen[0].group: must not be empty"},
    {"listen: [{address: \"tcp:127.0.0.1:1\", tls: {certificate: a}}]\n",
     "1:44 listen[0].tls: the field \"key\" is missing"},
    {"listen: [{address: \"tcp:127.0.0.1:1\", tls: {certificate: a, key: b, "
     "require_client_certificate: true}}]\n",
     "1:44 listen[0].tls: require_client_certificate needs client_ca: the file of the authorities "
     "whose certificates clients show"},
    {"listen: [{address: \"tcp:10.77.0.2:1\", insecure: true, tls: {certificate: a, key: b}}]\n",
     "1:10 listen[0]: tcp:10.77.0.2:1 is encrypted by tls and not insecure: leave one of them out"},
    {"listen: [\"tcp:10.77.0.2:1\"]\n",
     "1:10 listen[0]: other machines can reach tcp:10.77.0.2:1, and tokens cross it in clear text: "
     "give it a certificate (tls: {certificate: FILE, key: FILE}; 'sluice gateway init-tls DIR' "
     "makes one), or write {address: \"tcp:10.77.0.2:1\", insecure: true}"},
    {"listen: [{address: \"tcp:[::]:1\", trust_local_uids: true}]\n",
     "1:10 listen[0]: other machines can reach tcp:[::]:1, and tokens cross it in clear text: give "
     "it a certificate (tls: {certificate: FILE, key: FILE}; 'sluice gateway init-tls DIR' makes "
     "one), or write {address: \"tcp:[::]:1\", insecure: true}"},
};

static void what_is_wrong_is_told_with_line_and_column(void **state)
{
    struct shelf *s = *state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int rc = load(s, wrong[i].yaml);
        const struct problem *p = s->problems.items;
        const char *is = s->problems.n == 1 ? arena_printf(s->arena, "%u:%u %s: %s", p->line,
                                                           p->column, p->path, p->message)
                                            : arena_printf(s->arena, "%zu problems", s->problems.n);
        if (rc == -1 && strcmp(is, wrong[i].wanted) == 0)
            continue;
        print_error("%s  wanted %s\n  got    %s\n", wrong[i].yaml, wrong[i].wanted, is);
        bad++;
    }
    assert_int_equal(bad, 0);
}

static void a_wrong_flag_is_not_a_place_in_the_file(void **state)
{
    struct shelf *s = *state;
    static const char *const listen[] = {"nowhere"};
    s->flags.listen = listen;
    s->flags.n_listen = 1;
    assert_int_equal(load(s, complete), -1);
    assert_int_equal(s->problems.n, 1);
    assert_string_equal(s->problems.items[0].path, "--listen[0]");
    assert_int_equal(s->problems.items[0].line, 0);
    assert_string_equal(s->err.text, "the configuration has 1 problem");
}

static void every_problem_is_told(void **state)
{
    struct shelf *s = *state;
    assert_int_equal(load(s, "stor: a\nlisten: [b]\nsandboxes: {exit: stop}\n"), -1);
    /* Shapes first: addresses are looked at in a file that has its shape. */
    assert_int_equal(s->problems.n, 2);
    assert_string_equal(
        s->err.text, arena_printf(s->arena, "the configuration file %s has 2 problems", s->file));
}

static void files_that_cannot_be_read(void **state)
{
    struct shelf *s = *state;
    s->flags.config = "/does/not/exist.yaml";
    assert_int_equal(load(s, NULL), -1);
    assert_string_equal(
        s->err.text,
        "cannot read the configuration file /does/not/exist.yaml: No such file or directory");
    s->flags.config = s->folder;
    assert_int_equal(load(s, NULL), -1);
    assert_string_equal(
        s->err.text,
        arena_printf(s->arena, "cannot read the configuration file %s: Is a directory", s->folder));
    assert_int_equal(load(s, "listen: [a\n"), -1);
    assert_string_equal(
        s->err.text,
        arena_printf(s->arena, "the configuration file %s is no YAML document", s->file));
    assert_int_equal(s->problems.n, 1);
    assert_true(s->problems.items[0].line > 0);
    assert_int_equal(load(s, "- a\n"), -1);
}

/* ---- what a reload cannot change ---- */

static const struct {
    const char *yaml, *names;
} restarts[] = {
    {"state_dir: /tmp/a\n", ""},
    {"state_dir: /tmp/a\nchain: {vote_timeout_ms: 7}\n", ""},
    {"state_dir: /tmp/b\n", "state_dir, listen, store"},
    {"state_dir: /tmp/a\nlisten: [\"unix:/tmp/x\"]\n", "listen"},
    {"state_dir: /tmp/a\nlisten: [{address: unix:/tmp/a/sluice.sock, group: root}]\n", "listen"},
    {"state_dir: /tmp/a\nlisten: [\"unix:/tmp/a/sluice.sock\", \"tcp:127.0.0.1:1\"]\n", "listen"},
    {"state_dir: /tmp/a\ntokens: [{name: a, sha256: "
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]\n",
     "tokens"},
    {"state_dir: /tmp/a\nstore: \"sqlite:/tmp/x\"\n", "store"},
    {"state_dir: /tmp/a\negress: {hosts: {a.example: 10.0.0.1}}\n", "egress"},
    {"state_dir: /tmp/a\negress: {inspect_tls: when_needed}\n", "egress"},
    {"state_dir: /tmp/a\nsandboxes: {on_exit: stop}\negress: {extra_ca: sluice.yaml}\n",
     "egress, sandboxes"},
};

static void what_needs_a_restart_is_named(void **state)
{
    struct shelf *s = *state;
    must_load(s, "state_dir: /tmp/a\n");
    struct gateway_config old = s->config;
    for (size_t i = 0; i < sizeof restarts / sizeof *restarts; i++) {
        must_load(s, restarts[i].yaml);
        assert_string_equal(gateway_config_restart(&old, &s->config, s->arena), restarts[i].names);
        assert_string_equal(gateway_config_restart(&s->config, &old, s->arena), restarts[i].names);
    }
}

#define CONFIG_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(everything_has_a_default),
        CONFIG_TEST(an_empty_file_is_no_file),
        CONFIG_TEST(every_key_is_read),
        CONFIG_TEST(flags_win),
        CONFIG_TEST(each_listener_grants_what_is_written),
        CONFIG_TEST(paths_of_the_file_begin_at_its_folder),
        CONFIG_TEST(a_state_dir_in_the_file_moves_what_has_no_place_of_its_own),
        CONFIG_TEST(what_is_wrong_is_told_with_line_and_column),
        CONFIG_TEST(a_wrong_flag_is_not_a_place_in_the_file),
        CONFIG_TEST(every_problem_is_told),
        CONFIG_TEST(files_that_cannot_be_read),
        CONFIG_TEST(what_needs_a_restart_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

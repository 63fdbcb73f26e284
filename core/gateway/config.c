/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ipaddr.h"
#include "base/standard.h"
#include "doc/explain.h"
#include "egress/local/inference.h"
#include "export/settings.h"
#include "gateway/folder.h"
#include "gateway/peers.h"
#include "policy/check/check.h"
#include "runtime/credentials/inference.h"
#include "store/store.h"
#include "store/url.h"

enum { CONFIG_BYTES_MAX = 1024 * 1024 };

static int decode_addresses(struct schema_decoder *d, const struct doc_node *list,
                            struct spec_host *host)
{
    const struct doc_node one = *list, *const lone[] = {&one};
    const struct doc_node *const *items =
        list->kind == DOC_LIST ? (const struct doc_node *const *)list->items : lone;
    size_t n = list->kind == DOC_LIST ? list->n : 1;
    const char **addresses = arena_alloc(schema_arena(d), (n + 1) * sizeof *addresses);
    for (size_t i = 0; i < n; i++) {
        struct ipaddr address;
        if (items[i]->kind != DOC_SCALAR || ipaddr_parse(items[i]->text, &address) != 0)
            return schema_problem(
                d, items[i], "host %s is pinned to IP addresses, such as [10.77.0.2], not '%s'",
                host->name, items[i]->text);
        addresses[i] = items[i]->text;
    }
    host->addresses = addresses;
    host->n_addresses = n;
    return n ? 0 : schema_problem(d, list, "host %s has no address", host->name);
}

static int decode_hosts(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    struct egress_settings *egress = record;
    if (map->kind != DOC_MAP)
        return schema_problem(d, map, "must be a map of host names to lists of addresses");
    egress->hosts = arena_zalloc(schema_arena(d), (map->n + 1) * sizeof *egress->hosts);
    for (size_t i = 0; i < map->n; i++) {
        char host[IPADDR_HOST_SIZE];
        const char *name = map->keys[i]->text;
        if (ipaddr_canonical_host(name, strlen(name), host) != 0)
            return schema_problem(d, map->keys[i], "'%s' is no host name", name);
        if (ipaddr_parse(host, &(struct ipaddr){0}) == 0)
            return schema_problem(d, map->keys[i], "'%s' is an address: only names are pinned",
                                  name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(egress->hosts[j].name, host) == 0)
                return schema_problem(d, map->keys[i], "host %s is pinned twice", host);
        egress->hosts[i].name = arena_str(schema_arena(d), host);
        if (decode_addresses(d, map->items[i], &egress->hosts[i]) != 0)
            return -1;
    }
    egress->n_hosts = map->n;
    return 0;
}

static const char *const inspections[] = {"always", "when_needed", NULL};
static const struct schema_field egress_fields[] = {
    {"hosts", SCHEMA_CUSTOM, .decode = decode_hosts,
     .help = "Pinned names, before DNS; checked like any answer of the resolver"},
    {"extra_ca", SCHEMA_TEXT, offsetof(struct egress_settings, extra_ca),
     .help =
         "PEM file of further certificate authorities: trusted by the proxy, and in each sandbox"},
    {"inspect_tls", SCHEMA_TEXT, offsetof(struct egress_settings, inspect_tls),
     .fallback = "always", .words = inspections,
     .help = "Which TLS the proxy inspects: all but that of endpoints with tls: skip, or only "
             "where rules are about requests"},
    {0},
};
static const struct schema egress_schema = {
    .name = "egress", .size = sizeof(struct egress_settings), .fields = egress_fields};

static const char *const exits[] = {"keep", "stop", NULL};
static const struct schema_field sandbox_fields[] = {
    {"on_exit", SCHEMA_TEXT, offsetof(struct sandbox_settings, on_exit), .fallback = "keep",
     .words = exits, .help = "What becomes of running sandboxes when the gateway ends"},
    {0},
};
static const struct schema sandboxes_schema = {
    .name = "sandboxes", .size = sizeof(struct sandbox_settings), .fields = sandbox_fields};

static int decode_roles(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    struct auth_settings *auth = record;
    return auth_roles_decode(d, map, &auth->roles);
}

static const struct schema_field auth_fields[] = {
    {"certificates", SCHEMA_STRUCTS, offsetof(struct auth_settings, certificates),
     offsetof(struct auth_settings, n_certificates), .sub = &auth_certificate_schema,
     .help = "Whose the certificates are that clients show"},
    {"roles", SCHEMA_CUSTOM, .decode = decode_roles,
     .help = "Further roles: names, each with a list of permissions"},
    {"accounts", SCHEMA_STRUCTS, offsetof(struct auth_settings, roles.accounts),
     offsetof(struct auth_settings, roles.n_accounts), .sub = &auth_account_schema,
     .help = "The roles of local accounts; the others are users"},
    {"oidc", SCHEMA_STRUCT, offsetof(struct auth_settings, oidc), .sub = &oidc_settings_schema,
     .help = "An OpenID Connect issuer whose tokens are accepted"},
    {0},
};
static const struct schema auth_schema = {
    .name = "auth", .size = sizeof(struct auth_settings), .fields = auth_fields};

static const char *const protocols[] = {"openai", "anthropic", NULL};
static const struct schema_field inference_fields[] = {
    {"provider", SCHEMA_TEXT, offsetof(struct inference_setting, provider),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .help = "The provider that has the key"},
    {"credential", SCHEMA_TEXT, offsetof(struct inference_setting, credential),
     .help = "Which of its credentials the key is, where it has several"},
    {"protocol", SCHEMA_TEXT, offsetof(struct inference_setting, protocol), .words = protocols,
     .help = "Which calls go there; the default is that of the provider's profile"},
    {"base_url", SCHEMA_TEXT, offsetof(struct inference_setting, base_url),
     .help = "The server; the default is that of the provider's profile"},
    {"model", SCHEMA_TEXT, offsetof(struct inference_setting, model),
     .help = "The model in place of the one that is asked for"},
    {"timeout_ms", SCHEMA_U32, offsetof(struct inference_setting, timeout_ms), .min = 1000,
     .max = 600000, .help = "For an answer to begin; 60000"},
    {0},
};
static const struct schema inference_schema = {
    .name = "inference route", .size = sizeof(struct inference_setting),
    .fields = inference_fields};

static const struct schema_field config_fields[] = {
    {"state_dir", SCHEMA_TEXT, offsetof(struct gateway_config, state_dir),
     .help = "Where everything is kept"},
    {"listen", SCHEMA_STRUCTS, offsetof(struct gateway_config, listen),
     offsetof(struct gateway_config, n_listen), .sub = &listener_schema,
     .help = "Where clients connect: unix:PATH or tcp:HOST:PORT, or a map"},
    {"store", SCHEMA_TEXT, offsetof(struct gateway_config, store), .help = STORE_URL_FORMS},
    {"peers", SCHEMA_STRUCT, offsetof(struct gateway_config, peers), .sub = &peers_schema,
     .help = "The other gateways of the store"},
    {"tokens", SCHEMA_STRUCTS, offsetof(struct gateway_config, tokens),
     offsetof(struct gateway_config, n_tokens), .sub = &auth_token_schema,
     .help = "People who come with a token of their own"},
    {"auth", SCHEMA_STRUCT, offsetof(struct gateway_config, auth), .sub = &auth_schema,
     .help = "Who may do what"},
    {"chain", SCHEMA_STRUCT, offsetof(struct gateway_config, chain), .sub = &chain_config_schema,
     .help = "The voters"},
    {"egress", SCHEMA_STRUCT, offsetof(struct gateway_config, egress), .sub = &egress_schema,
     .help = "The sandboxes' proxies"},
    {"sandboxes", SCHEMA_STRUCT, offsetof(struct gateway_config, sandboxes),
     .sub = &sandboxes_schema, .help = "The sandboxes"},
    {"inference", SCHEMA_STRUCTS, offsetof(struct gateway_config, inference),
     offsetof(struct gateway_config, n_inference), .sub = &inference_schema,
     .help = "Where calls of https://inference.local in a sandbox go"},
    {"export", SCHEMA_STRUCTS, offsetof(struct gateway_config, exports),
     offsetof(struct gateway_config, n_exports), .sub = &export_settings_schema,
     .help = "Where the audit chain and the traffic record are sent as they grow"},
    {0},
};
static const struct schema config_schema = {
    .name = "configuration", .size = sizeof(struct gateway_config), .fields = config_fields};

void gateway_config_explain(struct buf *out)
{
    schema_explain(&(struct schema_place){.schema = &config_schema}, out);
}

static int read_file(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_INVALID, "cannot read the configuration file %s", path);
    if (folder_check_file(fd, path, err) != 0) {
        close(fd);
        err->kind = ERROR_INVALID;                  /* nobody's right to ask is in question */
        return -1;
    }
    ssize_t n;
    do {
        buf_reserve(out, 65536);
        n = read(fd, out->data + out->len, 65536);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && out->len <= CONFIG_BYTES_MAX);
    close(fd);
    if (n < 0)
        return error_errno(err, ERROR_INVALID, "cannot read the configuration file %s", path);
    return 0;
}

static int decode_file(const struct buf *text, const char *path, struct arena *arena,
                       struct gateway_config *out, struct doc_node **tree,
                       struct problems *problems, struct error *err)
{
    void *decoded;
    if (doc_parse(buf_str(text), text->len, DOC_YAML, CONFIG_BYTES_MAX, arena, tree, problems) != 0)
        return error_set(err, ERROR_INVALID, "the configuration file %s is no YAML document", path);
    if ((*tree)->kind == DOC_NULL)
        return 0;
    if (schema_decode(&config_schema, *tree, "", arena, &decoded, problems) != 0)
        return error_set(err, ERROR_INVALID, "the configuration file %s has %zu problem%s", path,
                         problems->n, problems->n == 1 ? "" : "s");
    *out = *(struct gateway_config *)decoded;
    return 0;
}

static int from_file(const char *path, struct arena *arena, struct gateway_config *out,
                     struct doc_node **tree, struct problems *problems, struct error *err)
{
    struct buf text = {0};
    if (read_file(path, &text, err) != 0) {
        buf_free(&text);
        return -1;
    }
    /* The tree has copies of the texts. */
    int rc = decode_file(&text, path, arena, out, tree, problems, err);
    buf_free(&text);
    return rc;
}

static const char *absolute(struct arena *arena, const char *path)
{
    char here[PATH_MAX];
    if (*path == '/' || !getcwd(here, sizeof here))
        return path;
    return arena_printf(arena, "%s/%s", here, path);
}

/* Makes paths absolute: those in the file are relative to its folder, those of flags to the working
 * directory. */
static const char *below(struct arena *arena, const char *base_dir, const char *path)
{
    return *path == '/' || !*path ? path : arena_printf(arena, "%s/%s", base_dir, path);
}

static const char *default_state_dir(struct arena *arena)
{
    if (geteuid() == 0)
        return "/var/lib/sluice";
    char *home = standard_state_home();
    const char *dir = home ? arena_printf(arena, "%s/sluice", home) : "";
    free(home);
    return dir;
}

/* The folder of the shipped voters: beside a build's bin/, or the installed one. */
static const char *default_plugin_dir(struct arena *arena)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return "/usr/lib/sluice/plugins";
    exe[n] = '\0';
    const char *prefix = dirname(dirname(exe));
    const char *in_build = arena_printf(arena, "%s/plugins", prefix);
    if (access(in_build, F_OK) == 0)
        return in_build;
    return arena_printf(arena, "%s/lib/sluice/plugins", prefix);
}

static void choose_plugin_dirs(const struct gateway_flags *flags, struct arena *arena,
                               struct chain_config *chain)
{
    size_t n = flags->n_plugin_dirs ? flags->n_plugin_dirs : chain->n_plugin_dirs;
    const char **dirs = arena_alloc(arena, (n + 1) * sizeof *dirs);
    for (size_t i = 0; i < n; i++)
        dirs[i] = flags->n_plugin_dirs ? flags->plugin_dirs[i]
                                       : below(arena, chain->base_dir, chain->plugin_dirs[i]);
    if (n == 0)
        dirs[n++] = default_plugin_dir(arena);
    chain->plugin_dirs = dirs;
    chain->n_plugin_dirs = n;
}

static void default_chain(const struct gateway_flags *flags, const char *base_dir,
                          struct arena *arena, struct gateway_config *c)
{
    struct chain_config *chain = arena_zalloc(arena, sizeof *chain);
    if (c->chain)
        *chain = *c->chain;
    if (!chain->vote_timeout_ms)
        chain->vote_timeout_ms = 500;
    chain->base_dir = base_dir;
    choose_plugin_dirs(flags, arena, chain);
    c->chain = chain;
}

static void default_egress(const char *base_dir, struct arena *arena, struct gateway_config *c)
{
    struct egress_settings *egress = arena_zalloc(arena, sizeof *egress);
    if (c->egress)
        *egress = *c->egress;
    egress->extra_ca = egress->extra_ca ? below(arena, base_dir, egress->extra_ca) : "";
    egress->inspect_tls = egress->inspect_tls ? egress->inspect_tls : "always";
    c->egress = egress;
}

static void default_exports(const char *base_dir, struct arena *arena, struct gateway_config *c)
{
    const struct export_settings **list = arena_alloc(arena, (c->n_exports + 1) * sizeof *list);
    for (size_t i = 0; i < c->n_exports; i++)
        list[i] = export_settings_below(c->exports[i], base_dir, arena);
    c->exports = list;
}

static void choose_state(const struct gateway_flags *flags, const char *base_dir,
                         struct arena *arena, struct gateway_config *c)
{
    bool in_file = c->state_dir && *c->state_dir;
    c->state_dir = flags->state_dir ? absolute(arena, flags->state_dir)
                 : in_file          ? below(arena, base_dir, c->state_dir)
                                    : default_state_dir(arena);
    in_file = c->store && *c->store;
    c->store = flags->store ? flags->store
             : in_file      ? store_url_below(arena, c->store, base_dir)
                            : store_url_in(arena, c->state_dir);
}

static const struct gateway_listener *one_listener(const char *address, struct arena *arena)
{
    struct gateway_listener *l = arena_zalloc(arena, sizeof *l);
    l->address = address;
    return l;
}

/* Supervisors of this host speak no TLS, so the gateway's own socket is there too. */
static bool only_tls(const struct gateway_listener *const *listen, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!listen[i]->tls)
            return false;
    return n > 0;
}

static void choose_listen(const struct gateway_flags *flags, const char *base_dir,
                          struct arena *arena, struct gateway_config *c)
{
    size_t n = flags->n_listen ? flags->n_listen : c->n_listen;
    const struct gateway_listener **listen = arena_alloc(arena, (n + 2) * sizeof *listen);
    for (size_t i = 0; i < n; i++)
        listen[i] = flags->n_listen ? listener_from_flag(flags->listen[i], arena)
                                    : listener_below(c->listen[i], base_dir, arena);
    if (n == 0 || only_tls(listen, n))
        listen[n++] = one_listener(arena_printf(arena, "unix:%s/sluice.sock", c->state_dir), arena);
    c->listen = listen;
    c->n_listen = n;
}

static void fill_defaults(const struct gateway_flags *flags, struct arena *arena,
                          struct gateway_config *c)
{
    const char *base_dir = absolute(arena, ".");
    if (flags->config)
        base_dir = dirname(arena_str(arena, absolute(arena, flags->config)));
    choose_state(flags, base_dir, arena, c);
    choose_listen(flags, base_dir, arena, c);
    default_chain(flags, base_dir, arena, c);
    default_egress(base_dir, arena, c);
    default_exports(base_dir, arena, c);
    static const struct sandbox_settings keep = {.on_exit = "keep"};
    static const struct auth_settings nobody = {.n_certificates = 0};
    if (!c->sandboxes)
        c->sandboxes = &keep;
    if (!c->auth)
        c->auth = &nobody;
}

static void check_listen(const struct gateway_config *c, bool from_flags, struct arena *arena,
                         struct problems *problems)
{
    for (size_t i = 0; i < c->n_listen; i++) {
        const char *path = arena_printf(arena, "%s[%zu]", from_flags ? "--listen" : "listen", i);
        listener_check(c->listen[i], from_flags, path, arena, problems);
    }
}

static void check_role(const struct auth_settings *auth, const char *role, const char *path,
                       struct arena *arena, struct problems *problems)
{
    if (!auth_role_settings_find(&auth->roles, role))
        problems_add(problems, path, 0, 0, "there is no role '%s': there are %s", role,
                     auth_role_settings_words(&auth->roles, arena));
}

static void check_roles(const struct gateway_config *c, struct arena *arena,
                        struct problems *problems)
{
    const struct auth_settings *auth = c->auth;
    for (size_t i = 0; i < c->n_tokens; i++)
        check_role(auth, c->tokens[i]->role, arena_printf(arena, "tokens[%zu].role", i), arena,
                   problems);
    for (size_t i = 0; i < auth->n_certificates; i++)
        check_role(auth, auth->certificates[i]->role,
                   arena_printf(arena, "auth.certificates[%zu].role", i), arena, problems);
    for (size_t i = 0; auth->oidc && i < auth->oidc->n_roles; i++)
        check_role(auth, auth->oidc->roles[i].role,
                   doc_path_key(arena, "auth.oidc.roles", auth->oidc->roles[i].value), arena,
                   problems);
    for (size_t i = 0; i < auth->roles.n_accounts; i++) {
        const char *path = arena_printf(arena, "auth.accounts[%zu]", i);
        check_role(auth, auth->roles.accounts[i]->role, arena_printf(arena, "%s.role", path),
                   arena, problems);
        for (size_t j = 0; j < i; j++)
            if (auth->roles.accounts[j]->uid == auth->roles.accounts[i]->uid)
                problems_add(problems, path, 0, 0, "the account %s has a role already",
                             auth->roles.accounts[i]->account);
    }
}

static void check_inference(const struct gateway_config *c, struct arena *arena,
                            struct problems *problems)
{
    if (c->n_inference > INFERENCE_ROUTES_MAX)
        problems_add(problems, "inference", 0, 0, "there are %zu routes, at most %d are possible",
                     c->n_inference, INFERENCE_ROUTES_MAX);
    for (size_t i = 0; i < c->n_inference; i++) {
        struct egress_target target;
        const char *path, *url = c->inference[i]->base_url;
        bool secure;
        const char *why = url && *url ? inference_url_read(url, &target, &secure, &path) : NULL;
        if (why)
            problems_add(problems, arena_printf(arena, "inference[%zu].base_url", i), 0, 0,
                         "'%s' is no URL of a server: %s", url, why);
    }
}

static void check_exports(const struct gateway_config *c, struct arena *arena,
                          struct problems *problems)
{
    if (c->n_exports > EXPORT_EXPORTERS_MAX)
        problems_add(problems, "export", 0, 0, "there are %zu exporters, at most %d are possible",
                     c->n_exports, EXPORT_EXPORTERS_MAX);
    for (size_t i = 0; i < c->n_exports; i++) {
        const char *path = arena_printf(arena, "export[%zu]", i);
        const char *why = export_settings_files(c->exports[i], arena);
        if (why)
            problems_add(problems, path, 0, 0, "%s", why);
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->exports[j]->name, c->exports[i]->name) == 0)
                problems_add(problems, path, 0, 0, "there is an exporter %s already",
                             c->exports[i]->name);
    }
}

/* Checks that the schema cannot express. */
static void check(const struct gateway_config *c, const struct gateway_flags *flags,
                  struct arena *arena, struct problems *problems)
{
    if (!*c->state_dir)
        problems_add(problems, "state_dir", 0, 0,
                     "neither XDG_STATE_HOME nor HOME nor the account names a folder for the "
                     "state: give one with --state-dir");
    check_listen(c, flags->n_listen > 0, arena, problems);
    peers_settings_check(c->peers, problems);
    check_inference(c, arena, problems);
    check_exports(c, arena, problems);
    check_roles(c, arena, problems);
    if (!store_url_valid(c->store))
        problems_add(problems, flags->store ? "--store" : "store", 0, 0,
                     "'%s' is no store: use " STORE_URL_FORMS, store_url_shown(arena, c->store));
    if (*c->egress->extra_ca && access(c->egress->extra_ca, R_OK) != 0)
        problems_add(problems, "egress.extra_ca", 0, 0, "cannot read %s: %s", c->egress->extra_ca,
                     strerror(errno));
}

void gateway_config_locate(const struct gateway_config *config, struct problems *problems)
{
    for (size_t i = 0; config->tree && i < problems->n; i++) {
        struct problems one = {&problems->items[i], 1, false};
        if (one.items->path[0] != '-')
            policy_locate(&one, config->tree);
    }
}

int gateway_config_load(const struct gateway_flags *flags, struct arena *arena,
                        struct gateway_config *out, struct problems *problems, struct error *err)
{
    struct doc_node *tree = NULL;
    *out = (struct gateway_config){0};
    if (flags->config && from_file(flags->config, arena, out, &tree, problems, err) != 0)
        return -1;
    out->tree = tree;
    fill_defaults(flags, arena, out);
    check(out, flags, arena, problems);
    if (problems->n == 0)
        return 0;
    gateway_config_locate(out, problems);
    return error_set(err, ERROR_INVALID, "the configuration has %zu problem%s", problems->n,
                     problems->n == 1 ? "" : "s");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/network.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/ipaddr.h"
#include "egress/dns/server.h"
#include "egress/local/guidance.h"
#include "egress/local/inference.h"
#include "egress/proxy.h"
#include "sandbox/supervisor/certificates.h"
#include "sandbox/supervisor/denials.h"
#include <sluice/transition.h>

enum { GUIDES_MAX = 3 };

struct network {
    uv_loop_t *loop;
    const struct sandbox_spec *spec;
    const struct log *log;
    struct network_calls calls;
    void *ctx;
    struct spec_settings settings;               /* as of now */
    void (*use)(void *ctx, const char *rule);
    void *use_ctx;
    struct forecast_book *forecasts;
    struct certificates certificates;
    struct own_file *files; /* those of the certificates and more */
    struct sluice_sandbox sandbox;                  /* as voters see it */
    struct arena *labels; /* all labels so far: what is under way may still look at old ones */
    struct inspectors *inspectors;                  /* until the proxy is there: */
    size_t n_approvals;                             /* of held requests */
    char *no_inspectors;
    struct egress_names *names; /* those that the resolver has given addresses */
    struct egress_dns *resolver;
    struct egress_proxy *proxy;
};

/* ---- labels ---- */

static int by_key(const void *a, const void *b)
{
    const struct sluice_label *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

/* NULL, or a text that is no map: no labels. */
static void take_labels(struct network *network, const char *json)
{
    struct arena *arena = network->labels;
    struct problems problems = {0};
    struct doc_node *root = NULL;
    size_t n = 0;
    if (!json || doc_parse_own(json, strlen(json), DOC_NODES_MAX, arena, &root, &problems) != 0 ||
        root->kind != DOC_MAP)
        root = NULL;
    const struct sluice_label **list =
        arena_zalloc(arena, ((root ? root->n : 0) + 1) * sizeof *list);
    for (size_t i = 0; root && i < root->n; i++) {
        struct sluice_label *label = arena_zalloc(arena, sizeof *label);
        *label = (struct sluice_label){sizeof *label, root->keys[i]->text, root->items[i]->text};
        list[n++] = label;
    }
    qsort(list, n, sizeof *list, by_key);
    network->sandbox.labels = list;
    network->sandbox.n_labels = n;
    problems_free(&problems);
}

struct network *sandbox_network_new(uv_loop_t *loop, const struct sandbox_spec *spec,
                                    const struct log *log, const struct network_calls *calls,
                                    void *ctx)
{
    struct network *network = alloc_zero(1, sizeof *network);
    *network = (struct network){.loop = loop, .spec = spec, .log = log, .calls = *calls,
                                .ctx = ctx, .settings = spec->settings,
                                .sandbox = {.size = sizeof network->sandbox, .name = spec->name,
                                            .id = spec->id, .running = true}};
    network->labels = arena_new();
    take_labels(network, spec->settings.labels);
    network->forecasts = sandbox_forecasts_new(loop, calls->forecast, ctx);
    return network;
}

/* What tells agents how to propose rules.  Proposals may be turned on later, so the skill is there
 * in any case and says what to do if they are off. */
static size_t add_guides(const struct network *network, struct own_file *out)
{
    const struct own_file guides[GUIDES_MAX] = {
        {.path = LOCAL_SKILL_FILE, .bytes = local_skill, .size = strlen(local_skill)},
        {.path = LOCAL_SKILL_FOLDER_FILE, .bytes = local_skill, .size = strlen(local_skill)},
        {.path = LOCAL_AGENTS_FILE, .bytes = local_agents_hint, .size = strlen(local_agents_hint)},
    };
    bool hint = network->spec->settings.agent_proposals && access(LOCAL_AGENTS_FILE, F_OK) != 0;
    size_t n = hint ? GUIDES_MAX : GUIDES_MAX - 1;
    memcpy(out, guides, n * sizeof *out);
    return n;
}

int sandbox_network_make_files(struct network *network, struct container_files *out,
                               struct error *err)
{
    struct certificates *made = &network->certificates;
    if (sandbox_certificates_make(network->spec->extra_ca, made, err) != 0)
        return -1;
    network->files = alloc_zero(made->n_files + GUIDES_MAX, sizeof *network->files);
    memcpy(network->files, made->files, made->n_files * sizeof *network->files);
    *out = (struct container_files){network->files,
                                    made->n_files +
                                        add_guides(network, network->files + made->n_files)};
    return 0;
}

/* ---- from the proxy ---- */

/* Those that are public, or the others, behind the first n. */
static size_t write_addresses(const struct egress_denial *d, bool public, size_t n,
                              char texts[][IPADDR_TEXT_SIZE], const char **out)
{
    for (size_t i = 0; i < d->n_addresses && n < DENIALS_ADDRESSES_MAX; i++) {
        if ((ipaddr_classify(&d->addresses[i]) == IPADDR_PUBLIC) != public)
            continue;
        out[n] = ipaddr_text(&d->addresses[i], texts[n]);
        n++;
    }
    return n;
}

static void on_denial(void *ctx, const struct egress_denial *d)
{
    struct network *network = ctx;
    char texts[DENIALS_ADDRESSES_MAX][IPADDR_TEXT_SIZE];
    const char *addresses[DENIALS_ADDRESSES_MAX];
    size_t n = write_addresses(d, false, 0, texts, addresses);
    n = write_addresses(d, true, n, texts, addresses);
    struct sandbox_denial denial = {.addresses = addresses,
                                    .n_addresses = n,
                                    .host = d->host,
                                    .port = d->port,
                                    .binary = d->binary,
                                    .ancestors = d->ancestors,
                                    .n_ancestors = d->n_ancestors,
                                    .reason = d->reason,
                                    .stage = d->stage,
                                    .finding = d->finding,
                                    .method = d->method,
                                    .path = d->path,
                                    .operation = d->operation,
                                    .field = d->field,
                                    .rpc_method = d->rpc_method,
                                    .tool = d->tool,
                                    .vote = d->vote,
                                    .links = d->links,
                                    .n_links = d->n_links};
    network->calls.denial(network->ctx, &denial);
    if (d->waiting)
        network->calls.waiting(network->ctx, &denial, d->waiting);
}

static const char *text_or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void on_waiting(void *ctx, const struct egress_waiting *w)
{
    struct network *network = ctx;
    const struct sandbox_denial denial = {.host = w->host,
                                          .port = w->port,
                                          .binary = w->binary,
                                          .method = text_or_null(w->method),
                                          .path = text_or_null(w->path),
                                          .operation = text_or_null(w->operation),
                                          .field = text_or_null(w->field),
                                          .rpc_method = text_or_null(w->rpc_method),
                                          .tool = text_or_null(w->tool),
                                          .vote = text_or_null(w->vote)};
    network->calls.waiting(network->ctx, &denial, w->waiting);
}

static void on_line(void *ctx, const struct egress_line *line)
{
    struct network *network = ctx;
    network->calls.line(network->ctx, line);
}

static void on_audited(void *ctx, const struct egress_passed *audited)
{
    struct network *network = ctx;
    network->calls.audited(network->ctx, audited);
}

static void on_passed(void *ctx, const struct egress_passed *passed)
{
    struct network *network = ctx;
    network->calls.passed(network->ctx, passed);
}

static struct egress_forecast forecast(void *ctx, uint64_t id, const char *operations)
{
    struct network *network = ctx;
    return sandbox_forecasts_ask(network->forecasts, id, operations);
}

static bool propose(void *ctx, const struct agent_proposal *proposal)
{
    struct network *network = ctx;
    const struct sandbox_message message = {.type = MESSAGE_PROPOSE, .proposal = *proposal};
    return network->calls.ask(network->ctx, &message);
}

static bool look_up(void *ctx, const struct agent_query *query)
{
    struct network *network = ctx;
    const struct sandbox_message message = {.type = MESSAGE_CHUNK_QUERY, .query = *query};
    return network->calls.ask(network->ctx, &message);
}

static void on_use(void *ctx, const char *rule)
{
    struct network *network = ctx;
    network->use(network->use_ctx, rule);
}

static void on_approval_used(void *ctx, const char *chunk, int64_t used, bool ended)
{
    struct network *network = ctx;
    char why[48];
    snprintf(why, sizeof why, "it was used %lld time%s", (long long)used, used == 1 ? "" : "s");
    const struct sandbox_message message = {
        .type = MESSAGE_GRANT,
        .grant = {.chunk = chunk, .used = used, .ended = ended ? why : NULL}};
    network->calls.ask(network->ctx, &message);
}

/* ---- the start ---- */

void sandbox_network_count_uses(struct network *network, void (*use)(void *ctx, const char *rule),
                                void *ctx)
{
    network->use = use;
    network->use_ctx = ctx;
}

static int start_resolver(struct network *network, const struct container_ready *ready,
                          struct error *err)
{
    network->names = egress_names_new();
    struct egress_dns_config config = {
        .udp = ready->fds[NETWORK_DNS_UDP], .tcp = ready->fds[NETWORK_DNS_TCP],
        .own_host = network->spec->name, .names = network->names};
    network->resolver = egress_dns_new(network->loop, &config, err);
    return network->resolver ? 0 : -1;
}

static struct egress_settings settings_of(const struct spec_settings *s)
{
    return (struct egress_settings){.hold_ms = s->hold_ms, .agent_proposals = s->agent_proposals,
                                    .resolve_denied = s->resolve_denied};
}

static int start_proxy(struct network *network, const struct container_ready *ready,
                       struct policy *policy, struct error *err)
{
    const struct sandbox_spec *spec = network->spec;
    struct egress_pin *pins = alloc_zero(spec->n_hosts + 1, sizeof *pins);
    for (size_t i = 0; i < spec->n_hosts; i++)
        pins[i] = (struct egress_pin){spec->hosts[i].name, spec->hosts[i].addresses,
                                      spec->hosts[i].n_addresses};
    struct egress_config config = {.listen_fd = ready->fds[NETWORK_PROXY],
                                   .transparent_fd = ready->fds[NETWORK_TRANSPARENT],
                                   .names = network->names,
                                   .connects_fd = ready->fds[NETWORK_CONNECTS],
                                   .init_pid = ready->init_pid,
                                   .policy = policy,
                                   .sandbox = &network->sandbox,
                                   .pins = pins,
                                   .n_pins = spec->n_hosts,
                                   .settings = settings_of(&network->settings),
                                   .log = network->log,
                                   .inspection = {.authority = network->certificates.authority,
                                                  .trust = network->certificates.trust,
                                                  .when_needed = spec->inspect_when_needed},
                                   .on_denial = on_denial,
                                   .on_waiting = on_waiting,
                                   .on_line = on_line,
                                   .on_audited = on_audited,
                                   .on_passed = on_passed,
                                   .forecast = forecast,
                                   .propose = propose,
                                   .look_up = look_up,
                                   .on_use = on_use,
                                   .on_approval_used = on_approval_used,
                                   .ctx = network};
    network->proxy = egress_new(network->loop, &config, err);
    free(pins);
    if (network->proxy)
        egress_set_inspectors(network->proxy, network->inspectors, network->no_inspectors);
    return network->proxy ? 0 : -1;
}

int sandbox_network_start(struct network *network, const struct container_ready *ready,
                          struct policy *policy, struct error *err)
{
    if (!ready->network)
        return error_set(err, ERROR_INTERNAL, "no sandbox can be made: init sent no sockets");
    if (start_resolver(network, ready, err) != 0)
        return -1;
    return start_proxy(network, ready, policy, err);
}

void sandbox_network_set_policy(struct network *network, struct policy *policy,
                                const struct egress_grant *grants, size_t n)
{
    sandbox_forecasts_forget(network->forecasts);
    if (network->proxy)
        egress_set_granted(network->proxy, policy, grants, n);
}

void sandbox_network_set_settings(struct network *network, const struct spec_settings *settings)
{
    const struct egress_settings made = settings_of(settings);
    network->settings = *settings;
    network->settings.labels = NULL;                /* the message goes */
    take_labels(network, settings->labels);
    if (network->proxy)
        egress_set_settings(network->proxy, &made);
}

void sandbox_network_set_credentials(struct network *network,
                                     const struct secret_credentials *credentials)
{
    if (network->proxy)
        egress_set_credentials(network->proxy, credentials);
}

void sandbox_network_set_inspectors(struct network *network, struct inspectors *set,
                                    const char *why)
{
    free(network->no_inspectors);
    network->no_inspectors = why ? alloc_str(why) : NULL;
    network->inspectors = set;
    if (network->proxy)
        egress_set_inspectors(network->proxy, set, why);
}

void sandbox_network_set_inference(struct network *network, const struct sandbox_inference *items,
                                   size_t n)
{
    struct inference_route *routes = alloc_zero(n + 1, sizeof *routes);
    size_t n_routes = 0;
    for (size_t i = 0; i < n; i++) {
        struct inference_route *route = &routes[n_routes];
        *route = (struct inference_route){.base_url = items[i].base_url, .model = items[i].model,
                                          .key = items[i].key,
                                          .timeout_ms = items[i].timeout_ms};
        n_routes += inference_protocol_parse(items[i].protocol, &route->protocol) == 0;
    }
    if (network->proxy)
        egress_set_inference(network->proxy, routes, n_routes);
    free(routes);
}

void sandbox_network_forecast(struct network *network, const struct sandbox_forecast *answer)
{
    const char *word = sandbox_forecasts_answered(network->forecasts, answer);
    if (network->proxy)
        egress_set_forecast(network->proxy, answer->id, word);
}

void sandbox_network_loaded(struct network *network, uint64_t revision)
{
    if (network->proxy)
        egress_local_loaded(network->proxy, revision);
}

void sandbox_network_reconnected(struct network *network)
{
    if (network->proxy)
        egress_local_reconnected(network->proxy);
}

void sandbox_network_answer(struct network *network, const struct sandbox_message *message)
{
    if (!network->proxy)
        return;
    if (message->type == MESSAGE_PROPOSED)
        egress_local_proposed(network->proxy, &message->proposed);
    else if (message->type == MESSAGE_CHUNK)
        egress_local_chunk(network->proxy, &message->chunk);
    else
        egress_local_changed(network->proxy, message->query.chunk);
}

void sandbox_network_reject(struct network *network, const struct sandbox_rejected *r)
{
    const struct egress_waiting what = {.host = r->host, .port = r->port, .binary = r->binary,
                                        .method = r->method, .path = r->path,
                                        .operation = r->operation, .field = r->field,
                                        .rpc_method = r->rpc_method, .tool = r->tool,
                                        .vote = r->vote};
    if (network->proxy)
        egress_reject(network->proxy, &what);
}

static struct egress_approval approval_of(const struct sandbox_approval *a)
{
    return (struct egress_approval){
        .what = {.host = a->host, .port = a->port, .binary = a->binary, .method = a->method,
                 .path = a->path, .operation = a->operation, .field = a->field,
                 .rpc_method = a->rpc_method, .tool = a->tool, .vote = a->vote},
        .grant = {.chunk = a->chunk, .uses = a->uses, .used = a->used,
                  .for_ms = a->for_ms,
                  .expires_at_ms = a->expires_at_ms, .boot = a->boot, .boot_ms = a->boot_ms},
        .ends = a->uses || a->expires_at_ms};
}

size_t sandbox_network_approvals(const struct network *network)
{
    return network->n_approvals;
}

void sandbox_network_approve(struct network *network, const struct sandbox_approvals *approvals)
{
    struct egress_approval *items = alloc_zero(approvals->n + 1, sizeof *items);
    for (size_t i = 0; i < approvals->n; i++)
        items[i] = approval_of(&approvals->items[i]);
    if (network->proxy)
        egress_set_approvals(network->proxy, items, approvals->n);
    network->n_approvals = approvals->n;
    free(items);
}

/* ---- the end ---- */

void sandbox_network_close(struct network *network)
{
    if (network->proxy)
        egress_close(network->proxy, NULL, NULL);
    if (network->resolver)
        egress_dns_close(network->resolver, NULL, NULL);
}

void sandbox_network_free(struct network *network)
{
    if (!network)
        return;
    egress_names_free(network->names);
    sandbox_forecasts_free(network->forecasts);
    sandbox_certificates_free(&network->certificates);
    free(network->files);
    free(network->no_inspectors);
    arena_free(network->labels);
    free(network);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "chain/seat.h"

static const char words_inline[] = "inline", words_process[] = "process";

/* The chain of a configuration that names no voters. */
#define DEFAULT_VOTER(plugin_name)                                                          \
    {.plugin = plugin_name, .name = "", .level = "mandatory", .on_error = "deny",           \
     .isolation = words_inline, .sha256 = "", .options_json = "", .doc_path = "chain.voters"}
static const struct chain_voter_config default_configs[] = {
    DEFAULT_VOTER("static_fields"),
    DEFAULT_VOTER("policy_safety"),
    DEFAULT_VOTER("live_reload"),
};
static const struct chain_voter_config *const default_voters[] = {
    &default_configs[0], &default_configs[1], &default_configs[2],
};

static bool given(const char *text)
{
    return text && *text;
}

/* Names stand in logs, file names, metrics and JSON. */
static bool is_name(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(text);
    return len >= 1 && len <= 64 && strspn(text, allowed) == len;
}

__attribute__((format(printf, 4, 5)))
static int refuse(struct problems *problems, const struct chain_voter_config *config,
                  const char *member, const char *format, ...)
{
    char text[sizeof((struct error *)0)->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *path = alloc_printf("%s%s", config->doc_path ? config->doc_path : "chain.voters", member);
    problems_add(problems, path, 0, 0, "%s", text);
    free(path);
    return -1;
}

static int check_shape(const struct chain_voter_config *config, struct problems *problems)
{
    if (given(config->plugin) + given(config->script) + (config->n_command > 0) != 1)
        return refuse(problems, config, "", "a voter has either a plugin or a script or a command");
    if (config->n_command && given(config->isolation) &&
        strcmp(config->isolation, words_inline) == 0)
        return refuse(problems, config, ".isolation", "a command always has a process of its own");
    if (config->threads && !config->n_command)
        return refuse(problems, config, ".threads",
                      "only a command may start threads: leave this out");
    if (given(config->plugin) && !is_name(config->plugin))
        return refuse(problems, config, ".plugin",
                      "a plugin is named by 1 to 64 letters, digits, '_' and '-', without folder "
                      "and .so; got %.80s", config->plugin);
    if (given(config->name) && !is_name(config->name))
        return refuse(problems, config, ".name",
                      "a name has 1 to 64 letters, digits, '_' and '-'; got %.80s", config->name);
    return 0;
}

static int check_taken(const struct chain *chain, const struct seat *seat,
                       const struct chain_voter_config *config, struct problems *problems)
{
    for (size_t i = 0; i < chain->n; i++) {
        const struct seat *other = &chain->seats[i];
        if (strcmp(other->voter->name, seat->voter->name) == 0)
            return refuse(problems, config, ".name",
                          "the name %s is taken by %s: give one of them another name",
                          seat->voter->name, other->doc_path);
    }
    return 0;
}

static int open_voter(const struct chain_config *chain, const struct chain_voter_config *config,
                      const struct log *log, struct seat *seat, struct problems *problems)
{
    if (check_shape(config, problems) != 0)
        return -1;
    bool alone = !given(config->isolation) || strcmp(config->isolation, words_inline) != 0;
    bool native = given(config->plugin);
    struct error err;
    struct voter *voter = alone ? voter_process_open(chain, config, log, &err)
                        : native ? voter_native_open(chain, config, log, &err)
                                 : voter_lua_open(chain, config, log, &err);
    voter = voter_checked(voter, &err);
    if (!voter)
        return refuse(problems, config,
                      err.kind == ERROR_INVALID ? ".options"
                      : config->n_command       ? ".command"
                      : native                  ? ".plugin"
                                                : ".script",
                      "%s", err.text);
    *seat = (struct seat){
        .voter = voter,
        .isolation = alone ? words_process : words_inline,
        .alone = alone,
        .doc_path = alloc_str(config->doc_path ? config->doc_path : "chain.voters"),
    };
    return 0;
}

static void close_seat(struct seat *seat)
{
    voter_free(seat->voter);
    free(seat->doc_path);
}

void chain_close(struct chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        close_seat(&chain->seats[i]);
    for (size_t i = 0; chain->signers && chain->signers[i]; i++)
        signature_key_free(chain->signers[i]);
    free(chain->signers);
    free(chain->seats);
    free(chain);
}

static int by_name(const void *a, const void *b)
{
    const struct seat *const *x = a, *const *y = b;
    return strcmp((*x)->voter->name, (*y)->voter->name);
}

static void add_inspect(struct digest *digest, const struct chain_inspect_config *inspect)
{
    char limits[32];
    snprintf(limits, sizeof limits, "%u %d", inspect->body_bytes, inspect->middleware_only);
    for (size_t i = 0; i < inspect->n_hosts; i++)
        digest_add_str(digest, inspect->hosts[i]);
    digest_add_str(digest, limits);
    for (size_t i = 0; i < inspect->n_protocols; i++)
        digest_add_str(digest, inspect->protocols[i]);
}

static void add_seat(struct digest *digest, const struct seat *seat)
{
    const struct voter *voter = seat->voter;
    char limits[64];
    snprintf(limits, sizeof limits, "%u ms %u MB", voter->timeout_ms, voter->memory_mb);
    digest_add_str(digest, voter->name);
    digest_add_str(digest, voter->version);
    digest_add_str(digest, voter->sha256);
    digest_add_str(digest, voter->options);
    digest_add_str(digest, chain_level_word(voter->level));
    digest_add_str(digest, voter->deny_on_error ? "deny" : "abstain");
    digest_add_str(digest, seat->isolation);
    digest_add_str(digest, limits);
    if (voter->threads) {                           /* a chain without any keeps its digest */
        snprintf(limits, sizeof limits, "%u threads", voter->threads);
        digest_add_str(digest, limits);
    }
    add_inspect(digest, &voter->inspect);
}

/* By name, because a vote cannot depend on the order of voters. */
static void make_digest(struct chain *chain)
{
    const struct seat **seats = alloc_zero(chain->n + 1, sizeof *seats);
    for (size_t i = 0; i < chain->n; i++)
        seats[i] = &chain->seats[i];
    qsort(seats, chain->n, sizeof *seats, by_name);
    struct digest *digest = digest_new();
    for (size_t i = 0; i < chain->n; i++)
        add_seat(digest, seats[i]);
    for (size_t i = 0; chain->signers && chain->signers[i]; i++)
        digest_add_str(digest, signature_key_id(chain->signers[i]));
    if (chain->signers_name_sandbox)
        digest_add_str(digest, "name_sandbox");
    digest_hex(digest, chain->digest);
    free(seats);
}

static int open_signers(struct chain *chain, const struct chain_config *config,
                        struct problems *problems)
{
    const struct chain_signed_only *wanted = config->signed_only;
    int rc = 0;
    if (!wanted)
        return 0;
    chain->signers = alloc_zero(wanted->n_keys + 1, sizeof *chain->signers);
    chain->signers_name_sandbox = wanted->name_sandbox;
    for (size_t i = 0, n = 0; i < wanted->n_keys; i++) {
        struct error err;
        char at[64];
        const char *file = wanted->keys[i];
        char *path = *file == '/' || !config->base_dir
                         ? alloc_str(file)
                         : alloc_printf("%s/%s", config->base_dir, file);
        struct signature_key *key = signature_key_read(path, &err);
        snprintf(at, sizeof at, "chain.signed_only.keys[%zu]", i);
        free(path);
        if (key)
            chain->signers[n++] = key;
        else
            problems_add(problems, at, 0, 0, "%s", err.text);
        rc = key ? rc : -1;
    }
    return rc;
}

const struct signature_key *const *chain_signers(const struct chain *chain)
{
    return (const struct signature_key *const *)chain->signers;
}

bool chain_signers_name_sandbox(const struct chain *chain)
{
    return chain->signers_name_sandbox;
}

struct chain *chain_load(const struct chain_config *config, const struct log *log,
                         struct problems *problems)
{
    bool named = config->n_voters > 0;
    const struct chain_voter_config *const *voters = named ? config->voters : default_voters;
    size_t n = named ? config->n_voters : sizeof default_voters / sizeof default_voters[0];
    struct chain *chain = alloc_zero(1, sizeof *chain);
    chain->references = 1;
    chain->seats = alloc_zero(n, sizeof *chain->seats);
    bool failed = open_signers(chain, config, problems) != 0;
    for (size_t i = 0; i < n; i++) {
        struct seat seat;
        if (open_voter(config, voters[i], log, &seat, problems) != 0) {
            failed = true;
        } else if (check_taken(chain, &seat, voters[i], problems) != 0) {
            close_seat(&seat);
            failed = true;
        } else {
            seat.voter->place = i;
            chain->seats[chain->n++] = seat;
        }
    }
    if (failed) {
        chain_close(chain);
        return NULL;
    }
    make_digest(chain);
    return chain;
}

struct chain *chain_ref(struct chain *chain)
{
    atomic_fetch_add(&chain->references, 1);
    return chain;
}

bool chain_leave(struct chain *chain)
{
    return atomic_fetch_sub(&chain->references, 1) == 1;
}

void chain_unref(struct chain *chain)
{
    if (chain && chain_leave(chain))
        chain_close(chain);
}

void chain_watch(struct chain *chain, chain_state_fn *fn, void *ctx)
{
    for (size_t i = 0; i < chain->n; i++) {
        chain->seats[i].voter->watcher = fn;
        chain->seats[i].voter->watcher_ctx = ctx;
    }
}

const char *chain_digest(const struct chain *chain)
{
    return chain->digest;
}

size_t chain_size(const struct chain *chain)
{
    return chain->n;
}

void chain_keep_inspecting(struct chain *chain)
{
    size_t n = 0;
    for (size_t i = 0; i < chain->n; i++) {
        if (chain->seats[i].voter->inspects)
            chain->seats[n++] = chain->seats[i];
        else
            close_seat(&chain->seats[i]);
    }
    chain->n = n;
}

struct voter *chain_voter(struct chain *chain, size_t i)
{
    return chain->seats[i].voter;
}

void chain_observe(struct chain *chain, const struct sluice_outcome *outcome)
{
    for (size_t i = 0; i < chain->n; i++) {
        struct voter *voter = chain->seats[i].voter;
        if (voter->ops->observe)
            voter->ops->observe(voter, outcome);
    }
}

static uint64_t microseconds(const struct stats *stats, double share)
{
    return (stats_quantile_ns(stats, share) + 500) / 1000;
}

void chain_describe(struct chain *chain, size_t i, struct chain_voter_info *out)
{
    struct seat *seat = &chain->seats[i];
    struct voter *voter = seat->voter;
    *out = (struct chain_voter_info){
        .name = voter->name,
        .version = voter->version,
        .kind = voter->ops->kind,
        .level = chain_level_word(voter->level),
        .isolation = seat->isolation,
        .path = voter->path,
        .sha256 = voter->sha256,
        .state = voter_state(voter),
        .reads_files = voter->reads_files,
        .inspects = voter->inspects,
        .summary = voter->summary,
        .votes = atomic_load_explicit(&seat->stats.votes, memory_order_relaxed),
        .denials = atomic_load_explicit(&seat->stats.denials, memory_order_relaxed),
        .errors = atomic_load_explicit(&seat->stats.errors, memory_order_relaxed),
        .p50_us = microseconds(&seat->stats, 0.50),
        .p99_us = microseconds(&seat->stats, 0.99),
        .codes = voter->codes,
        .options = voter->option_table,
        .configured = voter->configured,
    };
}

void chain_cover(struct chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->seats[i].voter->ops->cover)
            chain->seats[i].voter->ops->cover(chain->seats[i].voter);
}

size_t chain_lines(struct chain *chain, size_t i, struct arena *arena, struct chain_line **out)
{
    struct voter *voter = chain->seats[i].voter;
    return voter->ops->lines ? voter->ops->lines(voter, arena, out) : 0;
}

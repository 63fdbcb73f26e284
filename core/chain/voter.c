/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/voter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/printable.h"
#include "base/text.h"
#include "chain/ballot.h"
#include "doc/safe.h"
#include "policy/match/match.h"

/* With threads: Go asks for 64 MB at once. */
enum { TIMEOUT_MS = 500, MEMORY_MB = 32, THREADS_MEMORY_MB = 128 };

static enum chain_level level_of(const char *word)
{
    for (int i = 0; word && i < CHAIN_LEVEL_COUNT; i++)
        if (strcmp(word, chain_level_word((enum chain_level)i)) == 0)
            return (enum chain_level)i;
    return CHAIN_MANDATORY;
}

static const char *const *copy_texts(const char *const *texts, size_t n)
{
    const char **copy = alloc_zero(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = alloc_str(texts[i]);
    return copy;
}

static void free_texts(const char *const *texts)
{
    for (const char *const *text = texts; text && *text; text++)
        free((void *)(uintptr_t)*text);
    free((void *)(uintptr_t)texts);
}

static struct chain_inspect_config copy_inspect(const struct chain_inspect_config *config)
{
    static const struct chain_inspect_config everything = {.body_bytes = CHAIN_BODY_BYTES};
    struct chain_inspect_config out = config ? *config : everything;
    out.hosts = copy_texts(out.hosts, out.n_hosts);
    out.protocols = copy_texts(out.protocols, out.n_protocols);
    return out;
}

struct voter *voter_new(const struct voter_ops *ops, const struct chain_config *chain,
                        const struct chain_voter_config *config)
{
    struct voter *voter = alloc_zero(1, sizeof *voter);
    voter->ops = ops;
    voter->level = level_of(config->level);
    voter->deny_on_error = !config->on_error || strcmp(config->on_error, "abstain") != 0;
    voter->timeout_ms = config->timeout_ms ? config->timeout_ms
                      : chain->vote_timeout_ms ? chain->vote_timeout_ms : TIMEOUT_MS;
    voter->inspect_ms = voter->timeout_ms;
    voter->threads = config->threads;
    voter->memory_mb = config->memory_mb ? config->memory_mb
                     : config->threads ? THREADS_MEMORY_MB : MEMORY_MB;
    voter->configured = alloc_str(config->options_json);
    voter->votes = true;
    voter->inspect = copy_inspect(config->inspect);
    return voter;
}

void voter_free(struct voter *voter)
{
    if (!voter)
        return;
    if (voter->impl)
        voter->ops->close(voter);
    free(voter->name);
    free(voter->version);
    free(voter->summary);
    free(voter->path);
    free(voter->sha256);
    free(voter->options);
    free(voter->configured);
    free_texts(voter->inspect.hosts);
    free_texts(voter->inspect.protocols);
    free(voter);
}

bool voter_looks_at(const struct voter *voter, const char *host, const char *protocol)
{
    const struct chain_inspect_config *only = &voter->inspect;
    bool fits = !only->n_hosts;
    for (size_t i = 0; !fits && i < only->n_hosts; i++)
        fits = policy_host_match(only->hosts[i], host);
    bool spoken = !only->n_protocols;
    for (size_t i = 0; !spoken && i < only->n_protocols; i++)
        spoken = strcmp(only->protocols[i], protocol) == 0;
    return fits && spoken;
}

/* what: a text of a record or of a row of its tables. */
static int check_text(const char *text, const char *what, const char *row, struct error *err)
{
    unsigned c;
    size_t len = text ? strlen(text) : 0;
    if (!len || (text_utf8_valid(text, len) == len &&
                 doc_find_unsafe(text, len, "\t\r\n", &c) == len))
        return 0;
    return error_set(
        err, ERROR_MALFORMED,
        "its %s%s is no UTF-8 text or has invisible characters: save its source as UTF-8", what,
        row);
}

static int check_code(const struct sluice_code *code, struct error *err)
{
    if (!ballot_is_code(code->code)) {
        struct buf shown = {0};
        printable_escape(&shown, code->code, strnlen(code->code, SLUICE_CODE_MAX), "");
        error_set(
            err, ERROR_MALFORMED,
            "it declares the code '%s', which is not made of 1 to %d letters, digits, '_', '.' "
            "and '-'",
            buf_str(&shown), SLUICE_CODE_MAX);
        buf_free(&shown);
        return -1;
    }
    return check_text(code->help, "help for code ", code->code, err);
}

static int check_option(const struct sluice_option *option, struct error *err)
{
    if (check_text(option->name, "name of an option", "", err) != 0 ||
        check_text(option->help, "help for option ", option->name, err) != 0)
        return -1;
    return check_text(option->fallback, "default of option ", option->name, err);
}

static int check_declared(const struct voter *voter, struct error *err)
{
    int rc = check_text(voter->version, "version", "", err);
    if (rc == 0)
        rc = check_text(voter->summary, "summary", "", err);
    for (const struct sluice_code *code = voter->codes; rc == 0 && code && code->code; code++)
        rc = check_code(code, err);
    const struct sluice_option *option = voter->option_table;
    for (; rc == 0 && option && option->name; option++)
        rc = check_option(option, err);
    return rc == 0 ? 0 : error_prefix(err, "%s", voter->path);
}

struct voter *voter_checked(struct voter *voter, struct error *err)
{
    if (!voter || check_declared(voter, err) == 0)
        return voter;
    voter_free(voter);
    return NULL;
}

int voter_check_time(const struct voter *voter, uint64_t took_ns, struct error *err)
{
    uint64_t took_ms = took_ns / 1000000;
    if (took_ms <= voter->timeout_ms)
        return 0;
    return error_set(err, ERROR_TIMEOUT, "it took %llu ms, its limit is %u ms",
                     (unsigned long long)took_ms, voter->timeout_ms);
}

const char *voter_state(const struct voter *voter)
{
    return voter->ops->state ? voter->ops->state(voter) : "ready";
}

void voter_changed(const struct voter *voter, const char *why)
{
    if (voter->watcher)
        voter->watcher(voter->watcher_ctx, voter->name, voter_state(voter), why);
}

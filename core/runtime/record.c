/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "auth/holders.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "sandbox/wire/protocol.h"

enum { LABELS_MAX = 64, ENV_MAX = 128 };

struct making {
    const struct runtime_host *host;
    struct problems *problems;
};

/* ---- limits ---- */

enum { PIDS_MIN = 8, PIDS_MAX = 2048, CPU_MILLIS_MIN = 10, CPU_MILLIS_MAX = 1024 * 1000 };

#define MEMORY_MIN (INT64_C(16) << 20)
#define MEMORY_MAX (INT64_C(1) << 50)

/* Bytes, or -1 for what is no size. */
static int64_t parse_size(const char *text)
{
    static const char units[] = "KMGT";
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 16)
        return -1;
    long long number = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = unit ? (int)(unit - units + 1) * 10 : 0;
    const char *rest = unit ? end + 1 : end;
    if (*rest && strcasecmp(rest, "i") != 0 && strcasecmp(rest, "b") != 0 &&
        strcasecmp(rest, "ib") != 0)
        return -1;
    return number > (MEMORY_MAX >> shift) ? MEMORY_MAX + 1 : number << shift;
}

static void refuse(struct making *m, const char *what, const char *why)
{
    if (why)
        problems_add(m->problems, what, 0, 0, "%s cannot be limited on this host: %s", what, why);
}

static void read_memory(struct making *m, const char *text, int64_t *out)
{
    *out = parse_size(text);
    if (*out < MEMORY_MIN || *out > MEMORY_MAX)
        problems_add(m->problems, "memory", 0, 0,
                     "'%s' is no memory size: write bytes, or a number with K, M, G or T, such as "
                     "512M; at least 16M",
                     text);
    else
        refuse(m, "memory", m->host->no_memory);
}

static void read_cpus(struct making *m, double cpus, int64_t *out)
{
    double millis = cpus * 1000;
    *out = millis >= CPU_MILLIS_MIN && millis <= CPU_MILLIS_MAX ? (int64_t)(millis + 0.5) : 0;
    if (!*out)
        problems_add(m->problems, "cpus", 0, 0,
                     "cpus is a number of processors from 0.01 to 1024, not %g", cpus);
    else
        refuse(m, "cpus", m->host->no_cpus);
}

static void read_pids(struct making *m, int64_t pids, int64_t *out)
{
    *out = pids;
    if (pids < PIDS_MIN || pids > PIDS_MAX)
        problems_add(m->problems, "pids", 0, 0,
                     "pids is a number of processes and threads from %d to %d, not %lld", PIDS_MIN,
                     PIDS_MAX, (long long)pids);
    else
        refuse(m, "pids", m->host->no_pids);
}

static void read_limits(struct making *m, const struct sandbox_wanted *wanted,
                        struct store_sandbox *out)
{
    if (*wanted->memory)
        read_memory(m, wanted->memory, &out->memory_bytes);
    if (wanted->cpus != 0)
        read_cpus(m, wanted->cpus, &out->cpu_millis);
    if (wanted->pids != 0)
        read_pids(m, wanted->pids, &out->pids);
}

/* ---- texts ---- */

static int check_name(const char *name, struct problems *problems)
{
    size_t len = strlen(name);
    bool good = len >= 1 && len <= SANDBOX_NAME_MAX && !strstr(name, "--") && name[0] != '-' &&
                name[len - 1] != '-';
    for (const char *c = name; good && *c; c++)
        good = islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-';
    if (good)
        return 0;
    return problems_add(problems, "name", 0, 0,
                        "'%s' is no sandbox name: use 1 to %d of a-z, 0-9 and '-', not at the ends "
                        "and not twice in a row",
                        name, SANDBOX_NAME_MAX);
}

/* An object of texts with at most max members.  refused: why not this key; NULL: any will do. */
static int check_texts(const char *what, const char *json, size_t max,
                       const char *(*refused)(const char *key), struct arena *arena,
                       struct problems *problems)
{
    json_t *object = json_loads(json, 0, NULL);
    const char *key, *why;
    json_t *value;
    int rc = 0;
    if (!json_is_object(object))
        rc = problems_add(problems, what, 0, 0, "%s must be a map of texts", what);
    else if (json_object_size(object) > max)
        rc = problems_add(problems, what, 0, 0, "%s has %zu entries, at most %zu are allowed", what,
                          json_object_size(object), max);
    json_object_foreach(object, key, value) {
        if (!json_is_string(value) || !*key || strlen(key) > 256 ||
            json_string_length(value) > 8192)
            rc = problems_add(
                problems, doc_path_key(arena, what, key), 0, 0,
                "%s.%.256s must be a text of at most 8192 bytes under a key of at most 256", what,
                key);
        else if ((why = refused ? refused(key) : NULL))
            rc = problems_add(problems, doc_path_key(arena, what, key), 0, 0, "%s.%.80s: %s", what,
                              key, why);
    }
    json_decref(object);
    return rc;
}

void sandbox_labels_check(const char *labels_json, struct arena *arena, struct problems *problems)
{
    check_texts("labels", labels_json, LABELS_MAX, NULL, arena, problems);
}

static unsigned hex_value(char digit)
{
    return (unsigned)strtoul((char[]){digit, '\0'}, NULL, 16);
}

static void read_main(const struct sandbox_exec *main, struct arena *arena,
                      struct store_sandbox *out, struct problems *problems)
{
    struct error err;
    if (sandbox_exec_check(main, &err) != 0) {
        problems_add(problems, "main", 0, 0, "main: %s", err.text);
        return;
    }
    struct sandbox_exec plain = *main;
    plain.id = "";
    char *text = sandbox_exec_encode(&plain);
    out->main_json = arena_str(arena, text);
    free(text);
}

/* Two words of letters, as OpenShell's clients expect.  Of 28 random bits: one that is taken hardly
 * ever comes, and is told. */
static const char *make_up_name(struct arena *arena)
{
    static const char *const first[] = {"amber", "brisk", "calm",  "deft",  "early", "frank",
                                        "green", "keen",  "lucid", "merry", "noble", "quiet",
                                        "rapid", "solid", "tidy",  "vivid"};
    enum { SYLLABLES = 4, FIRST_AT = 2 * SYLLABLES + 1 };
    char id[UUID_SIZE], second[2 * SYLLABLES + 1] = "";
    digest_uuid(id);
    for (size_t i = 0; i < SYLLABLES; i++) {
        second[2 * i] = "bdfgklmnprstvwyz"[hex_value(id[2 * i])];
        second[2 * i + 1] = "aeio"[hex_value(id[2 * i + 1]) % 4];
    }
    return arena_printf(arena, "%s-%s", first[hex_value(id[FIRST_AT])], second);
}

/* All are about what the proxy decides. */
static void check_settings(const struct store_sandbox *record, struct problems *problems)
{
    static const char why[] = "a sandbox with network none has no proxy, so nothing can ";
    if (strcmp(record->network, "none") != 0)
        return;
    if (record->hold_ms)
        problems_add(problems, "hold_ms", 0, 0, "%swait there for a decision: leave hold_ms out",
                     why);
    if (record->agent_proposals)
        problems_add(problems, "agent_proposals", 0, 0,
                     "%sserve its agents there: leave agent_proposals out", why);
    if (record->observe)
        problems_add(problems, "observe", 0, 0,
                     "%sbe observed there: leave observe out", why);
}

void sandbox_record_make(const struct sandbox_wanted *wanted, const struct runtime_host *host,
                         struct arena *arena, struct store_sandbox *out, struct problems *problems)
{
    struct making m = {host, problems};
    char id[UUID_SIZE];
    int64_t now = clock_now_ms();
    *out = (struct store_sandbox){
        .id = arena_str(arena, digest_uuid(id)),
        .name = *wanted->name ? wanted->name : make_up_name(arena),
        .network = wanted->network,
        .labels_json = *wanted->labels_json ? wanted->labels_json : "{}",
        .env_json = *wanted->env_json ? wanted->env_json : "{}",
        .approval_mode = wanted->approval_mode,
        .hold_ms = wanted->hold_ms,
        .agent_proposals = wanted->agent_proposals,
        .observe = wanted->observe,
        .holders_json = AUTH_NO_HOLDERS,
        .image = wanted->image ? wanted->image : "",
        .services_json = "[]",
        .token_hash = "", .main_json = "", .main_error = "",
        .phase = "provisioning",
        .error = "",
        .passed_since_ms = now,
        .created_at_ms = now,
    };
    read_limits(&m, wanted, out);
    if (wanted->main)
        read_main(wanted->main, arena, out, problems);
    check_settings(out, problems);
    check_name(out->name, problems);
    sandbox_labels_check(out->labels_json, arena, problems);
    check_texts("env", out->env_json, ENV_MAX, text_env_name_refused, arena, problems);
}

/* The labels with those of an object of texts in it; null takes one away. */
static const char *merge_labels(const char *labels_json, const char *changes, struct arena *arena)
{
    json_t *labels = json_loads(labels_json, 0, NULL), *more = json_loads(changes, 0, NULL), *value;
    const char *key;
    json_object_foreach(more, key, value) {
        if (json_is_null(value))
            json_object_del(labels, key);
        else
            json_object_set(labels, key, value);
    }
    char *text = json_dumps(json_is_object(more) ? labels : more,
                            JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    const char *merged = arena_str(arena, text);
    free(text);
    json_decref(more);
    json_decref(labels);
    return merged;
}

static void change_share(const struct sandbox_changes *changes, struct arena *arena,
                         struct store_sandbox *record, struct problems *problems)
{
    enum auth_role role;
    const char *with = changes->share_with;
    bool gives = auth_role_find(changes->share_role, &role);
    char *holders = gives ? auth_holders_share(record->holders_json, with, role)
                          : auth_holders_unshare(record->holders_json, with);
    if (holders)
        record->holders_json = arena_str(arena, holders);
    else if (gives)
        problems_add(problems, "with", 0, 0,
                     "it is shared with %d already, which is the most: end one with "
                     "`sluice sandbox unshare`",
                     AUTH_SHARES_MAX);
    else
        problems_add(problems, "with", 0, 0,
                     "it is not shared with '%.128s': `sluice sandbox get` shows with whom it is",
                     with);
    free(holders);
}

static void change_services(const struct sandbox_changes *changes, struct arena *arena,
                            struct store_sandbox *record, struct problems *problems)
{
    struct error err;
    const char *with = changes->expose ? services_with(record->services_json, changes->expose,
                                                       arena, &err) : NULL;
    const char *without =
        changes->unexpose ? services_without(record->services_json, changes->unexpose, arena)
                          : NULL;
    if (changes->expose && !with)
        problems_add(problems, "services", 0, 0, "%s", err.text);
    if (with || without)
        record->services_json = with ? with : without;
}

void sandbox_record_change(const struct sandbox_changes *changes, struct arena *arena,
                           struct store_sandbox *record, struct problems *problems)
{
    if (*changes->approval_mode)
        record->approval_mode = changes->approval_mode;
    if (changes->has_hold)
        record->hold_ms = changes->hold_ms;
    if (changes->has_proposals)
        record->agent_proposals = changes->agent_proposals;
    if (*changes->labels_json) {
        record->labels_json = merge_labels(record->labels_json, changes->labels_json, arena);
        sandbox_labels_check(record->labels_json, arena, problems);
    }
    if (changes->share_with)
        change_share(changes, arena, record, problems);
    change_services(changes, arena, record, problems);
    check_settings(record, problems);
}

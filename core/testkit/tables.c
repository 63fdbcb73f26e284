/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that case files are read by. */
#include "testkit/tables.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chain/chain.h"
#include "chain/transition.h"
#include "testkit/case.h"
#include "testkit/pattern.h"

/* ---- what every case may leave out ---- */

static const char default_sandbox_id[] = "00000000-0000-4000-8000-000000000001";

/* A case that passes today passes tomorrow: it has a time of its own. */
static const int64_t default_now_ms = INT64_C(1767607200000); /* 2026-01-05T10:00:00Z, a Monday */

static int by_key(const void *a, const void *b)
{
    const struct sluice_label *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static void or_default(const char **text, const char *fallback)
{
    if (!*text || !**text)
        *text = fallback;
}

static int decode_sandbox(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_item *item = record;
    void *decoded;
    if (schema_decode_sub(d, &chain_sandbox_schema, value, NULL, &decoded) != 0)
        return -1;
    struct sluice_sandbox *sandbox = decoded;
    or_default(&sandbox->name, "test");
    or_default(&sandbox->id, default_sandbox_id);
    if (!doc_get(value, "running"))
        sandbox->running = true;
    if (sandbox->n_labels)
        qsort((void *)(uintptr_t)sandbox->labels, sandbox->n_labels, sizeof(void *), by_key);
    item->sandbox = sandbox;
    return 0;
}

static int decode_actor(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_item *item = record;
    void *decoded;
    if (schema_decode_sub(d, &chain_actor_schema, value, NULL, &decoded) != 0)
        return -1;
    struct sluice_actor *actor = decoded;
    or_default(&actor->name, "dev");
    or_default(&actor->role, "user");
    or_default(&actor->via, "unix");
    or_default(&actor->identity, "uid");
    or_default(&actor->origin, "unix:uid=1000,pid=1");
    item->actor = actor;
    return 0;
}

static int decode_draft(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_item *item = record;
    void *decoded;
    if (schema_decode_sub(d, &chain_draft_schema, value, NULL, &decoded) != 0)
        return -1;
    struct sluice_draft *draft = decoded;
    or_default(&draft->id, "chunk-1");
    or_default(&draft->source, "agent");
    or_default(&draft->author, "agent");
    if (!doc_get(value, "hits"))
        draft->hits = 1;
    if (!doc_get(value, "confidence"))
        draft->confidence = 1;
    item->draft = draft;
    return 0;
}

static int decode_now(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_item *item = record;
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return schema_problem(d, value, "must be a time such as 2026-01-31T08:05:00Z, not %s",
                              schema_show(d, value));
    item->now_ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}

/* ---- kinds ---- */

static const char *kind_list(struct arena *arena)
{
    const char *list = "";
    for (int k = 0; k < SLUICE_KIND_COUNT; k++)
        list = arena_printf(arena, "%s%s%s", list, k ? ", " : "",
                            chain_kind_word((enum sluice_kind)k));
    return list;
}

static int add_kind(struct schema_decoder *d, const struct doc_node *value, struct case_item *item)
{
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    for (int k = 0; k < SLUICE_KIND_COUNT; k++) {
        if (strcmp(text, chain_kind_word((enum sluice_kind)k)) != 0)
            continue;
        if (item->kinds[k])
            return schema_problem(d, value, "the kind %s is listed twice", text);
        item->kinds[k] = true;
        return 0;
    }
    return schema_problem(d, value, "must be one of %s, not %s", kind_list(schema_arena(d)),
                          schema_show(d, value));
}

static int decode_kind(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_item *item = record;
    if (value->kind != DOC_LIST)
        return add_kind(d, value, item);
    if (!value->n)
        return schema_problem(d, value, "lists no kind: leave it out for replace");
    for (size_t i = 0; i < value->n; i++)
        if (add_kind(d, value->items[i], item) != 0)
            return -1;
    return 0;
}

/* ---- what is expected ---- */

static int check_regex(struct schema_decoder *d, const struct doc_node *value, const char **out)
{
    char why[PATTERN_WHY];
    regex_t regex;
    if (schema_text(d, value, out) != 0)
        return -1;
    if (pattern_compile(&regex, *out, why) != 0)
        return schema_problem(d, value, "%s", why);
    regfree(&regex);
    return 0;
}

static int decode_message(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return check_regex(d, value, &((struct case_ballot *)record)->message);
}

/* code: "" and path: "" expect that there is none. */
static int decode_code(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_ballot *ballot = record;
    ballot->has_code = true;
    return schema_text(d, value, &ballot->code);
}

static int decode_path(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_ballot *ballot = record;
    ballot->has_path = true;
    return schema_text(d, value, &ballot->path);
}

static int decode_load_error(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return check_regex(d, value, &((struct case_expect *)record)->load_error);
}

static const char *const verdicts[] = {
#define X(id, word, meaning) word,
    SLUICE_VERDICTS(X)
#undef X
    NULL,
};
static const char *const outcomes[] = {
#define X(id, word) word,
    CHAIN_OUTCOMES(X)
#undef X
    NULL,
};

static int decode_fact(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return schema_text(d, value, &((struct case_fact *)record)->value);
}

static const struct schema_field no_fields[] = {{.name = NULL}};
static const struct schema fact_schema = {
    .name = "fact", .size = sizeof(struct case_fact), .fields = no_fields,
    .key_offset = offsetof(struct case_fact, key), .decode_short = decode_fact,
};

static int decode_header(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_fact *header = record;
    header->value = NULL;
    return value->kind == DOC_NULL ? 0 : schema_text(d, value, &header->value);
}

static const struct schema header_schema = {
    .name = "header", .size = sizeof(struct case_fact), .fields = no_fields,
    .key_offset = offsetof(struct case_fact, key), .decode_short = decode_header,
};

#define BALLOT(member) .offset = offsetof(struct case_ballot, member)
#define BALLOT_FIELDS                                                                              \
    {.name = "verdict", .kind = SCHEMA_TEXT, BALLOT(verdict), .words = verdicts,                   \
     .help = "What the voter says."},                                                              \
    {.name = "code", .kind = SCHEMA_TEXT, BALLOT(code), .decode = decode_code,                     \
     .help = "Its code; \"\": none."},                                                             \
    {.name = "message", .kind = SCHEMA_TEXT, BALLOT(message), .decode = decode_message,            \
     .help = "A POSIX extended regular expression that its message matches."},                     \
    {.name = "path", .kind = SCHEMA_TEXT, BALLOT(path), .decode = decode_path,                     \
     .help = "The path that it names; \"\": none."},                                               \
    {.name = "facts", .kind = SCHEMA_KEYED, BALLOT(facts), .sub = &fact_schema,                    \
     .count_offset = offsetof(struct case_ballot, n_facts), .help = "Some of its facts."},         \
    {.name = "headers", .kind = SCHEMA_KEYED, BALLOT(headers), .sub = &header_schema,              \
     .count_offset = offsetof(struct case_ballot, n_headers),                                      \
     .help = "Headers of a request that it sets, or removes where null."},                         \
    {.name = "body", .kind = SCHEMA_TEXT, BALLOT(body), .flags = SCHEMA_NULLABLE | SCHEMA_LINES,   \
     .help = "The body that it gives a request."}

static const struct schema_field ballot_fields[] = {BALLOT_FIELDS, {.name = NULL}};

/* votes: {quorum: hold} is short for {quorum: {verdict: hold}}. */
static int decode_verdict(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct case_ballot *ballot = record;
    if (schema_text(d, value, &ballot->verdict) != 0)
        return -1;
    for (const char *const *word = verdicts; *word; word++)
        if (strcmp(*word, ballot->verdict) == 0)
            return 0;
    return schema_problem(d, value, "must be abstain, allow, deny or hold, not %s",
                          schema_show(d, value));
}

static const struct schema ballot_schema = {
    .name = "expected ballot", .size = sizeof(struct case_ballot), .fields = ballot_fields,
    .key_offset = offsetof(struct case_ballot, voter), .decode_short = decode_verdict,
};

/* The tables of a ballot write to the start of an expectation as well. */
_Static_assert(offsetof(struct case_expect, ballot) == 0, "an expectation begins with its ballot");

static const struct schema_field expect_fields[] = {
    BALLOT_FIELDS,
    {.name = "outcome", .kind = SCHEMA_TEXT, .offset = offsetof(struct case_expect, outcome),
     .words = outcomes, .help = "What comes of it, for a chain."},
    {.name = "votes", .kind = SCHEMA_KEYED, .offset = offsetof(struct case_expect, votes),
     .count_offset = offsetof(struct case_expect, n_votes), .sub = &ballot_schema,
     .help = "What some voters of a chain say, by name."},
    {.name = "load_error", .kind = SCHEMA_TEXT, .offset = offsetof(struct case_expect, load_error),
     .decode = decode_load_error,
     .help = "A regular expression for the reason why the plugin is not loaded."},
    {.name = NULL},
};

static const struct schema expect_schema = {
    .name = "expectation", .size = sizeof(struct case_expect), .fields = expect_fields,
};

/* A case that expects nothing could not fail. */
static int check_expect(struct schema_decoder *d, const struct doc_node *value,
                        const struct case_expect *e)
{
    const struct case_ballot *b = &e->ballot;
    bool ballot = *b->verdict || *b->code || *b->message || *b->path || b->n_facts;
    bool chain = *e->outcome || e->n_votes;
    if (!ballot && !chain && !*e->load_error)
        return schema_problem(d, value,
                              "expects nothing: say verdict, outcome, votes or load_error");
    if (ballot && chain)
        return schema_problem(d, value, "a verdict is of one voter, outcome and votes are of a "
                                        "chain: keep one of them");
    if (*e->load_error && (ballot || chain))
        return schema_problem(d, value,
                              "what is not loaded does not vote: load_error stands alone");
    if (ballot && !*b->verdict)
        return schema_problem(d, value, "the field \"verdict\" is missing");
    return 0;
}

static int decode_expect(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    void *decoded;
    if (schema_decode_sub(d, &expect_schema, value, NULL, &decoded) != 0)
        return -1;
    struct case_expect *expect = decoded;
    expect->node = value;
    ((struct case_item *)record)->expect = expect;
    return check_expect(d, value, expect);
}

/* ---- cases and files: policies are read when all names are known ---- */

#define KEEP_NODE(member, type)                                                                    \
    static int keep_##member(struct schema_decoder *d, const struct doc_node *value, void *record) \
    {                                                                                              \
        (void)d;                                                                                   \
        ((struct type *)record)->member##_node = value;                                            \
        return 0;                                                                                  \
    }
KEEP_NODE(baseline, case_item)
KEEP_NODE(current, case_item)
KEEP_NODE(candidate, case_item)
KEEP_NODE(policies, case_file)

static int keep_options(struct schema_decoder *d, const struct doc_node *value,
                        const struct doc_node **out)
{
    const char *json;
    if (value->kind != DOC_MAP)
        return schema_problem(d, value, "must be a map of the voter's options, not %s",
                              schema_show(d, value));
    *out = value;
    return schema_json(d, value, &json);
}

static int keep_case_options(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return keep_options(d, value, &((struct case_item *)record)->options_node);
}

static int keep_file_options(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    return keep_options(d, value, &((struct case_file *)record)->options_node);
}

#define AT(member) .offset = offsetof(struct policy_credential_place, member)
static const struct schema_field place_fields[] = {
    {.name = "provider", .kind = SCHEMA_TEXT, AT(provider), .flags = SCHEMA_REQUIRED,
     .help = "The provider that is attached."},
    {.name = "host", .kind = SCHEMA_TEXT, AT(host), .flags = SCHEMA_REQUIRED,
     .help = "Where its credential may go: a host pattern."},
    {.name = "port", .kind = SCHEMA_U16, AT(port), .flags = SCHEMA_REQUIRED},
    {.name = NULL},
};
#undef AT

static const struct schema place_schema = {
    .name = "place", .size = sizeof(struct policy_credential_place), .fields = place_fields};

#define CASE(member) .offset = offsetof(struct case_item, member)
static const struct schema_field case_fields[] = {
    {.name = "name",
     .kind = SCHEMA_TEXT,
     CASE(name),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .max = 200,
     .help = "What is tested, in words."},
    {.name = "row",
     .kind = SCHEMA_TEXT,
     CASE(row),
     .max = 200,
     .help = "The row of a table, in words."},
    {.name = "kind",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_kind,
     .help = "How the policy is to change, or several ways; replace by default."},
    {.name = "baseline",
     .kind = SCHEMA_CUSTOM,
     .decode = keep_baseline,
     .help = "The policy of the sandbox's creation; current by default."},
    {.name = "current",
     .kind = SCHEMA_CUSTOM,
     .decode = keep_current,
     .help = "The policy now; an empty one by default."},
    {.name = "candidate",
     .kind = SCHEMA_CUSTOM,
     .decode = keep_candidate,
     .help = "The policy to be."},
    {.name = "request",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_request,
     .sub = &case_request_schema,
     .help = "A request, in place of a candidate."},
    {.name = "sandbox",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_sandbox,
     .sub = &chain_sandbox_schema,
     .help = "Whose policy it is."},
    {.name = "credentials",
     .kind = SCHEMA_STRUCTS,
     CASE(credentials.items),
     .sub = &place_schema,
     .count_offset = offsetof(struct case_item, credentials.n),
     .flags = SCHEMA_INLINE,
     .help = "Where those of its providers may go."},
    {.name = "actor",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_actor,
     .sub = &chain_actor_schema,
     .help = "Who asks."},
    {.name = "draft",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_draft,
     .sub = &chain_draft_schema,
     .help = "What is approved; for the kind approve."},
    {.name = "reason", .kind = SCHEMA_TEXT, CASE(reason), .flags = SCHEMA_LINES, .help = "Why."},
    {.name = "dry_run",
     .kind = SCHEMA_BOOL,
     CASE(dry_run),
     .help = "Whether nothing is committed."},
    {.name = "override",
     .kind = SCHEMA_BOOL,
     CASE(override),
     .help = "Whether overridable voters of a chain are overruled."},
    {.name = "now",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_now,
     .help = "The time of the update; 2026-01-05T10:00:00Z by default."},
    {.name = "options",
     .kind = SCHEMA_CUSTOM,
     .decode = keep_case_options,
     .help = "Options for this case, laid over those of the file."},
    {.name = "expect",
     .kind = SCHEMA_CUSTOM,
     .decode = decode_expect,
     .sub = &expect_schema,
     .flags = SCHEMA_REQUIRED,
     .help = "What should come of it."},
    {.name = NULL},
};

static void complete(struct arena *arena, struct case_item *item)
{
    bool any = false;
    for (int k = 0; k < SLUICE_KIND_COUNT; k++)
        any = any || item->kinds[k];
    if (!any)
        item->kinds[SLUICE_REPLACE] = true;
    if (!item->now_ms)
        item->now_ms = default_now_ms;
    if (!item->sandbox) {
        struct sluice_sandbox *sandbox = arena_zalloc(arena, sizeof *sandbox);
        *sandbox = (struct sluice_sandbox){.size = sizeof *sandbox, .name = "test",
                                           .id = default_sandbox_id, .running = true};
        item->sandbox = sandbox;
    }
    if (!item->actor) {
        struct sluice_actor *actor = arena_zalloc(arena, sizeof *actor);
        *actor = (struct sluice_actor){sizeof *actor, "dev", "user", "unix", "uid",
                                        "unix:uid=1000,pid=1"};
        item->actor = actor;
    }
}

static int finish_case(struct schema_decoder *d, void *record)
{
    struct case_item *item = record;
    bool kinds = false;
    for (int k = 0; k < SLUICE_KIND_COUNT; k++)
        kinds = kinds || item->kinds[k];
    complete(schema_arena(d), item);
    if (item->request && (item->candidate_node || item->current_node || item->baseline_node))
        return schema_problem(d, NULL, "has a request and a policy: keep one of them");
    if (item->request && kinds)
        return schema_problem(d, NULL, "has a request, which has no kind");
    if (item->draft && !item->kinds[SLUICE_APPROVE])
        return schema_problem(d, NULL, "has a draft, and its kind is not approve");
    if (item->expect && *item->expect->load_error)
        return 0;
    return item->candidate_node || item->request
               ? 0
               : schema_problem(d, NULL, "the field \"candidate\" is missing");
}

static const struct schema case_schema = {
    .name = "case", .size = sizeof(struct case_item), .fields = case_fields, .finish = finish_case,
};

static const struct schema_field file_fields[] = {
    {.name = "plugin", .kind = SCHEMA_TEXT, .offset = offsetof(struct case_file, plugin),
     .excludes = "chain", .help = "The voter: a name, a .so file or a .lua file."},
    {.name = "command", .kind = SCHEMA_TEXTS, .offset = offsetof(struct case_file, command),
     .count_offset = offsetof(struct case_file, n_command), .excludes = "plugin",
     .flags = SCHEMA_NONEMPTY, .help = "The voter: a program and its arguments."},
    {.name = "threads", .kind = SCHEMA_U32, .offset = offsetof(struct case_file, threads),
     .max = CHAIN_THREADS_MAX, .help = "Most threads that a command may start, such as 16 for Go."},
    {.name = "chain", .kind = SCHEMA_TEXT, .offset = offsetof(struct case_file, chain),
     .excludes = "command",
     .help = "A gateway's configuration, whose whole chain is asked."},
    {.name = "options", .kind = SCHEMA_CUSTOM, .decode = keep_file_options,
     .help = "The voter's options."},
    {.name = "policies", .kind = SCHEMA_CUSTOM, .decode = keep_policies,
     .help = "Policies that the cases name."},
    {.name = "cases", .kind = SCHEMA_STRUCTS, .offset = offsetof(struct case_file, cases),
     .count_offset = offsetof(struct case_file, n_cases), .sub = &case_schema,
     .flags = SCHEMA_REQUIRED, .help = "The cases."},
    {.name = NULL},
};

const struct schema case_file_schema = {
    .name = "case file", .size = sizeof(struct case_file), .fields = file_fields,
};

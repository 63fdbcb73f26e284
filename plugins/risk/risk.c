/* SPDX-License-Identifier: Apache-2.0 */
/* Four kinds of risk, and what to do about each: let it pass, have a person decide, or refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"

static const struct sluice_code codes[] = {
#define X(id, option, code, what) {code, what},
    RISKS(X)
#undef X
    {NULL, NULL},
};

static const char *const words[] = {
#define X(id, option, code, what) [RISK_##id] = option,
    RISKS(X)
#undef X
};

static const struct sluice_option options[] = {
    {"link_local_reach", SLUICE_TEXT, "deny", "allow, hold or deny: reach of link-local, loopback "
     "and metadata destinations."},
    {"l7_bypass", SLUICE_TEXT, "hold", "allow, hold or deny: a program that speaks more than HTTP, "
     "where a credential is used."},
    {"credential_reach", SLUICE_TEXT, "hold", "allow, hold or deny: a program gets to where a "
     "credential is used."},
    {"capability_expansion", SLUICE_TEXT, "hold", "allow, hold or deny: further methods where a "
     "credential is used."},
    {"bypass", SLUICE_LIST, "git, ssh, nc", "Names of programs that speak more than HTTP."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

struct judge {
    const struct sluice_host *host;
    enum sluice_verdict verdicts[RISK_COUNT];
    const char *const *bypass;                      /* of the options, which live as long */
    size_t n_bypass;
};

/* Of each kind the first finding, and how many there are. */
struct findings {
    struct finding first[RISK_COUNT];
    size_t n[RISK_COUNT];
};

static void keep(void *ctx, const struct finding *finding)
{
    struct findings *f = ctx;
    if (f->n[finding->risk]++ == 0)
        f->first[finding->risk] = *finding;
}

/* The first kind that is to be answered so, or RISK_COUNT. */
static enum risk first_of(const struct judge *judge, const struct findings *f,
                          enum sluice_verdict verdict)
{
    int risk = 0;
    while (risk < RISK_COUNT && (f->n[risk] == 0 || judge->verdicts[risk] != verdict))
        risk++;
    return (enum risk)risk;
}

static void describe(const struct finding *f, size_t n, char *out, size_t size)
{
    char more[32] = "";
    bool any = !*f->endpoint->host;
    if (n > 1)
        snprintf(more, sizeof more, " (and %zu more)", n - 1);
    snprintf(out, size, "%s: %s%s%s:%u%s%s%s", words[f->risk], f->method, *f->method ? " on " : "",
             any ? "any host" : f->endpoint->host, f->port, *f->binary ? " via " : "", f->binary,
             more);
}

static enum sluice_verdict object(enum sluice_verdict verdict, enum risk risk,
                                  const struct findings *f, struct sluice_ballot *b)
{
    char text[SLUICE_MESSAGE_MAX];
    describe(&f->first[risk], f->n[risk], text, sizeof text);
    return sluice_cast(b, verdict, codes[risk].code, f->first[risk].endpoint->doc_path, "%s", text);
}

/* Somebody other than who asked for it, and no sandbox. */
static bool person_approved(const struct sluice_draft *draft)
{
    for (size_t i = 0; draft && i < draft->n_approvals; i++) {
        const struct sluice_approval *a = draft->approvals[i];
        if (!sluice_draft_asked(draft, a->actor) && strcmp(a->role, "sandbox") != 0)
            return true;
    }
    return false;
}

static void note(const struct findings *f, struct sluice_ballot *b)
{
    char n[24];
    for (int risk = 0; risk < RISK_COUNT; risk++) {
        if (f->n[risk] == 0)
            continue;
        snprintf(n, sizeof n, "%zu", f->n[risk]);
        sluice_fact(b, words[risk], n);
    }
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    const struct judge *judge = self;
    struct findings f = {.n = {0}};
    find_risks(&(struct search){judge->host, judge->bypass, judge->n_bypass, keep, &f}, t);
    note(&f, b);
    enum risk denied = first_of(judge, &f, SLUICE_DENY), held = first_of(judge, &f, SLUICE_HOLD);
    if (denied < RISK_COUNT)
        return object(SLUICE_DENY, denied, &f, b);
    if (held < RISK_COUNT && !person_approved(t->draft))
        return object(SLUICE_HOLD, held, &f, b);
    return sluice_allow(b);
}

static bool read_verdict(const char *text, enum sluice_verdict *out)
{
    static const struct {
        const char *word;
        enum sluice_verdict verdict;
    } answers[] = {{"allow", SLUICE_ALLOW}, {"hold", SLUICE_HOLD}, {"deny", SLUICE_DENY}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        *out = answers[i].verdict;
        if (strcmp(text, answers[i].word) == 0)
            return true;
    }
    return false;
}

static int refuse(const struct sluice_host *host, const char *option, const char *text)
{
    char why[256];
    snprintf(why, sizeof why, "option %s: must be allow, hold or deny, not '%.80s'", option, text);
    host->log(host, why);
    return -1;
}

static int init(const struct sluice_host *host, const struct sluice_options *o, void **self)
{
    struct judge judge = {.host = host};
    if (!SLUICE_HAS(host, cidr_blocked)) {
        host->log(host, "this gateway is too old: it does not say what can never be reached");
        return -1;
    }
    judge.bypass = sluice_option_list(o, "bypass", &judge.n_bypass);
    for (int risk = 0; risk < RISK_COUNT; risk++) {
        const char *text = sluice_option_text(o, words[risk]);
        if (!read_verdict(text, &judge.verdicts[risk]))
            return refuse(host, words[risk], text);
    }
    struct judge *kept = malloc(sizeof *kept);
    if (!kept)
        return -1;
    *kept = judge;
    *self = kept;
    return 0;
}

SLUICE_PLUGIN(.name = "risk", .version = "1.0.0",
              .summary = "Allows, holds or refuses four kinds of risk that a change may bring.",
              .options = options, .codes = codes, .flags = SLUICE_REENTRANT, .init = init,
              .vote = vote, .fini = free);

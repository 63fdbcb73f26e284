/* SPDX-License-Identifier: Apache-2.0 */
/* Four kinds of risk, and what to do about each: let it pass, have a person decide, or refuse. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

/* X(id, option, code): in the order of SLUICE_RISKS. */
#define RISKS(X)                                                                                   \
    X(LINK_LOCAL, "link_local_reach", "LINK_LOCAL_REACH")                                          \
    X(BYPASS, "l7_bypass", "L7_BYPASS")                                                            \
    X(CREDENTIAL, "credential_reach", "CREDENTIAL_REACH")                                          \
    X(CAPABILITY, "capability_expansion", "CAPABILITY_EXPANSION")

static const struct sluice_code codes[] = {
    {"LINK_LOCAL_REACH",
     "A destination near the machine itself: link-local, loopback or cloud metadata."},
    {"L7_BYPASS", "A program that speaks more than HTTP gets to where a credential is used."},
    {"CREDENTIAL_REACH", "A program gets to where a credential is used."},
    {"CAPABILITY_EXPANSION", "A program may use further methods where a credential is used."},
    {NULL, NULL},
};

static const char *const words[] = {
#define X(id, option, code) [SLUICE_RISK_##id] = option,
    RISKS(X)
#undef X
};

static const char *const categories[] = {
#define X(id, word, meaning) [SLUICE_RISK_##id] = word,
    SLUICE_RISKS(X)
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
    {"bypass", SLUICE_LIST, "git, ssh, nc", "Names of programs that speak more than HTTP, beside "
     "git, ssh and nc."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

struct judge {
    const struct sluice_host *host;
    enum sluice_verdict verdicts[SLUICE_RISK_COUNT];
    const char *const *bypass;                      /* of the options, which live as long */
    size_t n_bypass;
};

/* Of each kind the first finding, and how many there are. */
struct findings {
    const struct sluice_finding *first[SLUICE_RISK_COUNT];
    size_t n[SLUICE_RISK_COUNT];
};

/* Judged by the last component, which may be a glob: one that could be such a program counts. */
static bool bypasses(const struct judge *judge, const char *binary)
{
    const char *slash = strrchr(binary, '/'), *name = slash ? slash + 1 : binary;
    for (size_t i = 0; i < judge->n_bypass; i++)
        if (fnmatch(name, judge->bypass[i], 0) == 0)
            return true;
    return false;
}

/* One that is not known here counts as the gravest. */
static enum sluice_risk kind_of(const struct judge *judge, const struct sluice_finding *finding)
{
    int risk = SLUICE_RISK_COUNT - 1;
    while (risk > 0 && strcmp(categories[risk], finding->category) != 0)
        risk--;
    return risk == SLUICE_RISK_CREDENTIAL && bypasses(judge, finding->binary)
               ? SLUICE_RISK_BYPASS
               : (enum sluice_risk)risk;
}

static void collect(const struct judge *judge, const struct sluice_transition *t,
                    struct findings *out)
{
    *out = (struct findings){.n = {0}};
    for (size_t i = 0; i < t->n_findings; i++) {
        enum sluice_risk risk = kind_of(judge, t->findings[i]);
        if (out->n[risk]++ == 0)
            out->first[risk] = t->findings[i];
    }
}

/* The first kind that is to be answered so, or SLUICE_RISK_COUNT. */
static enum sluice_risk first_of(const struct judge *judge, const struct findings *f,
                          enum sluice_verdict verdict)
{
    int risk = 0;
    while (risk < SLUICE_RISK_COUNT && (f->n[risk] == 0 || judge->verdicts[risk] != verdict))
        risk++;
    return (enum sluice_risk)risk;
}

static void describe(enum sluice_risk risk, const struct sluice_finding *f, size_t n, char *out,
                     size_t size)
{
    char more[32] = "";
    bool binary = risk != SLUICE_RISK_LINK_LOCAL, any = strcmp(f->host, "**") == 0;
    if (n > 1)
        snprintf(more, sizeof more, " (and %zu more)", n - 1);
    snprintf(out, size, "%s: %s%s%s:%u%s%s%s", words[risk], f->method, *f->method ? " on " : "",
             any ? "any host" : f->host, f->port, binary ? " via " : "", binary ? f->binary : "",
             more);
}

static enum sluice_verdict object(enum sluice_verdict verdict, enum sluice_risk risk,
                                  const struct findings *f, struct sluice_ballot *b)
{
    char text[SLUICE_MESSAGE_MAX];
    describe(risk, f->first[risk], f->n[risk], text, sizeof text);
    return sluice_cast(b, verdict, codes[risk].code, f->first[risk]->doc_path, "%s", text);
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
    for (int risk = 0; risk < SLUICE_RISK_COUNT; risk++) {
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
    struct findings f;
    if (!SLUICE_HAS(t, n_findings))
        return sluice_deny(b, codes[SLUICE_RISK_LINK_LOCAL].code, "",
                           "this gateway is too old: it does not look for risks");
    collect(judge, t, &f);
    note(&f, b);
    enum sluice_risk denied = first_of(judge, &f, SLUICE_DENY),
                     held = first_of(judge, &f, SLUICE_HOLD);
    if (denied < SLUICE_RISK_COUNT)
        return object(SLUICE_DENY, denied, &f, b);
    if (held < SLUICE_RISK_COUNT && !person_approved(t->draft))
        return object(SLUICE_HOLD, held, &f, b);
    if (t->n_findings && held == SLUICE_RISK_COUNT)
        sluice_fact(b, "findings", "accepted");     /* approval mode auto may go on */
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
    judge.bypass = sluice_option_list(o, "bypass", &judge.n_bypass);
    for (int risk = 0; risk < SLUICE_RISK_COUNT; risk++) {
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

SLUICE_PLUGIN(.name = "risk", .version = "2.0.0",
              .summary = "Allows, holds or refuses four kinds of risk that a change may bring.",
              .options = options, .codes = codes, .flags = SLUICE_REENTRANT, .init = init,
              .vote = vote, .fini = free);

/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that matter need several people.
 *
 * Holds until enough distinct people have approved: the held update waits as a chunk, and each
 * approval of that asks again with the approvals so far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"QUORUM", "Fewer people have approved than changes like this one need."},
    {NULL, NULL},
};

static const struct sluice_option options[] = {
    {"approvals", SLUICE_INTEGER, "2", "Distinct people who must approve, other than who asked."},
    {"roles", SLUICE_LIST, "admin, user", "Roles whose approvals count."},
    {"min_rules", SLUICE_INTEGER, "1", "Changes of fewer rules than this pass."},
    {"hosts", SLUICE_LIST, NULL, "Host patterns: only rules that may reach one of them count. Not "
     "given: every rule."},
    {"label", SLUICE_TEXT, NULL, "A label such as env=prod: only sandboxes that have it. Not "
     "given: every sandbox."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

struct texts {
    const char *const *items;
    size_t n;
};

/* Borrows from the voter's options, which live as long. */
struct quorum {
    const struct sluice_host *host;
    int64_t approvals, min_rules;
    struct texts roles, hosts;
    const char *label;
};

/* ---- which changes ---- */

/* What stands behind the last wildcard, without the dot of the DNS root; NULL: there is no
 * wildcard. */
static const char *tail_of(const char *pattern, size_t *len)
{
    const char *star = strrchr(pattern, '*');
    if (!star)
        return NULL;
    *len = strlen(star + 1);
    *len -= *len && star[*len] == '.';
    return star + 1;
}

/* Two patterns that both have wildcards: what they end in tells whether a name could match both,
 * and in doubt it could. */
static bool may_overlap(const char *a, const char *b)
{
    size_t na, nb;
    const char *x = tail_of(a, &na), *y = tail_of(b, &nb);
    if (!x || !y)
        return false;
    size_t n = na < nb ? na : nb;
    return strncasecmp(x + na - n, y + nb - n, n) == 0;
}

static bool may_meet(const struct quorum *q, const char *pattern, const char *host)
{
    if (q->host->host_match(q->host, pattern, host))
        return true;
    return strpbrk(host, "*:")
        && (q->host->host_match(q->host, host, pattern) || may_overlap(pattern, host));
}

static bool reaches(const struct quorum *q, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < q->hosts.n; i++)
        if (!*e->host || may_meet(q, q->hosts.items[i], e->host))
            return true;
    return false;
}

static bool counts(const struct quorum *q, const struct sluice_rule *rule)
{
    if (q->hosts.n == 0)
        return true;
    for (size_t i = 0; i < rule->n_endpoints; i++)
        if (reaches(q, rule->endpoints[i]))
            return true;
    return false;
}

/* The first of the rules that count is where the ballot points to. */
static void count_rule(const struct quorum *q, const struct sluice_rule *rule, int64_t *n,
                       const char **path)
{
    if (!counts(q, rule))
        return;
    if ((*n)++ == 0)
        *path = rule->doc_path;
}

static int64_t count_rules(const struct quorum *q, const struct sluice_diff *diff,
                           const char **path)
{
    int64_t n = 0;
    for (size_t i = 0; i < diff->n_added; i++)
        count_rule(q, diff->added[i], &n, path);
    for (size_t i = 0; i < diff->n_changed; i++)
        count_rule(q, diff->changed[i]->after, &n, path);
    return n;
}

static bool is_label(const struct sluice_label *label, const char *text)
{
    size_t len = strlen(label->key);
    return strncmp(text, label->key, len) == 0 && text[len] == '='
        && strcmp(text + len + 1, label->value) == 0;
}

static bool concerns(const struct quorum *q, const struct sluice_sandbox *sandbox)
{
    if (!q->label || !sandbox)
        return true;
    for (size_t i = 0; i < sandbox->n_labels; i++)
        if (is_label(sandbox->labels[i], q->label))
            return true;
    return false;
}

/* ---- whose approvals ---- */

static bool has(struct texts texts, const char *text)
{
    for (size_t i = 0; i < texts.n; i++)
        if (strcmp(texts.items[i], text) == 0)
            return true;
    return false;
}

static bool came_before(const struct sluice_draft *draft, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(draft->approvals[j]->actor, draft->approvals[i]->actor) == 0)
            return true;
    return false;
}

static int64_t count_people(const struct quorum *q, const struct sluice_draft *draft)
{
    int64_t n = 0;
    for (size_t i = 0; draft && i < draft->n_approvals; i++) {
        const struct sluice_approval *a = draft->approvals[i];
        bool other = !sluice_draft_asked(draft, a->actor) && !came_before(draft, i);
        n += other && has(q->roles, a->role);
    }
    return n;
}

/* ---- the voter ---- */

/* snprintf would take longer than all the rest of a vote. */
static char *put_number(char *out, int64_t n)
{
    char digits[20];
    size_t len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len > 0)
        *out++ = digits[--len];
    return out;
}

static enum sluice_verdict judge(const struct quorum *q, const struct sluice_transition *t,
                                 const char *path, struct sluice_ballot *b)
{
    char have[64];
    int64_t people = count_people(q, t->draft);
    *put_number(stpcpy(put_number(have, people), " of "), q->approvals) = '\0';
    sluice_fact(b, "approvals", have);
    if (people >= q->approvals)
        return sluice_allow(b);
    return sluice_hold(b, "QUORUM", path, "%s approvals: people other than who asked must approve "
                       "this change", have);
}

static bool may_open_more(const struct sluice_diff *diff)
{
    return diff->relation != SLUICE_SAME && diff->relation != SLUICE_TIGHTENS;
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    const struct quorum *q = self;
    const char *path = "network_policies";
    if (!concerns(q, t->sandbox) || !may_open_more(t->diff))
        return sluice_allow(b);
    int64_t rules = count_rules(q, t->diff, &path);
    if (rules == 0 || rules < q->min_rules)
        return sluice_allow(b);
    return judge(q, t, path, b);
}

static int refuse(const struct sluice_host *host, const char *why)
{
    host->log(host, why);
    return -1;
}

static int init(const struct sluice_host *host, const struct sluice_options *o, void **self)
{
    struct quorum q = {
        .host = host,
        .approvals = sluice_option_integer(o, "approvals"),
        .min_rules = sluice_option_integer(o, "min_rules"),
        .label = sluice_option_text(o, "label"),
    };
    q.roles.items = sluice_option_list(o, "roles", &q.roles.n);
    q.hosts.items = sluice_option_list(o, "hosts", &q.hosts.n);
    if (q.approvals < 1)
        return refuse(host, "option approvals: must be 1 or more");
    if (q.label && !strchr(q.label, '='))
        return refuse(host, "option label: must be a label and its value, such as env=prod");
    struct quorum *kept = malloc(sizeof *kept);
    if (!kept)
        return refuse(host, "out of memory");
    *kept = q;
    *self = kept;
    return 0;
}

SLUICE_PLUGIN(.name = "quorum", .version = "1.0.0",
              .summary = "Holds changes that matter until enough distinct people have approved.",
              .options = options, .codes = codes, .flags = SLUICE_REENTRANT, .init = init,
              .vote = vote, .fini = free);

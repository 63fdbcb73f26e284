/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of policy_merge().  Internal to core/policy/merge/.
 *
 * Everything here lives in the merge's arena or is borrowed from the base policy and the
 * operations.  Records are never changed: what changes is a copy, which takes the place of the old
 * one in a new array. */
#ifndef POLICY_MERGE_PARTS_H
#define POLICY_MERGE_PARTS_H

#include "policy/policy.h"

struct policy_grants;
struct policy_operation;

struct merge {
    struct arena *arena;
    struct problems *problems, *warnings;
    const struct sluice_rule **rules;               /* in key order */
    size_t n_rules;
    size_t at;                                      /* the operation that is being applied */
    const struct policy_operation *op;
    const struct policy_grants *granted;            /* as of the operations */
};

/* Why two rules or endpoints cannot become one. */
struct merge_conflict {
    enum {
        MERGE_FITS,
        MERGE_FIELD,                                /* both say something, and not the same */
        MERGE_SCOPE,                                /* it would give what is not named */
        MERGE_CONTRACT,                             /* one host and port, inspected in two ways */
    } kind;
    const char *why;
};

int merge_fail(struct merge *m, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));          /* always -1 */
void merge_warn(struct merge *m, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fills the conflict and returns NULL. */
void *merge_refuse(struct merge *m, struct merge_conflict *conflict, int kind,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Rules. */
size_t merge_find(const struct merge *m, const char *key);          /* n_rules: not there */
void merge_put(struct merge *m, const struct sluice_rule *rule);    /* in place of its key's */
void merge_drop(struct merge *m, size_t i);
bool merge_is_provider(const struct sluice_rule *rule);
/* "; did you mean …" or a list of what there is. */
const char *merge_hint(struct merge *m, const char *wanted, const char *what,
                       const char *const *known);
const char *merge_rule_hint(struct merge *m, const char *wanted);
/* Of all rules, or of one when rule_name is not "". */
const char *merge_site_hint(struct merge *m, const char *wanted, const char *rule_name);

/* The operations.  -1 after merge_fail(). */
int merge_add_rule(struct merge *m);
int merge_add_requests(struct merge *m);            /* add_allow_rules, add_deny_rules */
int merge_remove_rule(struct merge *m);
int merge_remove_endpoint(struct merge *m);
int merge_remove_binary(struct merge *m);

/* Endpoints. */
bool merge_same_host(const char *a, const char *b);                 /* patterns are text here */
bool merge_has_port(const struct sluice_endpoint *e, uint16_t port);
/* A copy with other ports, sorted and each once; ports are copied. */
struct sluice_endpoint *merge_with_ports(struct merge *m, const struct sluice_endpoint *e,
                                         const uint16_t *ports, size_t n);
/* Equal but for their ports. */
bool merge_same_content(const struct sluice_endpoint *a, const struct sluice_endpoint *b);
/* into with what from says added; the ports of into.  NULL with a conflict. */
const struct sluice_endpoint *merge_endpoints(struct merge *m, const struct sluice_endpoint *into,
                                              const struct sluice_endpoint *from,
                                              struct merge_conflict *conflict);
/* "host:443" or "host:[80, 443]" */
const char *merge_site(struct merge *m, const struct sluice_endpoint *e);
const char *merge_port_list(struct merge *m, const uint16_t *ports, size_t n);

/* Request rules. */
/* Whether all that are wanted are in the list. */
bool merge_has_requests(const struct sluice_l7_rule *const *list, size_t n,
                        const struct sluice_l7_rule *const *wanted, size_t n_wanted);
/* list and then those of more that are not in it. */
const struct sluice_l7_rule *const *
merge_requests(struct merge *m, const struct sluice_l7_rule *const *list, size_t n,
               const struct sluice_l7_rule *const *more, size_t n_more, size_t *n_out);
/* The explicit rules of an access preset; NULL: this protocol has no such form. */
const struct sluice_l7_rule *const *merge_preset(struct merge *m, const char *protocol,
                                                 const char *access, size_t *n);

/* Inspection contracts. */
/* As text, of an endpoint that is inspected. */
const char *merge_contract(struct merge *m, const struct sluice_endpoint *e);
bool merge_contracts_conflict(const struct sluice_endpoint *a, const struct sluice_endpoint *b);
/* Reports what the operations together brought about and base did not have. */
int merge_check_contracts(struct merge *m, const struct sluice_policy *base);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The voter `signed_only`: a policy comes from a document that one of the configured keys signed,
 * and not before the one in force.  An update without a document, such as an approval or a
 * rollback, has no signature.  A new sandbox without a policy has the restrictive default, which
 * needs none. */
#include <string.h>

#include "base/clock.h"
#include "policy/signature.h"
#include "update/updates.h"

enum { AHEAD_MS = 5 * 60 * 1000 };                  /* what clocks may differ by */

static void deny(struct chain_vote *vote, const char *code, const char *message)
{
    vote->verdict = SLUICE_DENY;
    vote->code = code;
    vote->message = message;
}

static const struct signature_key *find_key(const struct update *u,
                                            const struct policy_signature *signature)
{
    const struct signature_key *const *keys = chain_signers(u->chain);
    for (size_t i = 0; keys[i]; i++)
        if (strcmp(signature_key_id(keys[i]), signature->key) == 0)
            return keys[i];
    return NULL;
}

static bool is_of_document(struct update *u, const struct policy_signature *signature,
                           const struct signature_key *key)
{
    struct problems problems = {0};
    struct policy *document = policy_keep(
        policy_decode(u->request->document, u->request->document_path, &problems), u->arena);
    problems_free(&problems);
    return document && policy_signature_is_of(signature, key, document);
}

/* A signature that names a sandbox is for that one alone. */
static bool is_for_sandbox(struct update *u, const struct policy_signature *signature,
                           struct chain_vote *vote)
{
    const char *wanted = u->request->sandbox;
    if (strcmp(signature->sandbox, wanted) == 0)
        return true;
    if (*signature->sandbox)
        deny(vote, "OTHER_SANDBOX",
             arena_printf(u->arena, "the document was signed for sandbox %s: sign it for %s",
                          signature->sandbox, wanted));
    else if (chain_signers_name_sandbox(u->chain))
        deny(vote, "OTHER_SANDBOX",
             arena_printf(u->arena, "the signature names no sandbox, which chain.signed_only "
                          "wants: sign the document with --sandbox %s", wanted));
    return vote->verdict != SLUICE_DENY;
}

/* No older document takes the place of a newer one, also where the sandbox was deleted and made
 * again. */
static int check_time(struct update *u, const struct policy_signature *signature,
                      struct chain_vote *vote)
{
    int64_t last = 0;
    char mine[CLOCK_TEXT_SIZE], newest[CLOCK_TEXT_SIZE];
    if (store_revision_signed(u->updates->store, u->request->sandbox, &last, u->err) != 0)
        return -1;
    clock_format(signature->at_ms, mine);
    if (signature->at_ms < last)
        deny(vote, "OLD_SIGNATURE",
             arena_printf(u->arena,
                          "the document was signed at %s, and one that was signed at %s has been "
                          "in force already: sign it again", mine, clock_format(last, newest)));
    else if (signature->at_ms > u->result->at_ms + AHEAD_MS)
        deny(vote, "FUTURE_SIGNATURE",
             arena_printf(u->arena,
                          "the document was signed at %s, which is to come: set the clock where it "
                          "is signed, and sign it again", mine));
    return 0;
}

static int judge(struct update *u, struct chain_vote *vote)
{
    const struct update_request *q = u->request;
    struct policy_signature signature;
    if (q->kind == SLUICE_CREATE && !q->document)
        return 0;
    if (!q->document || !q->signature) {
        deny(vote, "NOT_SIGNED",
             q->document ? "the policy is not signed: sign its document with `sluice policy sign "
                           "--key F FILE` and give --signature FILE.sig"
                         : "only a signed document changes a policy here: write the change into "
                           "one, and set it with `sluice policy set --signature FILE.sig`");
        return 0;
    }
    if (policy_signature_parse(q->signature, &signature) != 0) {
        deny(vote, "BAD_SIGNATURE",
             "this is no signature: give the line that `sluice policy sign` writes");
        return 0;
    }
    const struct signature_key *key = find_key(u, &signature);
    if (!key)
        deny(vote, "UNKNOWN_KEY",
             arena_printf(u->arena, "the key %s is none of chain.signed_only: sign the document "
                          "with another one", signature.key));
    else if (!is_of_document(u, &signature, key))
        deny(vote, "BAD_SIGNATURE",
             "the signature is not that of this document: sign it again after each change");
    else if (!is_for_sandbox(u, &signature, vote))
        return 0;
    else if (check_time(u, &signature, vote) != 0)
        return -1;
    else if (vote->verdict == SLUICE_ABSTAIN)
        u->result->signed_at_ms = signature.at_ms;
    return 0;
}

int update_vote_signature(struct update *u)
{
    struct chain_vote vote = {.voter = "signed_only", .version = "1.0.0",
                              .level = chain_level_word(CHAIN_MANDATORY),
                              .verdict = SLUICE_ABSTAIN, .code = "", .message = "", .path = ""};
    uint64_t began = clock_mono_ns();
    if (!chain_signers(u->chain)) {
        if (u->request->signature)
            problems_add(&u->result->warnings, "", 0, 0,
                         "nobody checks the signature: the gateway has no chain.signed_only");
        return 0;
    }
    if (judge(u, &vote) != 0)
        return -1;
    vote.duration_ns = clock_mono_ns() - began;
    update_add_vote(u, vote);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The voter signed_only: what it refuses, and with which words. */
#include "support/updates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "policy/signature.h"

#define DOCUMENT "version: 1\n" FIRST_RULE
#define ANOTHER "version: 1\nnetwork_policies: {}\n"

/* A private key in a file of the bench, and the chain that takes what it signs. */
static struct signature_key *use_key_for(struct bench *b, bool name_sandbox)
{
    static const char *const files[] = {"policy.key"};
    const struct chain_signed_only signed_only = {files, 1, name_sandbox};
    char path[128];
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    snprintf(path, sizeof path, "%s/policy.key", b->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(pkey);
    struct chain_config config = {.plugin_dirs = bench_dirs, .n_plugin_dirs = 1,
                                  .vote_timeout_ms = 20000, .signed_only = &signed_only,
                                  .base_dir = b->folder};
    struct chain *chain = chain_load(&config, &b->log, &b->problems);
    assert_non_null(chain);
    updates_set_chain(b->updates, chain);
    chain_unref(chain);
    struct signature_key *key = signature_key_read(path, &b->err);
    assert_non_null(key);
    return key;
}

static struct signature_key *use_key(struct bench *b)
{
    return use_key_for(b, false);
}

static const char *sign_for(struct bench *b, const struct signature_key *key, const char *yaml,
                            const char *sandbox, int64_t at_ms)
{
    struct buf line = {0};
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, &b->problems);
    assert_non_null(policy);
    assert_int_equal(policy_sign(key, policy, sandbox, at_ms, &line, &b->err), 0);
    policy_unref(policy);
    const char *kept = arena_str(b->arena, buf_str(&line));
    buf_free(&line);
    return kept;
}

static const char *sign(struct bench *b, const struct signature_key *key, const char *yaml,
                        int64_t at_ms)
{
    return sign_for(b, key, yaml, "", at_ms);
}

static void assert_refused(struct bench *b, const char *yaml, const char *signature,
                           const char *code, const char *words)
{
    RUN(b, REPLACE(b, yaml, .signature = signature));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_string_equal(vote_of(&b->result, "signed_only")->code, code);
    assert_contains(vote_of(&b->result, "signed_only")->message, words);
}

static void a_signed_document_is_taken_and_no_older_one(void **state)
{
    struct bench *b = *state;
    int64_t now = clock_now_ms();
    struct signature_key *key = use_key(b);
    RUN(b, REPLACE(b, DOCUMENT, .signature = sign(b, key, DOCUMENT, now)));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(revision_of(b, "s1", 0).signed_at_ms, now);
    assert_refused(b, ANOTHER, sign(b, key, ANOTHER, now - 1), "OLD_SIGNATURE",
                   "has been in force already: sign it again");
    assert_refused(b, ANOTHER, sign(b, key, ANOTHER, now + 3600000), "FUTURE_SIGNATURE",
                   "which is to come");
    RUN(b, REPLACE(b, ANOTHER, .signature = sign(b, key, ANOTHER, now + 1)));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_refused(b, DOCUMENT, sign(b, key, DOCUMENT, now), "OLD_SIGNATURE", "was signed at");
    signature_key_free(key);
}

static void nothing_else_is_taken(void **state)
{
    struct bench *b = *state;
    int64_t now = clock_now_ms();
    struct signature_key *key = use_key(b);
    const char *of_another = sign(b, key, ANOTHER, now), *mine = sign(b, key, DOCUMENT, now);
    char *altered = arena_str(b->arena, mine);
    altered[strlen("sluice1 1")] ^= 1;              /* a digit of the time */
    assert_refused(b, DOCUMENT, NULL, "NOT_SIGNED", "the policy is not signed");
    assert_refused(b, DOCUMENT, "", "BAD_SIGNATURE", "this is no signature");
    assert_refused(b, DOCUMENT, of_another, "BAD_SIGNATURE", "not that of this document");
    assert_refused(b, DOCUMENT, altered, "BAD_SIGNATURE", "not that of this document");
    RUN(b, REPLACE(b, DOCUMENT, .override = true, .reason = "it is right"));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    RUN(b, MERGE(b, OPERATIONS(FIRST_OPERATION), .signature = mine));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_contains(vote_of(&b->result, "signed_only")->message,
                    "only a signed document changes a policy here");
    signature_key_free(use_key(b));                 /* another key from now on */
    assert_refused(b, DOCUMENT, mine, "UNKNOWN_KEY", "is none of chain.signed_only");
    signature_key_free(key);
}

static void a_new_sandbox_without_a_policy_needs_none(void **state)
{
    struct bench *b = *state;
    signature_key_free(use_key(b));
    RUN(b, CREATE(b, "s2", "second", "proxy"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    RUN(b, CREATE(b, "s3", "third", "proxy", .document = document(b, DOCUMENT),
                  .document_path = ""));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
}

static void a_signature_may_be_for_one_sandbox_alone(void **state)
{
    struct bench *b = *state;
    int64_t now = clock_now_ms();
    struct signature_key *key = use_key(b);
    const char *mine = sign_for(b, key, DOCUMENT, "demo", now);
    char *cut = arena_str(b->arena, mine);
    cut[strcspn(cut, "2")] = '1';
    *strstr(cut, " demo") = '\0';
    assert_refused(b, DOCUMENT, sign_for(b, key, DOCUMENT, "other", now), "OTHER_SANDBOX",
                   "the document was signed for sandbox other: sign it for demo");
    assert_refused(b, DOCUMENT, cut, "BAD_SIGNATURE", "not that of this document");
    RUN(b, REPLACE(b, DOCUMENT, .signature = mine));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    signature_key_free(key);
    key = use_key_for(b, true);
    assert_refused(b, ANOTHER, sign(b, key, ANOTHER, now + 1), "OTHER_SANDBOX",
                   "the signature names no sandbox, which chain.signed_only wants");
    RUN(b, REPLACE(b, ANOTHER, .signature = sign_for(b, key, ANOTHER, "demo", now + 1)));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    signature_key_free(key);
}

#define EIGHTY_SIX \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SIGNED(version) version " 1 0123456789abcdef " EIGHTY_SIX "=="
#define TOO_LONG "0123456789012345678901234567890123456789012345678901234567890123"

static void texts_that_are_no_signature(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "sluice1", "sluice2 1 0123456789abcdef AAAA", "sluice1 0 0123456789abcdef AAAA",
        "sluice1 1 0123456789abcde AAAA", "sluice1 1 0123456789abcdef AAAA",
        "sluice1 1 0123456789abcdef AAAA more", "sluice1 x 0123456789abcdef AAAA",
        "sluice1 -5 0123456789abcdef AAAA", SIGNED("sluice1") " demo", SIGNED("sluice2"),
        SIGNED("sluice2") " Demo", SIGNED("sluice2") " demo more", SIGNED("sluice3") " demo",
        SIGNED("sluice2") " " TOO_LONG,
    };
    struct policy_signature out;
    assert_int_equal(policy_signature_parse(SIGNED("sluice1") "\n", &out), 0);
    assert_string_equal(out.sandbox, "");
    assert_int_equal(policy_signature_parse(SIGNED("sluice2") " demo-1", &out), 0);
    assert_string_equal(out.sandbox, "demo-1");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(policy_signature_parse(texts[i], &out), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_signed_document_is_taken_and_no_older_one),
        BENCH_TEST(nothing_else_is_taken),
        BENCH_TEST(a_signature_may_be_for_one_sandbox_alone),
        BENCH_TEST(a_new_sandbox_without_a_policy_needs_none),
        cmocka_unit_test(texts_that_are_no_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about a chunk before it is approved, and what approval mode auto makes of them. */
#include "support/drafts.h"

#include "store/store.h"

#define CURL "/usr/bin/curl"

static const char accepting_script[] =
    "return {name = 'judge', version = '1', summary = 'Accepts every finding.',\n"
    "  vote = function(t, ballot)\n"
    "    for _, found in ipairs(t.findings) do\n"
    "      ballot:fact(found.category, found.host .. ' ' .. found.credential)\n"
    "      ballot:fact('findings', 'accepted')\n"
    "    end\n"
    "    return ballot:allow()\n"
    "  end}\n";

static int attach_github(struct store_tx *tx, void *arg, struct error *err)
{
    static const struct store_provider provider = {
        .id = "p1", .name = "hub", .profile = "github", .created_at_ms = 1};
    static const struct store_attachment attachment = {
        .provider_id = "p1", .sandbox_id = "s1", .handle = "h", .at_ms = 1};
    (void)arg;
    return store_tx_provider_insert(tx, &provider, err) ||
                   store_tx_attachment_add(tx, &attachment, err) < 0
               ? -1
               : 0;
}

static void attach(struct fixture *f)
{
    succeed(f, store_write(f->store, attach_github, NULL, &f->err));
}

static void assert_found(struct fixture *f, const char *id, const char *text)
{
    struct drafts_view v = view(f, id);
    assert_true(v.previewed);
    assert_string_equal(update_findings_text(&v.preview.findings, f->arena), text);
}

static void a_chunk_shows_what_is_found(void **state)
{
    struct fixture *f = *state;
    attach(f);
    denied(f, "www.example.com", 443, CURL, 1);
    assert_found(f, chunk_of(f, "www.example.com", CURL), "prover: no new findings");
    denied(f, "api.github.com", 443, CURL, 1);
    assert_found(f, chunk_of(f, "api.github.com", CURL),
                 "prover: 1 new finding(s)\n"
                 "  credential_reach_expansion: api.github.com:443 via /usr/bin/curl");
    denied(f, "github.com", 443, "/usr/lib/git-core/git-remote-http", 1);
    assert_found(f, chunk_of(f, "github.com", "/usr/lib/git-core/git-remote-http"),
                 "prover: 1 new finding(s)\n  l7_bypass_credentialed: github.com:443 via "
                 "/usr/lib/git-core/git-remote-http");
}

/* What was reviewed without the finding is not what would be approved. */
static void a_provider_that_comes_moves_the_token(void **state)
{
    struct fixture *f = *state;
    denied(f, "api.github.com", 443, CURL, 1);
    const char *id = chunk_of(f, "api.github.com", CURL);
    struct drafts_call call = call_by("bob", id);
    const char *token = view(f, id).review_token;
    attach(f);
    assert_int_equal(drafts_approve(f->drafts, &call, token, f->arena, &f->result, &f->problems,
                                    &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    succeed(f, approve(f, "bob", id));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(f->result.findings.n, 1);
}

/* Of a program that reads there, writing is found, and another path to read is not. */
static void what_the_policy_has_is_found_no_more(void **state)
{
    struct fixture *f = *state;
    attach(f);
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: reads, rule: {endpoints: ["
                     "{host: api.github.com, port: 443, protocol: rest, enforcement: enforce, "
                     "rules: [{allow: {method: GET, path: /a}}]}], "
                     "binaries: [{path: /usr/bin/curl}]}}}]}"));
    denied_request(f, "api.github.com", CURL, "GET", "/b");
    assert_found(f, request_chunk_of(f, "api.github.com", CURL, "GET", "/b"),
                 "prover: no new findings");
    denied_request(f, "api.github.com", CURL, "POST", "/a");
    assert_found(f, request_chunk_of(f, "api.github.com", CURL, "POST", "/a"),
                 "prover: 1 new finding(s)\n"
                 "  capability_expansion: POST on api.github.com:443 via /usr/bin/curl");
}

static void auto_mode_leaves_findings_to_people(void **state)
{
    struct fixture *f = *state;
    attach(f);
    denied(f, "www.example.com", 443, CURL, 1);
    assert_string_equal(status_of(f, chunk_of(f, "www.example.com", CURL)), "approved");
    denied(f, "api.github.com", 443, CURL, 1);
    struct drafts_view v = view(f, chunk_of(f, "api.github.com", CURL));
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.reason,
                        "not approved by itself: it has 1 finding: credential_reach_expansion: "
                        "api.github.com:443 via /usr/bin/curl: a person decides");
}

/* Of a program that uses a credential there already, nothing more is opened by itself. */
static void auto_mode_leaves_what_is_more_of_the_same_to_people(void **state)
{
    struct fixture *f = *state;
    attach(f);
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: reads, rule: {endpoints: ["
                     "{host: api.github.com, port: 443, protocol: rest, enforcement: enforce, "
                     "rules: [{allow: {method: GET, path: /a}}]}], "
                     "binaries: [{path: /usr/bin/curl}, {path: /usr/bin/git}]}}}]}"));
    const struct {
        const char *binary, *method;
    } rows[] = {{CURL, "GET"}, {"/usr/bin/git", "GET"}, {"/usr/bin/git", "POST"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        denied_request(f, "api.github.com", rows[i].binary, rows[i].method, "/b");
        struct drafts_view v = view(f, request_chunk_of(f, "api.github.com", rows[i].binary,
                                                        rows[i].method, "/b"));
        assert_string_equal(v.draft.status, "pending");
        assert_string_equal(v.draft.reason,
                            "not approved by itself: it reaches further at api.github.com, where "
                            "a credential is used: a person decides");
    }
    denied(f, "www.example.com", 443, CURL, 1);
    assert_string_equal(status_of(f, chunk_of(f, "www.example.com", CURL)), "approved");
}

static void auto_mode_goes_on_where_a_voter_accepts_them(void **state)
{
    struct fixture *f = *state;
    attach(f);
    struct chain *chain = load_chain(f, accepting_script);
    updates_set_chain(f->updates, chain);
    chain_unref(chain);
    denied(f, "api.github.com", 443, CURL, 1);
    assert_string_equal(status_of(f, chunk_of(f, "api.github.com", CURL)), "approved");
}

#define MODE(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODE(a_chunk_shows_what_is_found, setup),
        MODE(a_provider_that_comes_moves_the_token, setup),
        MODE(what_the_policy_has_is_found_no_more, setup),
        MODE(auto_mode_leaves_findings_to_people, setup_auto),
        MODE(auto_mode_leaves_what_is_more_of_the_same_to_people, setup_auto),
        MODE(auto_mode_goes_on_where_a_voter_accepts_them, setup_auto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

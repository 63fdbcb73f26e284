/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

static struct chain_vote ask_one(struct arena *arena, struct chain *chain)
{
    struct chain_votes votes = ask_in(arena, chain, &TRANSITION());
    assert_int_equal(votes.n, 1);
    return votes.items[0];
}

/* What a parrot with these options says, in the arena. */
static struct chain_vote parrot_says(struct arena *arena, const char *json)
{
    struct chain *chain = LOAD(NULL, PARROT(NULL, json));
    assert_non_null(chain);
    struct chain_vote vote = ask_one(arena, chain);
    chain_unref(chain);
    return vote;
}

static void the_default_chain(void **state)
{
    (void)state;
    static const char *const names[] = {"static_fields", "policy_safety", "live_reload"};
    struct chain *chain = load_voters(NULL, 0, NULL);
    assert_non_null(chain);
    assert_int_equal(chain_size(chain), 3);
    for (size_t i = 0; i < 3; i++) {
        struct chain_voter_info info;
        chain_describe(chain, i, &info);
        assert_string_equal(info.name, names[i]);
        assert_string_equal(info.version, "1.0.0");
        assert_string_equal(info.kind, "native");
        assert_string_equal(info.level, "mandatory");
        assert_string_equal(info.isolation, "inline");
        assert_string_equal(info.state, "ready");
        assert_int_equal(strlen(info.sha256), 64);
        assert_matches(info.path, "^/.*/plugins/[a-z_]*\\.so$");
    }
    chain_unref(chain);
}

static void every_voter_is_asked(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain *chain = LOAD(NULL, PARROT("first", "{\"say\":\"deny\"}"),
                               PARROT("second", "{\"say\":\"hold\",\"message\":\"ask bob\"}"),
                               PARROT("third", "{\"say\":\"abstain\"}"), PARROT("fourth", ""));
    struct chain_votes votes = ask_in(arena, chain, &TRANSITION());
    chain_unref(chain);                             /* the votes outlive the chain */
    assert_int_equal(votes.n, 4);
    assert_string_equal(votes.items[0].voter, "first");
    assert_string_equal(votes.items[0].version, "2.1.0");
    assert_string_equal(votes.items[0].level, "mandatory");
    assert_int_equal(votes.items[0].verdict, SLUICE_DENY);
    assert_string_equal(votes.items[0].code, "SAID");
    assert_string_equal(votes.items[0].message, "as told");
    assert_string_equal(votes.items[0].path, "network_policies.api");
    assert_true(votes.items[0].duration_ns > 0);
    assert_int_equal(votes.items[1].verdict, SLUICE_HOLD);
    assert_string_equal(votes.items[1].message, "ask bob");
    assert_int_equal(votes.items[2].verdict, SLUICE_ABSTAIN);
    assert_string_equal(votes.items[2].code, "");
    assert_int_equal(votes.items[3].verdict, SLUICE_ALLOW);
    arena_free(arena);
}

static void facts_come_along(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain_vote vote = parrot_says(arena, "{\"facts\":[\"a\",\"b\"]}");
    assert_int_equal(vote.n_facts, 2);
    assert_string_equal(vote.facts[1].key, "fact1");
    assert_string_equal(vote.facts[1].value, "b");
    arena_free(arena);
}

static void what_makes_no_sense_is_a_failure(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"{\"say\":\"nothing\"}", "voter parrot failed: it returned allow without casting it"},
        {"{\"say\":\"other\"}", "voter parrot failed: it returned allow after casting deny"},
        {"{\"say\":\"77\"}", "voter parrot failed: it returned 77, which is no verdict"},
        {"{\"say\":\"undeclared\"}",
         "voter parrot failed: it cast deny with the code UNHEARD_OF, which it does not declare"},
        {"{\"say\":\"deny\",\"message\":\"\"}",
         "voter parrot failed: it cast deny without a message"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chain_vote vote = parrot_says(arena, rows[i].json);
        assert_true(vote.failed);
        assert_int_equal(vote.verdict, SLUICE_DENY);
        assert_string_equal(vote.code, "VOTER_ERROR");
        assert_string_equal(vote.message, rows[i].message);
    }
    arena_free(arena);
}

static void a_gibibyte_is_cut(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain_vote vote = parrot_says(arena, "{\"say\":\"gibibyte\"}");
    assert_false(vote.failed);
    assert_int_equal(strlen(vote.message), SLUICE_MESSAGE_MAX);
    assert_int_equal(strlen(vote.path), SLUICE_PATH_MAX);
    arena_free(arena);
}

static void on_error_abstain(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain *chain = LOAD(NULL, VOTER(.plugin = "parrot", .on_error = "abstain",
                                           .options_json = "{\"say\":\"nothing\"}"));
    struct chain_vote vote = ask_one(arena, chain);
    assert_true(vote.failed);
    assert_int_equal(vote.verdict, SLUICE_ABSTAIN);
    assert_string_equal(vote.code, "VOTER_ERROR");
    struct chain_voter_info info;
    chain_describe(chain, 0, &info);
    assert_int_equal(info.errors, 1);
    assert_int_equal(info.denials, 0);
    chain_unref(chain);
    arena_free(arena);
}

static void too_late_is_a_failure(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain *chain = LOAD(NULL, VOTER(.plugin = "parrot", .timeout_ms = 10,
                                           .options_json = "{\"sleep\":\"30ms\"}"));
    struct chain_vote vote = ask_one(arena, chain);
    assert_true(vote.failed);
    assert_int_equal(vote.verdict, SLUICE_DENY);
    assert_matches(vote.message, "^voter parrot failed: it took [0-9]+ ms, its limit is 10 ms$");
    chain_unref(chain);
    arena_free(arena);
}

static void so_is_it_on_many_threads_at_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain *chain = LOAD(NULL, VOTER(.plugin = "slow", .timeout_ms = 10));
    struct chain_vote vote = ask_one(arena, chain);
    assert_true(vote.failed);
    assert_int_equal(vote.verdict, SLUICE_DENY);
    assert_int_equal(vote.n_facts, 0);
    assert_matches(vote.message, "^voter slow failed: it took [0-9]+ ms, its limit is 10 ms$");
    chain_unref(chain);
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    chain = LOAD(NULL, VOTER(.plugin = "slow", .isolation = "process", .timeout_ms = 10));
    vote = ask_one(arena, chain);
    assert_matches(vote.message, "^voter slow failed: it (took|did not vote within)");
    chain_unref(chain);
    arena_free(arena);
}

static void *ask_in_thread(void *chain)
{
    struct arena *arena = arena_new();
    struct chain_vote vote = ask_one(arena, chain);
    bool failed = vote.failed;
    arena_free(arena);
    return failed ? chain : NULL;
}

static void waiting_for_its_turn_does_not_make_a_voter_late(void **state)
{
    (void)state;
    enum { N = 12 }; /* the last one waits longer than a vote may take */
    pthread_t threads[N];
    struct chain *chain = LOAD(NULL, VOTER(.plugin = "parrot", .timeout_ms = 500,
                                           .options_json = "{\"sleep\":\"50ms\"}"));
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, chain), 0);
    for (int i = 0; i < N; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    chain_unref(chain);
}

static void times_and_counts_are_kept(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct chain *chain = LOAD(NULL, PARROT(NULL, "{\"say\":\"deny\",\"sleep\":\"2ms\"}"));
    for (int i = 0; i < 3; i++)
        ask_one(arena, chain);
    struct chain_voter_info info;
    chain_describe(chain, 0, &info);
    assert_int_equal(info.votes, 3);
    assert_int_equal(info.denials, 3);
    assert_int_equal(info.errors, 0);
    assert_true(info.p50_us >= 2000 && info.p99_us >= info.p50_us);
    chain_unref(chain);
    arena_free(arena);
}

static void *ask_often(void *chain)
{
    for (int i = 0; i < 20; i++) {
        struct arena *arena = arena_new();
        struct chain_vote vote = ask_one(arena, chain);
        if (vote.verdict != SLUICE_ALLOW) {
            arena_free(arena);
            return "a vote met another one";
        }
        arena_free(arena);
    }
    return NULL;
}

/* The parrot is not reentrant and denies when two votes overlap. */
static void one_vote_at_a_time(void **state)
{
    (void)state;
    struct chain *chain = LOAD(NULL, PARROT(NULL, "{\"sleep\":\"1ms\"}"));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, chain), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    chain_unref(chain);
}

static void names_are_unique(void **state)
{
    (void)state;
    struct problems problems = {0};
    assert_null(LOAD(&problems, PARROT("p", ""), VOTER(.plugin = "parrot", .name = "p",
                                                       .doc_path = "chain.voters[1]")));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].path, "chain.voters[1].name");
    assert_string_equal(problems.items[0].message,
                        "the name p is taken by chain.voters[0]: give one of them another name");
    problems_free(&problems);
}

static void every_problem_is_reported(void **state)
{
    (void)state;
    struct problems problems = {0};
    assert_null(LOAD(&problems, VOTER(.plugin = "no_such"), PARROT("p", "{\"x\":1}"),
                     VOTER(.plugin = "wrong_abi", .doc_path = "chain.voters[2]")));
    assert_int_equal(problems.n, 3);
    assert_string_equal(problems.items[2].path, "chain.voters[2].plugin");
    problems_free(&problems);
}

static void digest_of(char out[65], const struct chain_voter_config *a,
                      const struct chain_voter_config *b)
{
    struct chain *chain = LOAD(NULL, a, b);
    assert_non_null(chain);
    snprintf(out, 65, "%s", chain_digest(chain));
    chain_unref(chain);
}

static void the_digest_tells_chains_apart(void **state)
{
    (void)state;
    char one[65], two[65];
    digest_of(one, PARROT("a", ""), PARROT("b", ""));
    assert_int_equal(strlen(one), 64);
    digest_of(two, PARROT("b", ""),
              PARROT("a", "{\"say\":\"allow\"}")); /* order and written defaults do not count */
    assert_string_equal(one, two);
    digest_of(two, PARROT("a", "{\"say\":\"deny\"}"), PARROT("b", ""));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), PARROT("c", ""));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), VOTER(.plugin = "parrot", .name = "b", .level = "advisory"));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), VOTER(.plugin = "parrot", .name = "b", .on_error = "abstain"));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), VOTER(.plugin = "parrot", .name = "b", .isolation = "process"));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), VOTER(.plugin = "parrot", .name = "b", .timeout_ms = 501));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""), VOTER(.plugin = "parrot", .name = "b", .memory_mb = 33));
    assert_string_not_equal(one, two);
    digest_of(two, PARROT("a", ""),
              VOTER(.plugin = "parrot", .name = "b", .timeout_ms = 60000, .memory_mb = 32));
    assert_string_equal(one, two);
}

static void outcomes_are_observed_and_logged(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log = {.fd = ends[1], .level = LOG_INFO, .program = "test"};
    const struct chain_voter_config *voters[] = {PARROT("polly", "{\"loud\":true}")};
    struct chain_config config = {
        .plugin_dirs = test_dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = 1};
    struct problems problems = {0};
    struct chain *chain = chain_load(&config, &log, &problems);
    assert_non_null(chain);
    struct arena *arena = arena_new();
    struct sluice_transition t = TRANSITION(.reason = "two\nlines");
    ask_in(arena, chain, &t);
    chain_observe(chain, &(struct sluice_outcome){sizeof(struct sluice_outcome), &t, "allowed", 7});
    arena_free(arena);
    chain_unref(chain);
    char text[512] = "";
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_matches(
        text, "info  test: voter polly: two\\\\x0alines\n.*info  test: voter polly: allowed\n$");
    close(ends[0]);
    close(ends[1]);
}

static void copy(const char *from, const char *to, bool in_place)
{
    char *command = alloc_printf(in_place ? "cat %s > %s" : "install -m 644 %s %s", from, to);
    assert_int_equal(system(command), 0);
    free(command);
}

/* A new file under an old name, written in place as `cp` does: the running chain keeps its code. */
static void a_replaced_file_changes_nothing_until_the_reload(void **state)
{
    (void)state;
    char dir[] = "/tmp/sluice-reload-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *file = alloc_printf("%s/mode_lock.so", dir);
    copy(SLUICE_BUILD_DIR "/plugins/mode_lock.so", file, false);
    const struct chain_voter_config *voters[] = {VOTER(.plugin = "mode_lock")};
    struct chain_config config = {.plugin_dirs = (const char *const[]){dir}, .n_plugin_dirs = 1,
                                  .voters = voters, .n_voters = 1};
    struct problems problems = {0};
    struct chain *old = chain_load(&config, NULL, &problems);
    assert_non_null(old);

    copy("/dev/null", file, true);
    struct arena *arena = arena_new();
    const struct sluice_policy first = POLICY(RULES(.host = "a.example"));
    struct sluice_transition t = TRANSITION(.candidate = &first);
    assert_int_equal(ask_in(arena, old, &t).items[0].verdict, SLUICE_DENY);

    assert_null(chain_load(&config, NULL, &problems));
    assert_int_equal(problems.n, 1);
    assert_matches(problems.items[0].message, "/mode_lock\\.so is no shared object");
    assert_int_equal(ask_in(arena, old, &t).items[0].verdict, SLUICE_DENY);

    problems_free(&problems);
    arena_free(arena);
    chain_unref(old);
    unlink(file);
    rmdir(dir);
    free(file);
}

struct reloading {
    pthread_mutex_t mutex;
    struct chain *chain;                            /* guarded */
    atomic_bool done;
    atomic_size_t mixed, asked;
};

static struct chain *take_current(struct reloading *r)
{
    pthread_mutex_lock(&r->mutex);
    struct chain *chain = chain_ref(r->chain);
    pthread_mutex_unlock(&r->mutex);
    return chain;
}

static void *ask_while_reloading(void *arg)
{
    struct reloading *r = arg;
    while (!r->done) {
        struct chain *chain = take_current(r);
        struct arena *arena = arena_new();
        struct chain_votes votes = ask_in(arena, chain, &TRANSITION());
        r->mixed += strcmp(votes.items[0].voter + 1, votes.items[1].voter + 1) != 0;
        r->asked++;
        chain_unref(chain);
        arena_free(arena);
    }
    return NULL;
}

static struct chain *load_generation(unsigned generation)
{
    return generation % 2 ? LOAD(NULL, PARROT("a1", ""), PARROT("b1", "{\"say\":\"deny\"}"))
                          : LOAD(NULL, PARROT("a2", "{\"say\":\"hold\"}"), PARROT("b2", ""));
}

/* Under the sanitizers: code and data of a chain stay until its last vote is done. */
static void votes_finish_on_the_chain_they_started_on(void **state)
{
    (void)state;
    struct reloading r = {.mutex = PTHREAD_MUTEX_INITIALIZER, .chain = load_generation(0)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_while_reloading, &r), 0);
    for (unsigned i = 1; i <= 200; i++) {
        struct chain *next = load_generation(i);
        pthread_mutex_lock(&r.mutex);
        struct chain *old = r.chain;
        r.chain = next;
        pthread_mutex_unlock(&r.mutex);
        chain_unref(old);
    }
    r.done = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    chain_unref(r.chain);
    assert_int_equal(r.mixed, 0);
    assert_true(r.asked > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_chain),
        cmocka_unit_test(every_voter_is_asked),
        cmocka_unit_test(facts_come_along),
        cmocka_unit_test(what_makes_no_sense_is_a_failure),
        cmocka_unit_test(a_gibibyte_is_cut),
        cmocka_unit_test(on_error_abstain),
        cmocka_unit_test(too_late_is_a_failure),
        cmocka_unit_test(so_is_it_on_many_threads_at_once),
        cmocka_unit_test(waiting_for_its_turn_does_not_make_a_voter_late),
        cmocka_unit_test(times_and_counts_are_kept),
        cmocka_unit_test(one_vote_at_a_time),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_problem_is_reported),
        cmocka_unit_test(the_digest_tells_chains_apart),
        cmocka_unit_test(outcomes_are_observed_and_logged),
        cmocka_unit_test(a_replaced_file_changes_nothing_until_the_reload),
        cmocka_unit_test(votes_finish_on_the_chain_they_started_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/rig.h"

#include <sys/mman.h>
#include <sys/syscall.h>

/* A rule for one program, asked for by a chain of programs. */
static struct puppet start_chain(struct rig *rig, const char *first, const char *second,
                                 const char *third, int spare)
{
    const char *programs[] = {first, second, third, NULL};
    return rig_puppet_chain(rig, programs, spare);
}

static void start_for(struct rig *rig, const char *program)
{
    char rules[256];
    rig_start(rig, "");
    snprintf(rules, sizeof rules, "origin.test 0 %s/%s", rig->folder, program);
    rig_set(rig, rules);
}

static void the_calling_binary_decides(void **state)
{
    struct rig rig;
    struct end *origin;
    char reason[512];
    (void)state;
    start_for(&rig, "client");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    puppet = rig_puppet(&rig, rig.other);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    snprintf(reason, sizeof reason, "binary '%s' not allowed in policy 'rule1' (ancestors: [])",
             rig.other);
    rig_refused(&rig, end, 403, "policy_denied", NULL, reason);
    assert_int_equal(rig.accepted, 1);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void an_ancestor_may_be_the_one_allowed(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    start_for(&rig, "parent");
    struct puppet puppet = start_chain(&rig, rig.parent, rig.other, rig.client, 0);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void all_ancestors_are_named_in_a_denial(void **state)
{
    struct rig rig;
    char reason[768], denial[1024];
    (void)state;
    start_for(&rig, "nobody");
    struct puppet puppet = start_chain(&rig, rig.parent, rig.other, rig.client, 0);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    snprintf(reason, sizeof reason, "binary '%s' not allowed in policy 'rule1' (ancestors: [%s -> "
             "%s])", rig.client, rig.other, rig.parent);
    rig_refused(&rig, end, 403, "policy_denied", NULL, reason);
    snprintf(denial, sizeof denial, "connect origin.test:%u %s [%s %s] %s\n", rig.origin_port,
             rig.client, rig.other, rig.parent, reason);
    assert_string_equal(rig.denials.data, denial);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_fork_of_the_caller_is_the_caller(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    start_for(&rig, "client");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    assert_true(puppet_do(&puppet, PUPPET_FORK));
    assert_true(puppet_do(&puppet, PUPPET_FORK));
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* Whoever uses it: a program that hands its connection on is a relay. */
static void a_connection_speaks_for_the_program_that_opened_it(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    start_for(&rig, "client");
    struct puppet puppet = start_chain(&rig, rig.client, rig.other, NULL, 1);
    assert_true(puppet_do(&puppet, PUPPET_EXEC));
    assert_true(puppet_do(&puppet, PUPPET_LET_GO)); /* only the other program has it now */
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* An allowed program that gets the connection of another one does not make it its own. */
static void a_connection_that_is_handed_on_stays_its_openers(void **state)
{
    struct rig rig;
    char reason[512];
    (void)state;
    start_for(&rig, "other");
    struct puppet puppet = start_chain(&rig, rig.client, rig.other, NULL, 1);
    assert_true(puppet_do(&puppet, PUPPET_EXEC));
    assert_true(puppet_do(&puppet, PUPPET_LET_GO));
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    snprintf(reason, sizeof reason, "binary '%s' not allowed in policy 'rule1' (ancestors: [])",
             rig.client);
    rig_refused(&rig, end, 403, "policy_denied", NULL, reason);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* The test's own connects are not watched, as those of MSG_FASTOPEN would not be. */
static void a_connection_that_nobody_saw_being_opened_is_refused(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct end *end = rig_end(&rig, puppet_connect(rig.port));
    end_send(end, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, end, 403, "policy_denied", NULL,
                "the calling process could not be identified: "
                "the connection was not opened by a connect that the proxy saw");
    assert_int_equal(rig.accepted, 0);
    assert_int_equal(rig.n_denials, 1);
    rig_stop(&rig);
}

static void a_program_that_was_deleted_keeps_its_path(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    start_for(&rig, "client");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    assert_int_equal(unlink(rig.client), 0);
    rig_puppet_again(&rig, &puppet);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_file_named_like_a_deleted_one_is_another_file(void **state)
{
    struct rig rig;
    char path[256];
    (void)state;
    start_for(&rig, "client");
    puppet_install(rig.folder, "client (deleted)", path, sizeof path);
    struct puppet puppet = rig_puppet(&rig, path);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, end, 403, "policy_denied", NULL, NULL);
    assert_true(end_has(end, "/client (deleted)' not allowed in policy 'rule1'"));
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

static void a_path_that_is_no_text_is_refused(void **state)
{
    struct rig rig;
    char path[256];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    puppet_install(rig.folder, "client\xff", path, sizeof path);
    struct puppet puppet = rig_puppet(&rig, path);
    rig_unidentified(&rig, &puppet, "is not UTF-8");
    unlink(path);
    rig_stop(&rig);
}

/* The name of a file in memory is free text, and would fit the glob. */
static void a_program_in_memory_has_no_path(void **state)
{
    struct rig rig;
    char path[64], bytes[65536];
    (void)state;
    rig_start(&rig, "origin.test 0 /**/client");
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = (int)syscall(SYS_memfd_create, "/usr/bin/client", MFD_CLOEXEC);
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(to, bytes, (size_t)n), n);
    close(from);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), to);
    struct puppet puppet = rig_puppet(&rig, path);
    rig_unidentified(&rig, &puppet,
                     "is a file in memory (memfd_create), which no path of a policy can name");
    close(to);
    rig_stop(&rig);
}

/* The kernel's mark says that this name is gone, and the count of links that the file is not. */
static void a_program_without_its_name_that_has_another_one_is_refused(void **state)
{
    struct rig rig;
    char path[256];
    (void)state;
    start_for(&rig, "client");
    snprintf(path, sizeof path, "%s/second", rig.folder);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    assert_int_equal(link(rig.client, path), 0);
    assert_int_equal(unlink(rig.client), 0);
    rig_puppet_again(&rig, &puppet);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, end, 403, "policy_denied", NULL, NULL);
    assert_true(end_has(end, "/client (deleted)' not allowed in policy 'rule1'"));
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

static void a_path_with_spaces_is_matched_to_the_byte(void **state)
{
    struct rig rig;
    struct end *origin;
    char path[256], yaml[512];
    (void)state;
    rig_start(&rig, "");
    puppet_install(rig.folder, "a b  (deleted)", path, sizeof path);
    snprintf(yaml, sizeof yaml,
             "version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: origin.test, "
             "port: %u}]\n    binaries: [{path: \"%s/a b  (deleted)\"}]\n",
             rig.origin_port, rig.folder);
    struct policy *policy = rig_parse(yaml);
    egress_set_policy(rig.proxy, policy);
    policy_unref(policy);
    struct puppet puppet = rig_puppet(&rig, path);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

static void control_bytes_of_a_path_stay_out_of_the_log(void **state)
{
    struct rig rig;
    char path[256];
    (void)state;
    rig_start(&rig, "");
    puppet_install(rig.folder, "a\nNET:OPEN", path, sizeof path);
    struct puppet puppet = rig_puppet(&rig, path);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, end, 403, "policy_denied", NULL, NULL);
    assert_true(strchr(rig.lines.data, '\n') == rig.lines.data + rig.lines.len - 1);
    assert_true(strstr(rig.lines.data, "a\\x0aNET:OPEN") != NULL);
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

/* A workload chooses how long its paths are; what it makes the gateway keep must not grow with
 * it. */
static void a_very_long_path_makes_no_very_long_line(void **state)
{
    enum { DEPTH = 14, NAME = 240 };
    struct rig rig;
    char path[DEPTH * (NAME + 1) + 128], program[sizeof path + 8];
    size_t len;
    (void)state;
    rig_start(&rig, "");
    len = (size_t)snprintf(path, sizeof path, "%s", rig.folder);
    for (int i = 0; i < DEPTH; i++) {
        path[len++] = '/';
        memset(path + len, 1, NAME);
        len += NAME;
        path[len] = '\0';
        assert_int_equal(mkdir(path, 0755), 0);
    }
    puppet_install(path, "client", program, sizeof program);
    struct puppet puppet = rig_puppet(&rig, program);
    struct end *end = rig_end(&rig, puppet.socket);
    end_send(end, rig_connect(&rig, "origin.test"));
    rig_refused(&rig, end, 403, "policy_denied", NULL, NULL);
    assert_true(rig.lines.len < 6000);
    assert_true(rig.denials.len > DEPTH * NAME);    /* there it makes a rule, and is whole */
    puppet_end(&puppet);
    unlink(program);
    for (int i = 0; i < DEPTH; i++, len -= NAME + 1) {
        path[len] = '\0';
        assert_int_equal(rmdir(path), 0);
    }
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(the_calling_binary_decides),
        cmocka_unit_test(an_ancestor_may_be_the_one_allowed),
        cmocka_unit_test(all_ancestors_are_named_in_a_denial),
        cmocka_unit_test(a_fork_of_the_caller_is_the_caller),
        cmocka_unit_test(a_connection_speaks_for_the_program_that_opened_it),
        cmocka_unit_test(a_connection_that_is_handed_on_stays_its_openers),
        cmocka_unit_test(a_connection_that_nobody_saw_being_opened_is_refused),
        cmocka_unit_test(a_program_that_was_deleted_keeps_its_path),
        cmocka_unit_test(a_file_named_like_a_deleted_one_is_another_file),
        cmocka_unit_test(a_path_that_is_no_text_is_refused),
        cmocka_unit_test(a_program_in_memory_has_no_path),
        cmocka_unit_test(a_program_without_its_name_that_has_another_one_is_refused),
        cmocka_unit_test(a_path_with_spaces_is_matched_to_the_byte),
        cmocka_unit_test(control_bytes_of_a_path_stay_out_of_the_log),
        cmocka_unit_test(a_very_long_path_makes_no_very_long_line),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}

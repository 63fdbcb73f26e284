/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of a policy that are links, name nothing or are scripts. */
#include "support/rig.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "egress/links.h"

/* Allows the path in the rig's folder.  target: makes it a link to that first; NULL: does not. */
static const char *allow_path(struct rig *rig, const char *name, const char *target, char path[160])
{
    char rules[256];
    snprintf(path, 160, "%s/%s", rig->folder, name);
    if (target)
        assert_int_equal(symlink(target, path), 0);
    snprintf(rules, sizeof rules, "origin.test 0 %s", path);
    rig_set(rig, rules);
    return path;
}

static struct end *ask(struct rig *rig, struct puppet *puppet)
{
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, "origin.test"));
    return end;
}

static void expect_hint(struct rig *rig, const char *program, const char *format, ...)
{
    char hint[512];
    va_list args;
    va_start(args, format);
    vsnprintf(hint, sizeof hint, format, args);
    va_end(args);
    struct puppet puppet = rig_puppet(rig, program);
    struct end *end = ask(rig, &puppet);
    UNTIL(rig, end->eof);
    json_t *json = end_answer(end, 403);
    assert_string_equal(json_string_value(json_object_get(json, "hint")), hint);
    assert_non_null(strstr(rig->lines.data, hint));
    json_decref(json);
    puppet_end(&puppet);
}

static void expect_tunnel(struct rig *rig, const char *program)
{
    struct end *origin;
    struct puppet puppet = rig_puppet(rig, program);
    rig_tunnel(rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
}

static void a_link_counts_for_the_program_it_leads_to(void **state)
{
    struct rig rig;
    char path[160], logged[256];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "client", path);
    expect_tunnel(&rig, rig.client);
    snprintf(logged, sizeof logged, "ALLOWED %s(", rig.client);
    assert_non_null(strstr(rig.lines.data, logged));
    snprintf(logged, sizeof logged, " [policy:rule1 engine:l4] [path:%s]\n", path);
    assert_non_null(strstr(rig.lines.data, logged));
    expect_hint(&rig, rig.other, "in the sandbox, '%s' leads to %s, the program that counts", path,
                rig.client);
    unlink(path);
    rig_stop(&rig);
}

static void a_chain_of_links_and_a_link_to_a_folder_count_too(void **state)
{
    struct rig rig;
    char first[160], second[160], folder[160], below[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "second", rig.client, second);
    allow_path(&rig, "first", "./second", first);
    expect_tunnel(&rig, rig.client);
    allow_path(&rig, "folder", ".", folder);
    allow_path(&rig, "folder/client", NULL, below);
    expect_tunnel(&rig, rig.client);
    unlink(first);
    unlink(second);
    unlink(folder);
    rig_stop(&rig);
}

static void an_ancestor_may_be_what_a_link_leads_to(void **state)
{
    struct rig rig;
    struct end *origin;
    char path[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", rig.parent, path);
    const char *programs[] = {rig.parent, rig.other, NULL};
    struct puppet puppet = rig_puppet_chain(&rig, programs, 0);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

static void a_link_is_followed_when_the_request_is_decided(void **state)
{
    struct rig rig;
    char path[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", NULL, path);
    expect_hint(&rig, rig.client, "in the sandbox, '%s' names nothing", path);
    assert_int_equal(symlink("client", path), 0);
    expect_tunnel(&rig, rig.client);
    unlink(path);
    assert_int_equal(symlink("other", path), 0);
    expect_hint(&rig, rig.client, "in the sandbox, '%s' leads to %s, the program that counts", path,
                rig.other);
    expect_tunnel(&rig, rig.other);
    unlink(path);
    rig_stop(&rig);
}

/* Two requests of one connection to the same place. */
static void a_link_that_is_removed_counts_from_the_next_request_on(void **state)
{
    struct rig rig;
    char path[160], request[128];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "client", path);
    snprintf(request, sizeof request, "GET http://origin.test:%u/ HTTP/1.1\r\nHost: h\r\n\r\n",
             rig.origin_port);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&rig, end_has(client, "\r\n\r\nok"));
    buf_clear(&client->in);
    unlink(path);
    end_send(client, request);
    rig_refused(&rig, client, 403, "policy_denied", NULL, NULL);
    assert_int_equal(rig.accepted, 1);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* The rule that names the client has no more to say; another one may, by a link of the client. */
static void a_link_that_is_made_adds_the_rules_of_its_path_to_a_kept_connection(void **state)
{
    struct rig rig;
    char path[160], request[128];
    struct buf yaml = {0};
    (void)state;
    rig_start(&rig, "");
    snprintf(path, sizeof path, "%s/link", rig.folder);
    buf_printf(&yaml, "version: 1\nnetwork_policies:\n"
               "  direct:\n    endpoints: [{host: origin.test, port: %u, protocol: rest, "
               "enforcement: enforce, access: full}]\n    binaries: [{path: \"%s\"}]\n"
               "  linked:\n    endpoints: [{host: origin.test, port: %u, protocol: rest, "
               "enforcement: enforce, access: full, deny_rules: [{method: GET, path: /secret}]}]\n"
               "    binaries: [{path: \"%s\"}]\n",
               rig.origin_port, rig.client, rig.origin_port, path);
    struct policy *policy = rig_parse(yaml.data);
    egress_set_policy(rig.proxy, policy);
    policy_unref(policy);
    buf_free(&yaml);
    snprintf(request, sizeof request,
             "GET http://origin.test:%u/secret HTTP/1.1\r\nHost: h\r\n\r\n", rig.origin_port);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&rig, end_has(client, "\r\n\r\nok"));
    buf_clear(&client->in);
    assert_int_equal(symlink("client", path), 0);
    end_send(client, request);
    rig_refused(&rig, client, 403, "policy_denied", NULL, NULL);
    assert_int_equal(rig.accepted, 1);
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
}

/* A file system of which the kernel knows nothing yet, with a link to a program; its root. */
static int fresh_root(const char *folder)
{
    char lower[192], merged[192], path[256], options[512];
    snprintf(lower, sizeof lower, "%s/lower", folder);
    snprintf(merged, sizeof merged, "%s/merged", folder);
    snprintf(path, sizeof path, "%s/link", lower);
    snprintf(options, sizeof options, "lowerdir=%s:%s", lower, merged);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return -1;
    mkdir(lower, 0755);
    mkdir(merged, 0755);
    if (symlink("client", path) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/client", lower);
    close(open(path, O_CREAT | O_WRONLY, 0755));
    if (mount("overlay", merged, "overlay", MS_RDONLY, options) != 0)
        return -1;
    return open(merged, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int look_up_twice(const char *folder)
{
    static const char text[] =
        "version: 1\nnetwork_policies:\n  r:\n    endpoints: [{host: a.test, "
        "port: 1}]\n    binaries: [{path: /link}]\n";
    const struct policy_request request = {.host = "a.test", .port = 1, .binary = "/client"};
    struct egress_links links = {0};
    struct policy *policy = rig_parse(text);
    int root = fresh_root(folder), rc = root < 0 ? 77 : 0;
    if (rc == 0) {
        egress_links_find(&links, root, policy, &request, true);
        rc |= links.incomplete && links.n == 0 ? 0 : 1;
        egress_links_find(&links, root, policy, &request, false);
        rc |= !links.incomplete && links.n == 1 ? 0 : 2;
    }
    egress_links_free(&links);
    policy_unref(policy);
    return rc;
}

/* A rule that denies by a link must not be passed over as its folder was not looked at for long. */
static void what_cannot_be_looked_up_at_once_is_known_to_be_missing(void **state)
{
    static const char *const made[] = {"lower/link", "lower/client", "lower", "merged"};
    char folder[] = "/tmp/links-XXXXXX", path[64];
    int status;
    (void)state;
    assert_non_null(mkdtemp(folder));
    pid_t child = fork();
    if (child == 0)
        _exit(look_up_twice(folder));
    assert_int_equal(waitpid(child, &status, 0), child);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        remove(path);
    }
    assert_int_equal(rmdir(folder), 0);
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void a_glob_matches_no_program_through_a_link(void **state)
{
    struct rig rig;
    char path[160], link[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "client", link);
    allow_path(&rig, "lin*", NULL, path);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_refused(&rig, ask(&rig, &puppet), 403, "policy_denied", NULL, NULL);
    puppet_end(&puppet);
    unlink(link);
    rig_stop(&rig);
}

static void a_tunnel_by_a_link_lives_on_under_a_policy_that_allows_it(void **state)
{
    struct rig rig;
    struct end *origin;
    char path[160], rules[400];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "client", path);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *end = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    snprintf(rules, sizeof rules, "other.test 1 /x\norigin.test 0 %s", path);
    rig_set(&rig, rules);
    end_send(end, "still here");
    UNTIL(&rig, end_has(origin, "still here"));
    unlink(path);
    rig_set(&rig, "origin.test 0 /x");
    UNTIL(&rig, end->eof && origin->eof);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void the_links_of_proc_lead_nowhere(void **state)
{
    struct rig rig;
    char path[160], target[64];
    (void)state;
    rig_start(&rig, "");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    snprintf(target, sizeof target, "/proc/%d/exe", (int)puppet.pid);
    allow_path(&rig, "link", target, path);
    rig_refused(&rig, ask(&rig, &puppet), 403, "policy_denied", NULL, NULL);
    puppet_end(&puppet);
    expect_hint(&rig, rig.client, "in the sandbox, '%s' names nothing", path);
    unlink(path);
    rig_stop(&rig);
}

static void a_link_without_end_names_nothing(void **state)
{
    struct rig rig;
    char path[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "link", path);
    expect_hint(&rig, rig.client, "in the sandbox, '%s' names nothing", path);
    unlink(path);
    rig_stop(&rig);
}

static void a_script_names_its_interpreter(void **state)
{
    struct rig rig;
    char path[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "script", NULL, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    dprintf(fd, "#! %s -x\n", rig.other);
    close(fd);
    expect_hint(&rig, rig.client,
                "in the sandbox, '%s' is a script: the program that counts is its "
                "interpreter, %s",
                path, rig.other);
    unlink(path);
    rig_stop(&rig);
}

/* ---- without the worker pool ---- */

enum { WORKERS_MAX = 1024 };

static void wait_for_end(uv_work_t *work)
{
    uv_sem_wait(work->data);
}

/* All threads of the pool are taken: what is refused where no rule leads needs none. */
static void where_no_rule_leads_nothing_is_looked_up(void **state)
{
    static uv_work_t works[WORKERS_MAX];
    struct rig rig;
    uv_sem_t end;
    char path[160];
    (void)state;
    rig_start(&rig, "");
    allow_path(&rig, "link", "client", path);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    uv_sem_init(&end, 0);
    for (int i = 0; i < WORKERS_MAX; i++) {
        works[i].data = &end;
        uv_queue_work(&rig.loop, &works[i], wait_for_end, NULL);
    }
    end_send(client, "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n");
    UNTIL(&rig, client->eof);
    json_decref(end_answer(client, 403));
    for (int i = 0; i < WORKERS_MAX; i++)
        uv_sem_post(&end);
    puppet_end(&puppet);
    unlink(path);
    rig_stop(&rig);
    uv_sem_destroy(&end);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_link_counts_for_the_program_it_leads_to),
        cmocka_unit_test(a_chain_of_links_and_a_link_to_a_folder_count_too),
        cmocka_unit_test(an_ancestor_may_be_what_a_link_leads_to),
        cmocka_unit_test(a_link_is_followed_when_the_request_is_decided),
        cmocka_unit_test(a_link_that_is_removed_counts_from_the_next_request_on),
        cmocka_unit_test(a_link_that_is_made_adds_the_rules_of_its_path_to_a_kept_connection),
        cmocka_unit_test(what_cannot_be_looked_up_at_once_is_known_to_be_missing),
        cmocka_unit_test(a_glob_matches_no_program_through_a_link),
        cmocka_unit_test(a_tunnel_by_a_link_lives_on_under_a_policy_that_allows_it),
        cmocka_unit_test(the_links_of_proc_lead_nowhere),
        cmocka_unit_test(a_link_without_end_names_nothing),
        cmocka_unit_test(a_script_names_its_interpreter),
        cmocka_unit_test(where_no_rule_leads_nothing_is_looked_up),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}

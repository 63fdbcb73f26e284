/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting what a workload may have left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sandbox/site/tree.h"

enum { NOBODY = 65534 };

static int setup(void **state)
{
    char folder[] = "/tmp/sluice-tree-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0777), 0);
    *state = alloc_str(folder);
    return 0;
}

static int teardown(void **state)
{
    char *command = alloc_printf("rm -rf %s", (char *)*state);
    int rc = system(command);
    free(command);
    free(*state);
    return rc;
}

/* In the test's folder, as the user who runs the tests. */
static void sh(void **state, const char *script)
{
    char *command = alloc_printf("cd %s && %s", (char *)*state, script);
    assert_int_equal(system(command), 0);
    free(command);
}

/* Modes mean nothing to root: somebody else makes the tree and deletes it. */
static void as_nobody(void **state, const char *script, const char *expected)
{
    char *command = alloc_printf("cd %s && %s", (char *)*state, script),
         *path = alloc_printf("%s/tree", (char *)*state);
    struct error err = {0};
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(2);
        if (system(command) != 0)
            _exit(3);
        int rc = tree_delete(path, &err);
        if (rc != 0)
            fprintf(stderr, "%s\n", err.text);
        _exit(expected ? rc == 0 || !strstr(err.text, expected)
                       : rc != 0 || access(path, F_OK) == 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(command);
    free(path);
}

static void modes_do_not_keep_it(void **state)
{
    as_nobody(state,
              "mkdir -p tree/cache/module/deep tree/closed/inner && touch tree/cache/module/a "
              "tree/cache/module/deep/b "
              "tree/closed/inner/c && chmod 0444 tree/cache/module/a && chmod 0555 "
              "tree/cache/module/deep tree/cache/module "
              "tree/cache tree && chmod 0 tree/closed/inner tree/closed",
              NULL);
}

static void what_can_go_goes_and_what_stays_is_told(void **state)
{
    if (geteuid() != 0)
        skip();                                     /* cannot make what belongs to somebody else */
    sh(state, "mkdir tree && chmod 0777 tree && mkdir tree/alien && touch tree/alien/kept");
    as_nobody(state, "mkdir -p tree/mine/too && touch tree/a tree/mine/too/b",
              "/tree: 2 stay there, the first is 'kept': Permission denied");
    sh(state, "test \"$(find tree)\" = 'tree\ntree/alien\ntree/alien/kept'");
}

static void links_are_not_followed(void **state)
{
    char *path = alloc_printf("%s/tree", (char *)*state);
    sh(state,
       "mkdir -p outside/folder tree/sub && touch outside/file && ln -s ../outside tree/link && "
       "ln -s ../../outside/file tree/sub/link && ln -s ../../outside/folder tree/sub/folder && "
       "mkfifo tree/sub/pipe");
    assert_int_equal(tree_delete(path, NULL), 0);
    sh(state, "test ! -e tree && test -f outside/file && test -d outside/folder");
    free(path);
}

/* Far beyond PATH_MAX, and with more levels than there are descriptors. */
static void depth_does_not_keep_it(void **state)
{
    enum { LEVELS = 1200 };
    char *path = alloc_printf("%s/tree", (char *)*state), name[101] = "";
    memset(name, 'd', 100);
    assert_int_equal(mkdir(path, 0755), 0);
    int at = open(path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdirat(at, name, 0755), 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY);
        close(at);
        at = next;
    }
    close(openat(at, "file", O_CREAT | O_WRONLY, 0644));
    close(at);
    assert_int_equal(tree_delete(path, NULL), 0);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void what_is_not_there_is_deleted(void **state)
{
    char *path = alloc_printf("%s/tree", (char *)*state);
    assert_int_equal(tree_delete(path, NULL), 0);
    free(path);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(modes_do_not_keep_it),
        IN_FOLDER(what_can_go_goes_and_what_stays_is_told),
        IN_FOLDER(links_are_not_followed),
        IN_FOLDER(depth_does_not_keep_it),
        IN_FOLDER(what_is_not_there_is_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

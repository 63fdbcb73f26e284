/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a sandbox sees. */
#include "support/box.h"

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

static void only_what_is_listed_is_there(void **state)
{
    char folder[] = "/tmp/sluice-shown-XXXXXX";
    struct box box;
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *make = alloc_printf(
        "chmod 755 %s; mkdir -m 777 %s/rw %s/rw/sub %s/other; mkdir %s/ro; echo text > %s/ro/file;"
        "ln -s ro %s/link; ln -s /etc %s/rw/trap; echo secret > %s/other/x",
        folder, folder, folder, folder, folder, folder, folder, folder, folder);
    assert_int_equal(system(make), 0);
    char *ro = alloc_printf("%s/link", folder), *rw = alloc_printf("%s/rw", folder);
    char *trap = alloc_printf("%s/rw/trap", folder), *other = alloc_printf("%s/other", folder);
    const char *const read_only[] = {ro, trap}, *const read_write[] = {rw},
                      *const hidden[] = {other};
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, false, read_only, 2, read_write, 1},
        .hidden = hidden, .n_hidden = 1};
    assert_int_equal(box_open(&box, &options), 0);
    char *script = alloc_printf(
        "cd %s; cat link/file ro/file; echo y > ro/x; echo y > rw/sub/x && cat rw/sub/x;"
        "ls; echo z > /sandbox/z; ls -A /sandbox",
        folder);
    const char *said = box_run(&box, "/bin/sh", "-c", script, NULL);
    assert_non_null(strstr(said, "text\ntext\n"));
    assert_non_null(strstr(said, "y\n"));
    assert_null(strstr(said, "other"));
    assert_non_null(strstr(said, "cannot create ro/x: Read-only file system"));
    assert_non_null(strstr(said, "cannot create /sandbox/z: Read-only file system"));
    char *warning =
        alloc_printf("filesystem_policy.read_only[0]: %s is or leads through a symbolic link: what "
                     "is shown is %s/ro\n"
                     "filesystem_policy.read_only[1] is left out: %s is a symbolic link, or leads "
                     "through one that the sandbox may write: list what it points to\n"
                     "filesystem_policy.read_write[0]: %s holds %s, which is listed read-only: "
                     "nothing can be added, renamed or deleted in the folders that lead to it; "
                     "folders beside it are not affected\n",
                     ro, folder, trap, rw, trap);
    assert_string_equal(buf_str(&box.warnings), warning);
    box_close(&box);
    free(make);
    make = alloc_printf("rm -rf %s", folder);
    assert_int_equal(system(make), 0);
    free(make), free(ro), free(rw), free(trap), free(other), free(script), free(warning);
}

static void hidden_folders_stay_hidden(void **state)
{
    char folder[] = "/tmp/sluice-hidden-XXXXXX";
    struct box box;
    (void)state;
    assert_non_null(mkdtemp(folder));
    char *make = alloc_printf(
        "chmod 755 %s; mkdir -m 777 %s/state; echo secret > %s/state/db; echo s > %s/sock;"
        "chmod 666 %s/*",
        folder, folder, folder, folder, folder);
    assert_int_equal(system(make), 0);
    char *hide = alloc_printf("%s/state", folder), *sock = alloc_printf("%s/sock", folder);
    const char *const read_write[] = {folder, hide}, *const hidden[] = {hide, sock};
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, NULL, 0, read_write, 2},
        .hidden = hidden, .n_hidden = 2};
    assert_int_equal(box_open(&box, &options), 0);
    char *script = alloc_printf("ls -A %s/state; cat %s/sock %s/state/db; ls %s", folder, folder,
                                folder, folder);
    const char *said = box_run(&box, "/bin/sh", "-c", script, NULL);
    assert_null(strstr(said, "secret"));
    assert_non_null(strstr(said, "sock: No such file or directory"));
    assert_non_null(strstr(said, "state/db: No such file or directory"));
    char *warning = alloc_printf(
        "filesystem_policy.read_write[1] is left out: %s belongs to the gateway itself\n"
        "filesystem_policy.read_write[0]: %s holds %s, which belongs to the gateway: nothing can "
        "be "
        "added, renamed or deleted in the folders that lead to it; folders beside it are not "
        "affected\n",
        hide, folder, hide);
    assert_string_equal(buf_str(&box.warnings), warning);
    box_close(&box);
    free(make);
    make = alloc_printf("rm -rf %s", folder);
    assert_int_equal(system(make), 0);
    free(make), free(hide), free(sock), free(script), free(warning);
}

static void the_whole_host_can_be_shown_but_not_its_secrets(void **state)
{
    static const char *const read_only[] = {"/"};
    struct box box;
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, read_only, 1, NULL, 0}};
    (void)state;
    assert_int_equal(box_open(&box, &options), 0);
    assert_non_null(strstr(box_sh(&box, "ls /"), "home\n"));
    assert_non_null(strstr(box_sh(&box, "cat /etc/shadow"), "No such file"));
    assert_string_equal(box_sh(&box, "ls -A /tmp; echo x > /tmp/x; cat /tmp/x"), "x\n");
    assert_non_null(strstr(box_sh(&box, "echo x > /opt/x"), "Read-only file system"));
    box_close(&box);
}

static void make_socket(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    chmod(path, 0666);
    close(fd);
}

/* A /run of this process, with sockets.  An ordinary user cannot make one. */
static void make_run(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("run", "/run", "tmpfs", 0, "mode=0755") != 0)
        skip();
    assert_int_equal(system("mkdir -p /run/user/1000/systemd"), 0);
    make_socket("/run/docker.sock");
    make_socket("/run/user/1000/bus");
    make_socket("/run/user/1000/systemd/private");
    make_socket("/run/mine.sock");
}

/* Whoever may connect to one of these may run anything outside. */
static void sockets_of_powerful_services_are_not_there(void **state)
{
    static const char *const read_only[] = {"/run"};
    struct box box;
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, read_only, 1, NULL, 0}};
    (void)state;
    make_run();
    assert_int_equal(box_open(&box, &options), 0);
    assert_string_equal(box_sh(&box, "cd /run; find . -type s -o -type f -o -type c"),
                        "./mine.sock\n");
    /* Neither are they when their services start again. */
    unlink("/run/docker.sock");
    make_socket("/run/docker.sock");
    make_socket("/run/snapd.socket");
    assert_string_equal(box_sh(&box, "cd /run; find . -type s -o -type f -o -type c"),
                        "./mine.sock\n");
    box_close(&box);
    assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

static void the_root_lends_nothing_in_run(void **state)
{
    static const char *const read_only[] = {"/", "/run/mine.sock"};
    struct box box;
    struct box_options options = {
        .filesystem = {sizeof options.filesystem, true, read_only, 2, NULL, 0}};
    (void)state;
    make_run();
    assert_int_equal(box_open(&box, &options), 0);
    assert_string_equal(box_sh(&box, "find /run /var/run/"),
                        "/run\n/run/mine.sock\n/var/run/\n/var/run/mine.sock\n");
    box_close(&box);
    assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_listed_is_there),
        cmocka_unit_test(hidden_folders_stay_hidden),
        cmocka_unit_test(the_whole_host_can_be_shown_but_not_its_secrets),
        cmocka_unit_test(sockets_of_powerful_services_are_not_there),
        cmocka_unit_test(the_root_lends_nothing_in_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

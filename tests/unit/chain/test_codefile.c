/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chain/codefile.h"

struct fixture {
    char dir[64];
    char path[128];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0644);
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/sluice-codefile-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/a.so", f->dir);
    write_file(f->path, "hello");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = alloc_printf("rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(command);
    test_free(f);
    return 0;
}

static void assert_read(const char *path, const char *text)
{
    struct codefile file;
    struct error err;
    if (codefile_read(path, NULL, 1000, &file, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal((char *)file.bytes, text);
    assert_int_equal(file.size, strlen(text));
    codefile_close(&file);
}

static void assert_not_read(const char *path, const char *pin, const char *pattern)
{
    struct codefile file;
    struct error err;
    assert_int_equal(codefile_read(path, pin, 1000, &file, &err), -1);
    assert_matches(err.text, pattern);
}

static void a_good_file_is_read(void **state)
{
    struct fixture *f = *state;
    assert_read(f->path, "hello");
}

static void a_missing_file(void **state)
{
    struct fixture *f = *state;
    char *path = alloc_printf("%s/b.so", f->dir);
    assert_not_read(path, NULL, "cannot open /tmp/.*/b\\.so: No such file or directory");
    free(path);
}

static void only_a_regular_file(void **state)
{
    struct fixture *f = *state;
    char *path = alloc_printf("%s/fifo", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_not_read(path, NULL, "/fifo is no regular file");
    unlink(path);
    mkdir(path, 0755);
    assert_not_read(path, NULL, "/fifo is no regular file");
    free(path);
}

static void a_file_that_others_may_write(void **state)
{
    struct fixture *f = *state;
    chmod(f->path, 0664);
    assert_not_read(f->path, NULL,
                    "others may write /tmp/.*/a\\.so \\(mode 0664\\): run chmod go-w");
    chmod(f->path, 0602);
    assert_not_read(f->path, NULL, "others may write /tmp/.*/a\\.so \\(mode 0602\\)");
}

static void a_folder_that_others_may_write(void **state)
{
    struct fixture *f = *state;
    chmod(f->dir, 0777);
    assert_not_read(f->path, NULL, "others may write /tmp/sluice-codefile-[^/]* \\(mode 0777\\)");
    chmod(f->dir, 01777);       /* sticky helps further up only: here anyone could add a file */
    assert_not_read(f->path, NULL, "others may write /tmp/sluice-codefile-[^/]* \\(mode 1777\\)");
}

static void a_folder_further_up_that_others_may_write(void **state)
{
    struct fixture *f = *state;
    char *sub = alloc_printf("%s/sub", f->dir);
    char *path = alloc_printf("%s/sub/b.so", f->dir);
    mkdir(sub, 0755);
    write_file(path, "deep");
    assert_read(path, "deep");
    chmod(f->dir, 01777);
    assert_read(path, "deep");
    chmod(f->dir, 0777);
    assert_not_read(path, NULL, "others may write /tmp/sluice-codefile-[^/]* \\(mode 0777\\)");
    free(sub);
    free(path);
}

static void a_file_or_folder_of_somebody_else(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(f->path, 12345, 0), 0);
    assert_not_read(
        f->path, NULL,
        "/a\\.so belongs to uid 12345, not to root or the gateway's own uid 0: run chown on it$");
    assert_int_equal(chown(f->path, 0, 0), 0);
    assert_int_equal(chown(f->dir, 12345, 0), 0);
    assert_not_read(f->path, NULL, "sluice-codefile-[^/]* belongs to uid 12345");
}

static void a_link_within_its_folder_is_fine(void **state)
{
    struct fixture *f = *state;
    char *link = alloc_printf("%s/link.so", f->dir);
    assert_int_equal(symlink("a.so", link), 0);
    assert_read(link, "hello");
    free(link);
}

static void a_link_out_of_its_folder(void **state)
{
    struct fixture *f = *state;
    char *sub = alloc_printf("%s/sub", f->dir);
    char *link = alloc_printf("%s/sub/a.so", f->dir);
    mkdir(sub, 0755);
    assert_int_equal(symlink("../a.so", link), 0);
    assert_not_read(link, NULL,
                    "/sub/a\\.so is a symbolic link out of its folder, to /tmp/.*/a\\.so");
    char *into = alloc_printf("%s/into.so", f->dir);
    unlink(link);
    write_file(link, "deep");
    assert_int_equal(symlink("sub/a.so", into), 0);
    assert_not_read(into, NULL,
                    "/into\\.so is a symbolic link out of its folder, to /tmp/.*/sub/a\\.so");
    free(into);
    free(sub);
    free(link);
}

static void a_linked_folder_is_fine(void **state)
{
    struct fixture *f = *state;
    char *sub = alloc_printf("%s/sub", f->dir);
    char *path = alloc_printf("%s/sub/a.so", f->dir);
    assert_int_equal(symlink(".", sub), 0);
    assert_read(path, "hello");
    free(sub);
    free(path);
}

/* Exchanges two names for ever: a file, or a folder with one in it, that is fine and one that
 * others may write. */
struct swap {
    const char *one, *other;
    atomic_bool stop;
};

static void *exchange(void *arg)
{
    struct swap *swap = arg;
    while (!atomic_load(&swap->stop))
        renameat2(AT_FDCWD, swap->one, AT_FDCWD, swap->other, RENAME_EXCHANGE);
    return NULL;
}

/* What was checked is what is read, however often it is another one meanwhile. */
static void assert_never_evil(const char *path, const char *one, const char *other)
{
    struct swap swap = {.one = one, .other = other};
    pthread_t thread;
    size_t good = 0, refused = 0, evil = 0;
    assert_int_equal(pthread_create(&thread, NULL, exchange, &swap), 0);
    for (size_t n = 0; n < 10000 || ((!good || !refused) && n < 2000000); n++) {
        struct codefile file;
        struct error err;
        if (codefile_read(path, NULL, 1000, &file, &err) != 0) {
            refused++;
            continue;
        }
        good++;
        evil += strcmp((char *)file.bytes, "hello") != 0;
        codefile_close(&file);
    }
    atomic_store(&swap.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(evil, 0);
    assert_true(good > 0 && refused > 0);
}

static void a_file_that_is_swapped_meanwhile(void **state)
{
    struct fixture *f = *state;
    char *evil = alloc_printf("%s/evil.so", f->dir);
    write_file(evil, "evil!");
    chmod(evil, 0666);
    assert_never_evil(f->path, f->path, evil);
    free(evil);
}

static void a_folder_that_is_swapped_meanwhile(void **state)
{
    struct fixture *f = *state;
    char *good = alloc_printf("%s/good", f->dir), *evil = alloc_printf("%s/evil", f->dir);
    char *in_good = alloc_printf("%s/a.so", good), *in_evil = alloc_printf("%s/a.so", evil);
    mkdir(good, 0755);
    mkdir(evil, 0755);
    write_file(in_good, "hello");
    write_file(in_evil, "evil!");
    chmod(evil, 0777);
    assert_never_evil(in_good, good, evil);
    free(good);
    free(evil);
    free(in_good);
    free(in_evil);
}

static void a_pin_must_match(void **state)
{
    struct fixture *f = *state;
    struct codefile file;
    struct error err;
    assert_int_equal(
        codefile_read(f->path, "2CF24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                      1000, &file, &err),
        0);
    codefile_close(&file);
    assert_not_read(f->path, "00",
                    "/a\\.so has the sha256 2cf24d[0-9a-f]*, the configuration pins 00");
}

static void a_large_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(truncate(f->path, 1001), 0);
    assert_not_read(f->path, NULL, "/a\\.so has 1001 bytes, at most 1000 are loaded");
}

static void a_relative_path(void **state)
{
    struct fixture *f = *state;
    char cwd[512];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(f->dir), 0);
    assert_read("a.so", "hello");
    assert_read("./a.so", "hello");
    assert_int_equal(chdir(cwd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_file_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_a_regular_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_may_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_others_may_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_further_up_that_others_may_write, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_or_folder_of_somebody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_within_its_folder_is_fine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_out_of_its_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_linked_folder_is_fine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_swapped_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_swapped_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pin_must_match, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relative_path, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

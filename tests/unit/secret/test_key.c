/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "secret/key.h"

struct folder {
    char path[64];
    char *file;
    int fd;
};

static int make(void **state)
{
    struct folder *f = alloc_zero(1, sizeof *f);
    strcpy(f->path, "/tmp/sluice-key-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->file = alloc_printf("%s/" SECRET_KEY_CREDENTIAL, f->path);
    f->fd = open(f->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unsetenv("CREDENTIALS_DIRECTORY");
    *state = f;
    return 0;
}

static int drop(void **state)
{
    struct folder *f = *state;
    close(f->fd);
    unlink(f->file);
    rmdir(f->path);
    free(f->file);
    free(f);
    return 0;
}

static void an_empty_file_gets_a_key_and_keeps_it(void **state)
{
    struct folder *f = *state;
    struct secret_key one, two;
    struct error err;
    struct stat st;
    assert_int_equal(secret_key_from_file(f->fd, f->file, &one, &err), 0);
    assert_int_equal(secret_key_from_file(f->fd, f->file, &two, &err), 0);
    assert_memory_equal(one.bytes, two.bytes, sizeof one.bytes);
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal(st.st_size, SECRET_KEY_BYTES);
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(secret_key_from_file(f->fd, f->file, &two, &err), 0);
    assert_memory_not_equal(one.bytes, two.bytes, sizeof one.bytes);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    struct folder *f = *state;
    struct secret_key key;
    struct error err;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        fchmod(f->fd, modes[i]);
        assert_int_equal(secret_key_from_file(f->fd, f->file, &key, &err), -1);
        assert_int_equal(err.kind, ERROR_FORBIDDEN);
        assert_non_null(strstr(err.text, f->file));
        assert_non_null(strstr(err.text, "run chmod 600 on it"));
    }
}

static void another_length_is_no_key(void **state)
{
    struct folder *f = *state;
    struct secret_key key;
    struct error err;
    for (int size = 1; size < 100; size += 30) {
        assert_int_equal(ftruncate(f->fd, size), 0);
        assert_int_equal(secret_key_from_file(f->fd, f->file, &key, &err), -1);
        assert_non_null(strstr(err.text, "does not have 32 bytes"));
    }
}

static void systemd_may_give_one(void **state)
{
    struct folder *f = *state;
    struct secret_key key;
    struct error err;
    assert_int_equal(secret_key_from_systemd(&key, &err), 0);
    setenv("CREDENTIALS_DIRECTORY", f->path, 1);
    assert_int_equal(secret_key_from_systemd(&key, &err), -1);
    assert_non_null(strstr(err.text, "does not have 32 bytes"));
    assert_int_equal(write(f->fd, "0123456789abcdef0123456789abcdef", 32), 32);
    assert_int_equal(secret_key_from_systemd(&key, &err), 1);
    assert_memory_equal(key.bytes, "0123456789abcdef0123456789abcdef", 32);
    fchmod(f->fd, 0604);
    assert_int_equal(secret_key_from_systemd(&key, &err), -1);
    assert_non_null(strstr(err.text, "others may read the key"));
    unlink(f->file);
    assert_int_equal(secret_key_from_systemd(&key, &err), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_file_gets_a_key_and_keeps_it, make, drop),
        cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(another_length_is_no_key, make, drop),
        cmocka_unit_test_setup_teardown(systemd_may_give_one, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

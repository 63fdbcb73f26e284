/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A root folder of the test's own.  A line each: kind, path, and a text or target. */
static const char *const tree[][3] = {
    {"folder", "usr"}, {"folder", "usr/bin"}, {"folder", "etc"}, {"folder", "secret"},
    {"link", "bin", "usr/bin"},
    {"file", "usr/bin/real", "\177ELF"},
    {"file", "usr/bin/python3.11", "\177ELF"},
    {"link", "usr/bin/python3", "python3.11"},
    {"link", "etc/java", "/usr/bin/real"},
    {"link", "usr/bin/java", "/etc/java"},
    {"link", "usr/bin/up", "../../../../../../bin/real"},
    {"link", "usr/bin/gone", "/usr/bin/missing"},
    {"link", "usr/bin/round", "round"},
    {"link", "usr/bin/magic", "/proc/self/exe"},
    {"file", "usr/bin/a b\nc", "\177ELF"},
    {"file", "usr/bin/script", "#!/bin/real -x\n"},
    {"file", "usr/bin/by-name", "#!/usr/bin/env -S A=b python3 -u\n"},
    {"file", "usr/bin/orphan", "#!/opt/none\n"},
    {"file", "usr/bin/empty-line", "#!\n"},
    {"link", "usr/bin/to-script", "script"},
    {"data", "usr/bin/data", "#!/bin/real\n"},
    {"pipe", "usr/bin/pipe"},
    {NULL},
};

/* This process sees the folder from outside, so each path below it leads to another one. */
static const struct {
    const char *path;
    enum executable_kind kind;
    const char *resolved, *note;
} cases[] = {
    {"/usr/bin/real", EXECUTABLE_FILE, "/usr/bin/real",
     "leads to /usr/bin/real, the program that counts"},
    {"/bin/real", EXECUTABLE_FILE, "/usr/bin/real",
     "leads to /usr/bin/real, the program that counts"},
    {"/usr/bin/python3", EXECUTABLE_FILE, "/usr/bin/python3.11",
     "leads to /usr/bin/python3.11, the program that counts"},
    {"/usr/bin/java", EXECUTABLE_FILE, "/usr/bin/real",
     "leads to /usr/bin/real, the program that counts"},
    {"/usr/bin/up", EXECUTABLE_FILE, "/usr/bin/real",
     "leads to /usr/bin/real, the program that counts"},
    {"/usr/bin/gone", EXECUTABLE_NONE, "", "names nothing"},
    {"/usr/bin/round", EXECUTABLE_NONE, "", "names nothing"},
    {"/usr/bin/magic", EXECUTABLE_NONE, "", "names nothing"},
    {"/usr/bin/real/x", EXECUTABLE_NONE, "", "names nothing"},
    {"/none", EXECUTABLE_NONE, "", "names nothing"},
    {"/usr/bin/a b\nc", EXECUTABLE_FILE, "/usr/bin/a b\nc",
     "leads to /usr/bin/a b\nc, the program that counts"},
    {"/usr/bin/script", EXECUTABLE_SCRIPT, "/usr/bin/script",
     "is a script: the program that counts is its interpreter, /usr/bin/real"},
    {"/usr/bin/to-script", EXECUTABLE_SCRIPT, "/usr/bin/script",
     "is a script: the program that counts is its interpreter, /usr/bin/real"},
    {"/usr/bin/by-name", EXECUTABLE_SCRIPT, "/usr/bin/by-name",
     "is a script: the program that counts is its interpreter, /usr/bin/python3.11"},
    {"/usr/bin/orphan", EXECUTABLE_SCRIPT, "/usr/bin/orphan",
     "is a script, and its interpreter '/opt/none' names nothing"},
    {"/usr/bin/empty-line", EXECUTABLE_SCRIPT, "/usr/bin/empty-line",
     "is a script, and its interpreter '' names nothing"},
    {"/usr/bin/data", EXECUTABLE_OTHER, "", "is a file that nobody may execute"},
    {"/usr/bin/pipe", EXECUTABLE_OTHER, "", "is a special file, not a program"},
    {"/usr/bin", EXECUTABLE_OTHER, "", "is a folder, not a program"},
};

static void make_file(int root, const char *path, const char *text, mode_t mode)
{
    int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make(int root, const char *const entry[3])
{
    if (strcmp(entry[0], "folder") == 0)
        assert_int_equal(mkdirat(root, entry[1], 0755), 0);
    else if (strcmp(entry[0], "link") == 0)
        assert_int_equal(symlinkat(entry[2], root, entry[1]), 0);
    else if (strcmp(entry[0], "pipe") == 0)
        assert_int_equal(mkfifoat(root, entry[1], 0755), 0);
    else
        make_file(root, entry[1], entry[2], entry[0][0] == 'd' ? 0644 : 0755);
}

static void paths_lead_to_programs_within_their_root(void **state)
{
    char folder[] = "/tmp/sluice-program-XXXXXX", path[PATH_MAX], expected[PATH_MAX];
    struct executable program;
    size_t n = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (; tree[n][0]; n++)
        make(root, tree[n]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        executable_describe(root, cases[i].path, &program);
        assert_int_equal(program.kind, cases[i].kind);
        snprintf(expected, sizeof expected, "%s%s", *cases[i].resolved ? folder : "",
                 cases[i].resolved);
        assert_string_equal(program.path, expected);
        for (char *at; (at = strstr(program.note, folder));)
            memmove(at, at + strlen(folder), strlen(at + strlen(folder)) + 1);
        assert_string_equal(program.note, cases[i].note);
        int rc = executable_resolve(root, cases[i].path, true, path);
        assert_int_equal(rc, cases[i].kind == EXECUTABLE_NONE ? -1 : 0);
    }
    while (n-- > 0)
        assert_int_equal(unlinkat(root, tree[n][1], tree[n][0][1] == 'o' ? AT_REMOVEDIR : 0), 0);
    close(root);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest list[] = {cmocka_unit_test(paths_lead_to_programs_within_their_root)};
    return cmocka_run_group_tests(list, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A command line that is read as sluice reads it, and what it says while it is. */
#ifndef TESTS_SUPPORT_TERMINAL_H
#define TESTS_SUPPORT_TERMINAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"

#define UNUSED __attribute__((unused))

enum { WORDS_MAX = 32 };

struct terminal {
    struct cli cli;
    char *copy;                                     /* the words, cut up */
    char *words[WORDS_MAX];
    int n;
    int code;                                       /* of args_parse */
    char out[16384], err[16384];
    int saved[2], files[2];
};

static inline void listen_to(struct terminal *t, int i, int fd)
{
    fflush(i ? stderr : stdout);
    t->saved[i] = dup(fd);
    t->files[i] = memfd_create("terminal", MFD_CLOEXEC);
    dup2(t->files[i], fd);
}

static inline void hear(struct terminal *t, int i, int fd, char *said, size_t room)
{
    fflush(i ? stderr : stdout);
    dup2(t->saved[i], fd);
    close(t->saved[i]);
    ssize_t n = pread(t->files[i], said, room - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    close(t->files[i]);
}

static UNUSED void begin_listening(struct terminal *t)
{
    listen_to(t, 0, STDOUT_FILENO);
    listen_to(t, 1, STDERR_FILENO);
}

static UNUSED void end_listening(struct terminal *t)
{
    hear(t, 0, STDOUT_FILENO, t->out, sizeof t->out);
    hear(t, 1, STDERR_FILENO, t->err, sizeof t->err);
}

/* Reads "sluice LINE", cut at spaces; '' is an empty word. */
static UNUSED struct terminal *type(const char *line)
{
    struct terminal *t = alloc_zero(1, sizeof *t);
    char *save = NULL;
    t->copy = alloc_str(line);
    t->words[t->n++] = (char *)"sluice";
    for (char *word = strtok_r(t->copy, " ", &save); word && t->n < WORDS_MAX;
         word = strtok_r(NULL, " ", &save))
        t->words[t->n++] = strcmp(word, "''") == 0 ? (char *)"" : word;
    begin_listening(t);
    t->code = args_parse(&t->cli, t->n, t->words);
    end_listening(t);
    return t;
}

static UNUSED void hang_up(struct terminal *t)
{
    args_free(&t->cli);
    free(t->copy);
    free(t);
}

#endif

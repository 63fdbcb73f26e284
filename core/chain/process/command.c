/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/codefile.h"
#include "chain/process/confine.h"
#include "chain/process/threads.h"

/* sluice-plugin-host MEMORY_MB THREADS FOLDER… -- PROGRAM ARGUMENT… */
enum { MEMORY_AT = 1, THREADS_AT, FOLDERS_AT };
static const char program[] = "sluice-plugin-host", separator[] = "--";

static const char *below(const char *base, const char *path, struct arena *arena)
{
    return *path == '/' ? path : arena_printf(arena, "%s/%s", base && *base ? base : ".", path);
}

static const char *find_program(const char *name, const char *base, struct arena *arena,
                                struct error *err)
{
    if (strchr(name, '/'))
        return below(base, name, arena);
    char *save = NULL, *folders = arena_str(arena, COMMAND_PATH);
    for (char *f = strtok_r(folders, ":", &save); f; f = strtok_r(NULL, ":", &save)) {
        const char *path = arena_printf(arena, "%s/%s", f, name);
        if (access(path, X_OK) == 0)
            return path;
    }
    error_set(err, ERROR_NOT_FOUND, "there is no program %s in %s", name, COMMAND_PATH);
    return NULL;
}

/* An argument that says that it is a path. */
static bool is_file(const char *word)
{
    return *word == '/' || strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0;
}

/* Checks a file and adds it to the digest; its folder becomes readable. */
static int take_file(const char *path, struct arena *arena, struct digest *digest,
                     struct command *out, const char **folder, struct error *err)
{
    struct codefile file;
    if (codefile_read(path, NULL, CODEFILE_BYTES_MAX, &file, err) != 0)
        return -1;
    digest_add_str(digest, file.sha256);
    out->path = arena_str(arena, file.path);
    *folder = arena_strn(arena, file.path, (size_t)(strrchr(file.path, '/') - file.path));
    codefile_close(&file);
    return 0;
}

/* host: room for the arguments of the host, folders of the files first. */
static int take_files(const char *const *words, size_t n, struct arena *arena,
                      struct digest *digest, struct command *out, const char **host,
                      struct error *err)
{
    size_t used = FOLDERS_AT;
    for (size_t i = 0; i < n; i++) {
        digest_add_str(digest, words[i]);
        if (is_file(words[i]) && take_file(words[i], arena, digest, out, &host[used++], err) != 0)
            return -1;
    }
    host[used++] = separator;
    memcpy(&host[used], words, n * sizeof *words);
    return 0;
}

int command_read(const struct chain_config *chain, const struct chain_voter_config *config,
                 struct arena *arena, struct command *out, struct error *err)
{
    size_t n = config->n_command;
    const char **words = arena_zalloc(arena, n * sizeof *words);
    const char **host = arena_zalloc(arena, (2 * n + FOLDERS_AT + 2) * sizeof *host);
    memcpy(words, config->command, n * sizeof *words);
    for (size_t i = 1; i < n; i++)
        if (is_file(words[i]))
            words[i] = below(chain->base_dir, words[i], arena);
    words[0] = find_program(words[0], chain->base_dir, arena, err);
    if (!words[0])
        return -1;
    host[0] = program;
    host[MEMORY_AT] = arena_printf(arena, "%u", config->memory_mb);
    host[THREADS_AT] = arena_printf(arena, "%u", config->threads);
    *out = (struct command){.path = words[0], .host_arguments = host};
    struct digest *digest = digest_new();
    int rc = take_files(words, n, arena, digest, out, host, err);
    digest_hex(digest, out->sha256);
    if (rc == 0 && config->sha256 && *config->sha256 && strcmp(config->sha256, out->sha256) != 0)
        rc = error_set(err, ERROR_STATE, "%s has the digest %s, not the configured %s", out->path,
                       out->sha256, config->sha256);
    return rc;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int command_run(int argc, char **argv, struct error *err)
{
    char *const environment[] = {(char *)(uintptr_t)"PATH=" COMMAND_PATH,
                                 (char *)(uintptr_t)"LANG=C.UTF-8", NULL};
    int at = FOLDERS_AT;
    while (at < argc && strcmp(argv[at], separator) != 0)
        at++;
    if (at + 1 >= argc)
        return error_set(err, ERROR_MALFORMED, "no program to become");
    const uint32_t threads = number(argv[THREADS_AT]);
    if (threads && threads_fork(threads, err) != 0)
        return -1;
    if (confine((const char *const *)&argv[FOLDERS_AT], (size_t)(at - FOLDERS_AT),
                number(argv[MEMORY_AT]), threads ? CONFINE_THREADS : CONFINE_PROGRAM, err) != 0)
        return -1;
    execve(argv[at + 1], &argv[at + 1], environment);
    return error_errno(err, ERROR_STATE, "cannot start %s", argv[at + 1]);
}

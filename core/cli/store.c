/* SPDX-License-Identifier: Apache-2.0 */
/* sluice store migrate, backup, restore: on the store itself, without a gateway. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/connection/endpoint.h"
#include "store/backup_file.h"
#include "store/store.h"
#include "store/url.h"

static const struct log quiet = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "sluice"};

static int fail(const struct error *err)
{
    complain("%s", err->text);
    return EXIT_USAGE;
}

/* ---- what was copied ---- */

static json_t *to_json(const struct store_copied *copied, const char *to)
{
    json_t *tables = json_object();
    for (size_t i = 0; i < copied->n; i++)
        json_object_set_new(tables, copied->tables[i].table,
                            json_integer((json_int_t)copied->tables[i].rows));
    return json_pack("{s:s, s:o, s:I, s:s}", "to", to, "rows", tables, "records",
                     (json_int_t)copied->records, "head", copied->head);
}

static void print_copied(const struct cli *cli, const struct store_copied *copied, const char *to,
                         const char *then)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < copied->n; i++)
        rows += copied->tables[i].rows;
    if (cli->output != OUT_TABLE) {
        json_t *json = to_json(copied, to);
        print_json(cli, json);
        json_decref(json);
        return;
    }
    terminal_print(stdout, "✓ %llu rows of %zu tables are in %s; its audit chain is intact: "
                   "%llu records, head %s\n%s\n", (unsigned long long)rows, copied->n, to,
                   (unsigned long long)copied->records, copied->head, then);
}

/* ---- migrate ---- */

/* Root may work on the store of the user whose folder it is in. */
static uid_t owner_of_place(const char *url)
{
    struct arena *arena = arena_new();
    const char *const *files = geteuid() == 0 ? store_url_files(arena, url) : NULL;
    struct stat st;
    bool found = files && *files && stat(dirname(arena_str(arena, *files)), &st) == 0;
    uid_t owner = found ? st.st_uid : 0;
    arena_free(arena);
    return owner;
}

static int check_place(const char *url, struct error *err)
{
    return store_check_place(url, owner_of_place(url), err);
}

/* Nobody works in it meanwhile, and its schema becomes ours. */
static struct store *open_original(const char *url, struct error *err)
{
    struct store *store = check_place(url, err) == 0 ? store_open(url, &quiet, err) : NULL;
    if (store && store_claim(store, err) != 0) {
        store_close(store);
        return NULL;
    }
    return store;
}

static bool names_existing_store(const char *url)
{
    struct arena *arena = arena_new();
    const char *const *files = store_url_files(arena, url);
    bool there = !*files || access(*files, F_OK) == 0;
    arena_free(arena);
    return there;
}

int cmd_store_migrate(struct cli *cli)
{
    const char *from = arg_value(cli, "from"), *to = arg_value(cli, "to");
    struct store_copied copied;
    struct error err;
    if (!from || !to)
        return usage_error(cli, "name both stores: --from URL --to URL");
    if (!store_url_valid(from) || !store_url_valid(to))
        return usage_error(cli, "a store is " STORE_URL_FORMS);
    if (!names_existing_store(from))
        return usage_error(cli, "there is no store %s", from);
    struct store *original = open_original(from, &err);
    int rc = -1;
    if (original && check_place(to, &err) == 0)
        rc = store_copy(from, to, &quiet, &copied, &err);
    store_close(original);
    if (rc != 0)
        return fail(&err);
    struct arena *arena = arena_new();
    print_copied(cli, &copied, store_url_shown(arena, to),
                 "Start the gateway with this store; the old one is as it was.");
    arena_free(arena);
    return EXIT_DONE;
}

/* ---- where the gateway's store is ---- */

static char *state_folder(const struct cli *cli)
{
    const char *given = arg_value(cli, "state-dir");
    return given ? alloc_str(given) : endpoint_state_folder(cli->gateway);
}

/* NULL after saying what is missing. */
static const char *store_of(const struct cli *cli, struct arena *arena)
{
    const char *given = arg_value(cli, "store");
    if (given && store_url_valid(given))
        return given;
    char *folder = given ? NULL : state_folder(cli);
    const char *url = folder ? store_url_in(arena, folder) : NULL;
    free(folder);
    if (!url)
        usage_error(cli, given ? "a store is " STORE_URL_FORMS
                               : "name the gateway's store: --store URL or --state-dir DIR");
    return url;
}

/* ---- backup ---- */

/* In a folder of our own beside the file: where others may write too, they could have files of
 * theirs ready under the names that the store uses, and read what is written. */
static int back_up(const char *store, const char *file, struct store_copied *copied,
                   struct arena *arena, struct error *err)
{
    char *folder = arena_printf(arena, "%s.XXXXXX", file);
    struct stat st;
    if (lstat(file, &st) == 0)
        return error_set(err, ERROR_EXISTS, "%s is there already: name a new file", file);
    if (!mkdtemp(folder))
        return error_errno(err, ERROR_IO, "no folder for a copy can be made beside %s", file);
    const char *part = arena_printf(arena, "%s/backup.db", folder);
    const char *const *files = store_url_files(arena, store_url_of_file(arena, part));
    const char *copy = store_url_of_file(arena, part);
    int rc = check_place(store, err) == 0 && check_place(copy, err) == 0
                 ? store_copy(store, copy, &quiet, copied, err) : -1;
    if (rc == 0 && rename(part, file) != 0)
        rc = error_errno(err, ERROR_IO, "%s cannot be named %s", part, file);
    for (; *files; files++)
        unlink(*files);
    rmdir(folder);
    return rc;
}

int cmd_backup(struct cli *cli)
{
    struct arena *arena = arena_new();
    struct store_copied copied;
    struct error err;
    int code = EXIT_USAGE;
    const char *store = cli->n_operands == 1 ? store_of(cli, arena) : NULL;
    if (cli->n_operands != 1)
        code = usage_error(cli, "name the file that the backup is written to");
    else if (store && back_up(store, cli->operands[0], &copied, arena, &err) != 0)
        code = fail(&err);
    else if (store) {
        print_copied(cli, &copied, cli->operands[0],
                     "It has the credentials, but not the key that opens them: keep secret.key "
                     "elsewhere.");
        code = EXIT_DONE;
    }
    arena_free(arena);
    return code;
}

/* ---- restore ---- */

static int copy_bytes(int from, int to, const char *file, struct error *err)
{
    ssize_t n;
    while ((n = sendfile(to, from, NULL, 1 << 20)) > 0)
        ;
    return n == 0 ? 0 : error_errno(err, ERROR_IO, "%s cannot be copied", file);
}

/* A copy is opened, as that brings its schema up to ours. */
static int copy_file(const char *file, const char *copy, struct error *err)
{
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0 || !store_is_backup(from)) {
        int rc = errno ? error_errno(err, ERROR_IO, "%s cannot be read", file)
                       : error_set(err, ERROR_INVALID, "%s is no backup: name a file that `sluice "
                                   "backup` has written", file);
        if (from >= 0)
            close(from);
        return rc;
    }
    int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = to < 0 ? error_errno(err, ERROR_IO, "%s cannot be made", copy)
                    : copy_bytes(from, to, file, err);
    close(from);
    if (to >= 0)
        close(to);
    return rc;
}

static int upgrade(const char *url, struct error *err)
{
    struct store *store = store_open(url, &quiet, err);
    store_close(store);
    return store ? 0 : -1;
}

static int restore(const char *file, const char *store, struct store_copied *copied,
                   struct arena *arena, struct error *err)
{
    char *folder = arena_printf(arena, "%s/sluice-restore-XXXXXX",
                                getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return error_errno(err, ERROR_IO, "no folder for a copy can be made: %s", folder);
    const char *copy = arena_printf(arena, "%s/sluice.db", folder);
    const char *url = store_url_of_file(arena, copy);
    bool safe = check_place(store, err) == 0 && check_place(url, err) == 0;
    int rc = safe ? copy_file(file, copy, err) : -1;
    if (rc == 0 && (upgrade(url, err) != 0 || store_copy(url, store, &quiet, copied, err) != 0))
        rc = error_prefix(err, "%s cannot be restored", file);
    for (const char *const *files = store_url_files(arena, url); *files; files++)
        unlink(*files);
    rmdir(folder);
    return rc;
}

/* An empty state folder need not be there yet. */
static int make_folder(const char *store, struct arena *arena, struct error *err)
{
    const char *const *files = store_url_files(arena, store);
    if (!*files)
        return 0;
    if (access(*files, F_OK) == 0)
        return error_set(err, ERROR_EXISTS, "%s is there already: a backup is restored into an "
                         "empty state folder", *files);
    const char *folder = dirname(arena_str(arena, *files));
    return mkdir(folder, 0700) == 0 || errno == EEXIST
               ? 0 : error_errno(err, ERROR_IO, "cannot make the folder %s", folder);
}

int cmd_restore(struct cli *cli)
{
    struct arena *arena = arena_new();
    struct store_copied copied;
    struct error err;
    int code = EXIT_USAGE;
    const char *store = cli->n_operands == 1 ? store_of(cli, arena) : NULL;
    if (cli->n_operands != 1)
        code = usage_error(cli, "name the file of the backup");
    else if (store && (make_folder(store, arena, &err) != 0 ||
                       restore(cli->operands[0], store, &copied, arena, &err) != 0))
        code = fail(&err);
    else if (store) {
        print_copied(cli, &copied, store_url_shown(arena, store),
                     "Put the gateway's secret.key into its state folder before it starts: the "
                     "credentials need it.");
        code = EXIT_DONE;
    }
    arena_free(arena);
    return code;
}

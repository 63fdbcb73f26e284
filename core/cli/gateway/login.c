/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gateway/login.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/token.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/program.h"
#include "cli/gateway/book.h"
#include "cli/new_file.h"

enum { RENEW_MS = 30000 };                          /* before it expires */

/* NULL: there is no home. */
static char *folder_path(void)
{
    char *own = book_folder(), *path = own ? alloc_printf("%s/logins", own) : NULL;
    free(own);
    return path;
}

static char *file_path(const char *gateway)
{
    char digest[DIGEST_HEX_SIZE], *folder = folder_path(), *path = NULL;
    digest_of(gateway, strlen(gateway), digest);
    if (folder)
        path = alloc_printf("%s/%.32s.json", folder, digest);
    free(folder);
    return path;
}

/* ---- the file ---- */

static bool check_file(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return true;
    complain("%s holds a token, and belongs to somebody else or may be read by others: it is not "
             "used; remove it and log in again (sluice login)", path);
    return false;
}

static char *take(const json_t *json, const char *key)
{
    return alloc_str(json_text(json, key));
}

static struct login *decode(const char *gateway, const json_t *json)
{
    if (strcmp(json_text(json, "gateway"), gateway) != 0 ||
        !token_is_bearer(json_text(json, "token")))
        return NULL;
    struct login *login = alloc_zero(1, sizeof *login);
    *login = (struct login){.grant = {.token = take(json, "token"),
                                     .refresh = take(json, "refresh_token"),
                                     .expires_ms = json_number(json, "expires_ms")},
                            .issuer = take(json, "issuer"), .client_id = take(json, "client_id"),
                            .token_url = take(json, "token_url")};
    return login;
}

struct login *login_load(const char *gateway)
{
    struct login *login = NULL;
    char *path = file_path(gateway);
    int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd >= 0 && check_file(fd, path)) {
        json_t *json = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
        login = decode(gateway, json);
        if (!login)
            complain("%s is no file of 'sluice login': it is not used; log in again", path);
        json_decref(json);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return login;
}

int login_save(const char *gateway, const struct login *login)
{
    char *folder = folder_path(), *path = file_path(gateway);
    if (!folder) {
        complain("there is no place for the token: set HOME or XDG_CONFIG_HOME");
        return EXIT_USAGE;
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "gateway", gateway, "token",
                             login->grant.token, "refresh_token", login->grant.refresh, "issuer",
                             login->issuer, "client_id", login->client_id, "token_url",
                             login->token_url, "expires_ms", (json_int_t)login->grant.expires_ms);
    char *text = json_dumps(json, JSON_INDENT(2)), *next = alloc_printf("%s.new", path);
    bool ok = book_make_folder(folder) && (unlink(next) == 0 || errno == ENOENT) &&
              new_file(AT_FDCWD, next, 0600, text, strlen(text)) && rename(next, path) == 0;
    if (!ok)
        complain("cannot write %s: %s", path, strerror(errno));
    explicit_bzero(text, strlen(text));
    free(text);
    free(next);
    json_decref(json);
    free(folder);
    free(path);
    return ok ? -1 : EXIT_USAGE;
}

bool login_remove(const char *gateway)
{
    char *path = file_path(gateway);
    bool removed = path && unlink(path) == 0;
    free(path);
    return removed;
}

static void free_texts(struct login *login)
{
    free(login->grant.token);
    free(login->grant.refresh);
    free(login->issuer);
    free(login->client_id);
    free(login->token_url);
}

void login_free(struct login *login)
{
    if (login)
        free_texts(login);
    free(login);
}

/* ---- a new token ---- */

static bool is_due(const struct login *login)
{
    return *login->grant.refresh && login->grant.expires_ms &&
           login->grant.expires_ms - clock_now_ms() < RENEW_MS;
}

static void renew(const char *gateway, struct login *login)
{
    const char *const form[] = {"grant_type", "refresh_token", "refresh_token",
                                login->grant.refresh, "client_id", login->client_id, NULL};
    struct error err;
    json_t *answer = NULL;
    char *fetcher = program_beside("sluice-fetch");
    int status = issuer_post(fetcher, login->token_url, form, &answer, &err);
    if (status >= 0 && issuer_take_token(status, answer, &login->grant, &err) == 0)
        login_save(gateway, login);
    json_decref(answer);
    free(fetcher);
}

/* A refresh token may be good for one use: commands that run at once take turns. */
void login_renew(const char *gateway, struct login *login)
{
    if (!is_due(login))
        return;
    char *folder = folder_path();
    int lock = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (lock >= 0 && flock(lock, LOCK_EX) == 0) {
        struct login *now = login_load(gateway);
        if (now) {
            free_texts(login);
            *login = *now;
            free(now);
        }
        if (is_due(login))
            renew(gateway, login);
    }
    if (lock >= 0)
        close(lock);
    free(folder);
}

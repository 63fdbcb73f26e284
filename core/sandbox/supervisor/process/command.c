/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/command.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/supervisor/certificates.h"
#include "sandbox/wire/wire.h"
#include "secret/credentials.h"
#include "secret/placeholder.h"

#define PROXY_URL "http://" WIRE_PROXY_ADDRESS ":3128"

_Static_assert(WIRE_PROXY_PORT == 3128, "PROXY_URL names the port");

static const struct spec_pair first[] = {
    {"SLUICE_SANDBOX", "1"}, {"OPENSHELL_SANDBOX", "1"}, {"HOME", SANDBOX_WORKDIR},
    {"USER", "sandbox"}, {"SHELL", "/bin/bash"},
    {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
};

static const struct spec_pair proxy[] = {
    {"ALL_PROXY", PROXY_URL}, {"HTTP_PROXY", PROXY_URL}, {"HTTPS_PROXY", PROXY_URL},
    {"http_proxy", PROXY_URL}, {"https_proxy", PROXY_URL}, {"grpc_proxy", PROXY_URL},
    {"NODE_USE_ENV_PROXY", "1"},
};

static const struct spec_pair trust[] = {
    {"NODE_EXTRA_CA_CERTS", SANDBOX_CA_FILE}, {"DENO_CERT", SANDBOX_CA_FILE},
    {"SSL_CERT_FILE", SANDBOX_BUNDLE_FILE}, {"REQUESTS_CA_BUNDLE", SANDBOX_BUNDLE_FILE},
    {"CURL_CA_BUNDLE", SANDBOX_BUNDLE_FILE}, {"GIT_SSL_CAINFO", SANDBOX_BUNDLE_FILE},
};

struct env {
    struct arena *arena;
    const char **items;
    size_t n;
};

/* A later value of a name replaces the earlier one. */
static void put(struct env *env, const struct spec_pair *pair)
{
    size_t len = strlen(pair->key), i = 0;
    while (i < env->n &&
           !(strncmp(env->items[i], pair->key, len) == 0 && env->items[i][len] == '='))
        i++;
    env->items[i] = arena_printf(env->arena, "%s=%s", pair->key, pair->value);
    if (i == env->n)
        env->n++;
}

static void put_all(struct env *env, const struct spec_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(env, &pairs[i]);
}

static void put_placeholders(struct env *env, const struct secret_credentials *all)
{
    for (size_t i = 0; i < secret_credentials_count(all); i++) {
        const struct secret_credential *c = secret_credentials_at(all, i);
        struct buf text = {0};
        secret_placeholder(c->handle, c->name, &text);
        put(env, &(struct spec_pair){c->name, buf_str(&text)});
        buf_free(&text);
    }
}

const char **sandbox_env_make(const struct sandbox_spec *spec, const struct sandbox_exec *exec,
                              const struct secret_credentials *credentials, struct arena *arena,
                              size_t *n)
{
    enum { FIRST = sizeof first / sizeof *first, PROXY = sizeof proxy / sizeof *proxy,
           TRUST = sizeof trust / sizeof *trust };
    struct env env = {.arena = arena};
    env.items = arena_zalloc(arena, (FIRST + PROXY + TRUST + spec->n_env + exec->n_env + 4 +
                                     secret_credentials_count(credentials)) * sizeof *env.items);
    put_all(&env, first, FIRST);
    put(&env, &(struct spec_pair){"TERM", exec->tty ? "xterm-256color" : "dumb"});
    put_all(&env, spec->env, spec->n_env);
    put_all(&env, exec->env, exec->n_env);
    put_placeholders(&env, credentials);
    if (spec->proxy) {
        const char *direct = arena_printf(arena, "127.0.0.1,localhost,::1,%s", spec->name);
        put_all(&env, proxy, PROXY);
        put_all(&env, trust, TRUST);
        put(&env, &(struct spec_pair){"NO_PROXY", direct});
        put(&env, &(struct spec_pair){"no_proxy", direct});
    }
    *n = env.n;
    return env.items;
}

static int check_env(const struct spec_pair *env, size_t n, struct error *err)
{
    size_t total = 0;
    if (n > COMMAND_ENV_MAX)
        return error_set(err, ERROR_INVALID, "too many environment variables (%zu > %d)", n,
                         COMMAND_ENV_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(env[i].value);
        total += strlen(env[i].key) + len;
        const char *refused = text_env_name_refused(env[i].key);
        if (refused)
            return error_set(err, ERROR_INVALID, "environment variable %.80s: %s", env[i].key,
                             refused);
        if (len > COMMAND_ENV_VALUE_MAX)
            return error_set(err, ERROR_INVALID,
                             "environment variable %s: its value is longer than "
                             "%d bytes",
                             env[i].key, COMMAND_ENV_VALUE_MAX);
        if (strpbrk(env[i].value, "\r\n"))
            return error_set(err, ERROR_INVALID,
                             "environment variable %s: its value may not contain "
                             "a line end",
                             env[i].key);
    }
    if (total > COMMAND_TOTAL_MAX)
        return error_set(err, ERROR_INVALID, "the environment is larger than %d bytes",
                         COMMAND_TOTAL_MAX);
    return 0;
}

static int check_service(const struct sandbox_exec *exec, struct error *err)
{
    bool tcp = strcmp(exec->service, SANDBOX_SERVICE_TCP) == 0;
    if (!tcp && strcmp(exec->service, SANDBOX_SERVICE_SSH) != 0)
        return error_set(err, ERROR_INVALID, "a service is ssh or tcp, not '%.40s'",
                         exec->service);
    if (tcp != (exec->port != 0))
        return error_set(err, ERROR_INVALID,
                         tcp ? "which port? it is a number from 1 to 65535"
                             : "a port is for the service tcp");
    if (exec->n_command)
        return error_set(err, ERROR_INVALID, "a service takes no command");
    return 0;
}

static int check_command(const struct sandbox_exec *exec, struct error *err)
{
    size_t total = 0;
    if (exec->service)
        return check_service(exec, err);
    if (exec->n_command == 0 || exec->command[0][0] == '\0')
        return error_set(err, ERROR_INVALID, "a command is required");
    if (exec->n_command > COMMAND_ARGS_MAX)
        return error_set(err, ERROR_INVALID, "too many arguments (%zu > %d)", exec->n_command,
                         COMMAND_ARGS_MAX);
    for (size_t i = 0; i < exec->n_command; i++) {
        size_t len = strlen(exec->command[i]);
        if (len > COMMAND_ARG_MAX)
            return error_set(err, ERROR_INVALID, "argument %zu is longer than %d bytes", i,
                             COMMAND_ARG_MAX);
        total += len + 1;
    }
    if (total > COMMAND_TOTAL_MAX)
        return error_set(err, ERROR_INVALID, "the command is longer than %d bytes",
                         COMMAND_TOTAL_MAX);
    return 0;
}

int sandbox_exec_check(const struct sandbox_exec *exec, struct error *err)
{
    if (check_command(exec, err) != 0 || check_env(exec->env, exec->n_env, err) != 0)
        return -1;
    if (exec->timeout_ms > EXEC_TIMEOUT_MAX_MS)
        return error_set(err, ERROR_INVALID,
                         "timeout_ms is a number from 0, which means none, to %d",
                         EXEC_TIMEOUT_MAX_MS);
    if (!exec->workdir)
        return 0;
    if (strlen(exec->workdir) > COMMAND_FOLDER_MAX)
        return error_set(err, ERROR_INVALID, "workdir is longer than %d bytes", COMMAND_FOLDER_MAX);
    if (strpbrk(exec->workdir, "\r\n"))
        return error_set(err, ERROR_INVALID, "workdir may not contain a line end");
    return 0;
}

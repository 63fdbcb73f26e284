/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli: what every command is given. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* What the commands exit with. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_WAITED = 124 };
enum { EXIT_NO_CASE = 3 }; /* policy check --cases */

enum arg_kind { ARG_FLAG, ARG_VALUE };

struct arg_option {
    const char *name;                               /* the table ends with a row without a name */
    char letter;                                    /* 0: none */
    enum arg_kind kind;
    const char *value, *help; /* value: what stands in the usage, such as FILE */
};

struct arg {
    const char *name, *value;                       /* value "" for a flag */
};

struct cli;
struct jsonpath;

/* The end that an approval asks for, into the body of its request.  -1, or an exit code after
 * saying what is wrong. */
int grant_add(const struct cli *cli, json_t *body);

struct command {
    const char *group, *verb;                       /* verb NULL: the group is the command */
    const char *operands;                           /* as the usage shows them */
    const struct arg_option *options;
    int (*run)(struct cli *cli);
    const char *summary, *example;
};

struct cli {
    char **argv;                                    /* the whole command line */
    const struct command *command;
    struct arg *args;                               /* options in command-line order */
    size_t n_args;
    const char **operands;                          /* words that are no options */
    size_t n_operands;
    const char **rest;                              /* what stood after -- */
    size_t n_rest;
    bool has_rest;                                  /* there was a -- */

    char current_sandbox[128];                      /* the one used last, once asked for */
    char *full_name;                                /* of the sandbox whose beginning was given */
    const char *named;                              /* the sandbox that the command line names */
    const char *gateway, *token, *gateway_user;
    struct login *login; /* whose token is sent where none is given; NULL: nobody is logged in */
    const char *ca, *cert, *key;                    /* PEM files for https://, or NULL */
    bool insecure; /* a token may be sent over http:// to another machine */
    enum { OUT_TABLE, OUT_JSON, OUT_YAML, OUT_NAME, OUT_JSONPATH } output;
    struct jsonpath *jsonpath;                      /* of OUT_JSONPATH */
    bool wide, no_headers;                          /* of tables */
    size_t *widths; /* of TABLE_COLUMNS_MAX columns, at least; NULL: none */
    bool quiet;
};

/* The one list of commands.  NULL: there are no more than i. */
const struct command *command_at(size_t i);

/* ---- args.c ---- */
/* Finds the command and reads its options.  Returns an exit code, or -1 to go on. */
int args_parse(struct cli *cli, int argc, char **argv);
/* Those that every command takes, from its options and the environment; part of args_parse. */
int args_globals(struct cli *cli);
void args_free(struct cli *cli);
const char *arg_value(const struct cli *cli, const char *name); /* the last one, NULL: not given */
bool arg_given(const struct cli *cli, const char *name);
/* A whole number from 0, or min, to max; fallback where it is not given.  -1 after saying what is
 * wrong. */
int arg_number(const struct cli *cli, const char *name, long fallback, long max, long *out);
int arg_range(const struct cli *cli, const char *name, long fallback, long min, long max,
              long *out);
/* ---- times.c ---- */
/* Milliseconds of "2026-01-31T08:05:00.123Z"; -1: it is no such text. */
int64_t time_read(const char *text);
/* A time, or how long ago; fallback where it is not given.  An exit code after saying what is
 * wrong, or -1. */
int arg_time(const struct cli *cli, const char *name, int64_t fallback, int64_t *out);
/* The same of a duration in milliseconds, which has to be given. */
int arg_duration(const struct cli *cli, const char *name, int64_t *out);

/* Seconds: a whole number from min to max, or a duration such as 5m.  -1 after saying what is
 * wrong. */
int arg_seconds(const struct cli *cli, const char *name, long fallback, long min, long max,
                long *out);

int usage_error(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- wire.c ---- */
/* The token that goes to the gateway; NULL: none. */
const char *cli_token(const struct cli *cli);

/* ---- client.c ---- */
/* Bytes of an answer, or of a line of a stream. */
enum { ANSWER_MIB_MAX = 32, ANSWER_MAX = ANSWER_MIB_MAX * 1024 * 1024 };

struct reply {
    long status; /* 0: no answer, or one that is too long; said already */
    json_t *json;                                   /* NULL: the body is no JSON */
    struct buf text;
};

struct call {
    const char *method;
    char *path;                                     /* taken and freed by client_call */
    const char *type;                               /* of body; NULL: no body */
    const void *body;
    size_t len;
    const char *accept;                             /* NULL: application/json */
    const char *headers[6];                         /* "Name: value", NULL ends */
    long timeout_s;                                 /* 0: 120 */
    const sigset_t *held;                           /* signals that are blocked; NULL: none */
    const char *interrupted;                        /* what to say when one of them comes */
    bool streams;                                   /* set by client_follow */
    /* Of client_follow, with the ctx of its lines: all that came was handed over, and first, the
     * stream has begun.  false ends it. */
    bool (*idle)(void *ctx);
    int tick_ms; /* 0: none; else idle is called at least so often, and when stdin has bytes */
};

/* Always to be followed by reply_free. */
void client_call(const struct cli *cli, const struct call *call, struct reply *out);
void reply_free(struct reply *reply);
/* The exit code of a reply that is no success, after saying why on stderr (and, with -o json or
 * yaml, the problem document on stdout). */
int reply_failed(const struct cli *cli, const struct reply *reply);
/* GET and print with the table function; the whole life of a reading command. */
int client_show(const struct cli *cli, char *path,
                void (*table)(const struct cli *cli, const json_t *json));
/* GETs all pages of a list as one document; where a page begins goes behind path.  An exit code. */
int client_pages(const struct cli *cli, const char *path, const char *list, json_t **out);
char *url_escape(const char *text);                 /* the caller frees it */
/* Hands over the lines of a stream (server-sent events, logs) as they come.  Takes call->path. */
int client_follow(const struct cli *cli, const struct call *call,
                  void (*line)(void *ctx, const char *line), void *ctx);

/* ---- print.c ---- */
void print_json(const struct cli *cli, const json_t *json);         /* as -o says, but no table */
void print_compact(const json_t *json);            /* JSON on one line */
void print_yaml(const json_t *json, struct buf *out);
/* Of a stream: a line, or a YAML document. */
void print_item(const struct cli *cli, const json_t *json);
bool print_unread(void); /* stdout is a pipe that nobody reads any more */
int print_finish(int code); /* the end of stdout; code, or that of what could not be written */
/* A table whose columns are as wide as their widest cell.  The first row is their names. */
enum { TABLE_COLUMNS_MAX = 16 };

struct table {
    size_t n_columns, n_cells;
    char **cells;
};
void table_row(struct table *t, size_t n, const char *const *cells);
void table_print(const struct cli *cli, struct table *t);           /* and frees it */
const char *json_text(const json_t *object, const char *key);       /* "" where there is none */
long long json_number(const json_t *object, const char *key);
/* Stderr, unless -q. */
void say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void complain(const char *format, ...) __attribute__((format(printf, 1, 2))); /* stderr, always */

/* ---- last.c: the sandbox that was used last at this gateway ---- */
/* The sandbox of a command: its NAME, or the last one used (said on stderr).  NULL after saying
 * that there is none.  n: which operand. */
const char *sandbox_operand(struct cli *cli, size_t n);
/* The gateway answered with this status: unless it does not know the named sandbox, that is the
 * last used. */
void sandbox_answered(const struct cli *cli, long status);
void set_current_sandbox(const struct cli *cli, const char *name);
bool is_current_sandbox(const struct cli *cli, const char *name);
/* It is gone; no other is forgotten. */
void forget_sandbox(const struct cli *cli, const char *name);

/* ---- updates.c: what is common to commands that change a policy ---- */
/* The header of --reason, NULL where none is given; the caller frees it.  An exit code after saying
 * what is wrong, or -1: a reason is one line, and an override needs one. */
int reason_header(const struct cli *cli, char **out);
/* Prints the outcome of an update and, with --wait, waits until it is loaded. */
int update_finish(const struct cli *cli, const char *sandbox, const struct reply *reply);
void print_objections(const json_t *votes);
/* What an update was warned of, a line each. */
void print_update_warnings(const struct cli *cli, const json_t *warnings);
void print_effect(const json_t *effect, const char *indent);
/* - is stdin; exit code or -1. */
int read_input(const char *path, struct buf *out);

/* ---- env_warning.c ---- */
/* Says on stderr which values of --env look like secrets. */
void warn_of_secrets(const struct cli *cli, json_t *env);

/* ---- operations.c ---- */
/* The merge operations of policy update, in command-line order.  NULL after saying what is
 * wrong. */
json_t *operations_from_args(const struct cli *cli);

/* ---- settings.c: what may change while a sandbox runs ---- */
/* Adds those of the command line to the body of a request.  An exit code after saying what is wrong
 * with them, or -1. */
int add_settings(const struct cli *cli, json_t *body);
void print_settings(const json_t *sandbox);

/* ---- sandbox.c ---- */
/* Every --name K=V of the command line as an object; with comma, K=V,K=V are several.  NULL after
 * saying what is wrong. */
json_t *pair_options(const struct cli *cli, const char *name, bool comma);
/* is_result: its end is what the command is about, not said in passing.  An exit code. */
int sandbox_delete(const struct cli *cli, const char *name, bool is_result);

/* ---- commands ---- */
int cmd_sandbox_create(struct cli *cli);
int cmd_sandbox_set(struct cli *cli);
void print_holders(const json_t *sandbox);          /* its owner, and with whom it is shared */
int cmd_sandbox_share(struct cli *cli);
int cmd_sandbox_unshare(struct cli *cli);
int cmd_sandbox_list(struct cli *cli);
int cmd_sandbox_get(struct cli *cli);
int cmd_sandbox_delete(struct cli *cli);
int cmd_sandbox_stop(struct cli *cli);
int cmd_sandbox_start(struct cli *cli);
int cmd_sandbox_exec(struct cli *cli);
int cmd_sandbox_connect(struct cli *cli);
int cmd_sandbox_ssh_config(struct cli *cli);
int cmd_sandbox_ssh_proxy(struct cli *cli);
int cmd_sandbox_upload(struct cli *cli);
int cmd_sandbox_download(struct cli *cli);
int cmd_sandbox_forward(struct cli *cli);
int cmd_sandbox_wait(struct cli *cli);
int cmd_policy_set(struct cli *cli);
int cmd_policy_update(struct cli *cli);
int cmd_policy_edit(struct cli *cli);
int cmd_policy_get(struct cli *cli);
int cmd_policy_list(struct cli *cli);
int cmd_policy_diff(struct cli *cli);
int cmd_policy_rollback(struct cli *cli);
int cmd_policy_check(struct cli *cli);
/* Sends operations as a change of a sandbox's policy and finishes it.  Takes body. */
int policy_patch(struct cli *cli, const char *name, json_t *body);
int cmd_policy_explain(struct cli *cli);
int cmd_policy_schema(struct cli *cli);
int policy_cases(struct cli *cli, const char *file);    /* policy check --cases */
int cmd_policy_can_i(struct cli *cli);
int cmd_policy_audit_report(struct cli *cli);
int cmd_policy_learn(struct cli *cli);
int cmd_policy_prune(struct cli *cli);
int cmd_preset_list(struct cli *cli);
int cmd_preset_show(struct cli *cli);
int cmd_preset_add(struct cli *cli);
int cmd_rule_get(struct cli *cli);
int cmd_rule_propose(struct cli *cli);
int cmd_rule_approve(struct cli *cli);
int cmd_rule_reject(struct cli *cli);
int cmd_rule_approve_all(struct cli *cli);
int cmd_rule_edit(struct cli *cli);
int cmd_rule_undo(struct cli *cli);
int cmd_rule_clear(struct cli *cli);
int cmd_rule_history(struct cli *cli);
int cmd_plugin_list(struct cli *cli);
int cmd_plugin_reload(struct cli *cli);
int cmd_plugin_check(struct cli *cli);
int cmd_plugin_test(struct cli *cli);
int cmd_plugin_bench(struct cli *cli);
int cmd_plugin_replay(struct cli *cli);
int cmd_plugin_new(struct cli *cli);
int cmd_plugin_schema(struct cli *cli);
int cmd_plugin_publish(struct cli *cli);
int cmd_plugin_install(struct cli *cli);
int cmd_decision_list(struct cli *cli);
int cmd_decision_show(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
/* store.c */
int cmd_store_migrate(struct cli *cli);
int cmd_backup(struct cli *cli);
int cmd_restore(struct cli *cli);
int cmd_provider_create(struct cli *cli);
int cmd_provider_list(struct cli *cli);
int cmd_provider_get(struct cli *cli);
int cmd_provider_rotate(struct cli *cli);
int cmd_provider_delete(struct cli *cli);
int cmd_provider_attach(struct cli *cli);
int cmd_provider_detach(struct cli *cli);
int cmd_gateway_add(struct cli *cli);
int cmd_gateway_list(struct cli *cli);
int cmd_gateway_select(struct cli *cli);
int cmd_gateway_remove(struct cli *cli);
int cmd_gateway_init_tls(struct cli *cli);
int cmd_token_create(struct cli *cli);
int cmd_export_list(struct cli *cli);
int cmd_host_list(struct cli *cli);
int cmd_token_list(struct cli *cli);
int cmd_token_revoke(struct cli *cli);
int cmd_policy_sign(struct cli *cli);
int cmd_policy_verify(struct cli *cli);
int cmd_ceiling_set(struct cli *cli);
int cmd_ceiling_get(struct cli *cli);
int cmd_ceiling_delete(struct cli *cli);
int cmd_whoami(struct cli *cli);
int cmd_login(struct cli *cli);
int cmd_logout(struct cli *cli);
int cmd_events(struct cli *cli);
int cmd_logs(struct cli *cli);
int cmd_traffic(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_console(struct cli *cli);
int cmd_top(struct cli *cli);
int cmd_completion(struct cli *cli);

/* Runs a command in a sandbox, or attaches to its main process, with the terminal's streams; the
 * exit code is the command's. */
struct exec_request {
    const char *service;                            /* of the sandbox; NULL: the command is run */
    long port;                                      /* of the service tcp */
    const char *const *command;                     /* none: attach to the main process */
    size_t n_command;
    const char *workdir;
    bool tty;
    long timeout_ms;
    json_t *env;                                    /* borrowed; NULL: none */
    const sigset_t *ends; /* signals that end it, 128 + their number; NULL: as usual */
};
int exec_run(const struct cli *cli, const char *sandbox, const struct exec_request *request);
/* The request without streams, as a tree for its body.  An exit code after saying what is wrong
 * with it, or -1. */
int exec_body(const struct cli *cli, const struct exec_request *request, json_t **out);
/* Runs the command without streams and prints its pid. */
int exec_detached(struct cli *cli, const char *sandbox, const struct exec_request *request);
void print_main_process(const json_t *sandbox);     /* rows of sandbox get */

#endif

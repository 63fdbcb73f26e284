/* SPDX-License-Identifier: Apache-2.0 */
/* sluiced: reads the command line and runs the gateway. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/standard.h"
#include "base/terminal.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "store/store.h"
#include "store/url.h"

static const char usage[] =
    "usage: sluiced [--config FILE] [--state-dir DIR] [--listen ADDR]... [--store URL]\n"
    "               [--plugin-dir DIR]... [--log-level debug|info|warn|error]\n"
    "               [--log-format text|json] [--check] [--explain] [--version]\n"
    "\n"
    "The policy gateway: decides policy changes by asking its voters and runs sandboxes.\n"
    "ADDR is unix:PATH or tcp:HOST:PORT[,insecure][,trust_local_uids]; URL is " STORE_URL_FORMS
    ".\n"
    "Works without any flag or file. --explain tells of every key of the configuration.\n"
    "\n"
    "example: sluiced --config /etc/sluice/sluice.yaml --check\n";

enum {
    OPT_CONFIG = 256,
    OPT_STATE_DIR,
    OPT_LISTEN,
    OPT_STORE,
    OPT_PLUGIN_DIR,
    OPT_LOG_LEVEL,
    OPT_LOG_FORMAT,
    OPT_CHECK,
    OPT_EXPLAIN,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"store", required_argument, NULL, OPT_STORE},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"check", no_argument, NULL, OPT_CHECK},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int wrong(const char *message, const char *value)
{
    terminal_print(stderr, "sluiced: %s '%s'\n", message, value);
    terminal_lines(stderr, "", usage);
    return 2;
}

static void explain(void)
{
    struct buf text = {0};
    gateway_config_explain(&text);
    terminal_lines(stdout, "", buf_str(&text));
    buf_free(&text);
}

/* -1: go on; else the exit code. */
static int apply(int option, const char *value, struct gateway_flags *flags, const char **listen,
                 const char **dirs)
{
    switch (option) {
    case OPT_CONFIG:
        flags->config = value;
        return -1;
    case OPT_STATE_DIR:
        flags->state_dir = value;
        return -1;
    case OPT_LISTEN:
        listen[flags->n_listen++] = value;
        return -1;
    case OPT_STORE:
        flags->store = value;
        return -1;
    case OPT_PLUGIN_DIR:
        dirs[flags->n_plugin_dirs++] = value;
        return -1;
    case OPT_LOG_LEVEL:
        return log_level_parse(value, &flags->log_level) == 0 ? -1
                                                              : wrong("no such log level:", value);
    case OPT_LOG_FORMAT:
        flags->log_json = value[0] == 'j';
        return strcmp(value, "json") == 0 || strcmp(value, "text") == 0
                   ? -1
                   : wrong("the log format is text or json, not", value);
    case OPT_CHECK:
        flags->check = true;
        return -1;
    case OPT_EXPLAIN:
        explain();
        return 0;
    case OPT_VERSION:
        terminal_print(stdout, "sluiced %s\n", SLUICE_VERSION);
        return 0;
    case 'h':
        terminal_lines(stdout, "", usage);
        return 0;
    default:
        terminal_lines(stderr, "", usage);
        return 2;
    }
}

static int parse(int argc, char **argv, struct gateway_flags *flags)
{
    const char **listen = alloc_zero((size_t)argc, sizeof *listen);
    const char **dirs = alloc_zero((size_t)argc, sizeof *dirs);
    int option, code = -1;
    flags->listen = listen;
    flags->plugin_dirs = dirs;
    while (code == -1 && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
        code = apply(option, optarg, flags, listen, dirs);
    if (code == -1 && optind < argc)
        code = wrong("unexpected argument", argv[optind]);
    return code;
}

int main(int argc, char **argv)
{
    struct gateway_flags flags = {.log_level = LOG_INFO};
    standard_streams();
    standard_open_files();
    standard_no_core_dumps();
    umask(077);
    int code = parse(argc, argv, &flags);
    if (code < 0) {
        const struct log log = {.fd = STDERR_FILENO,
                                .level = flags.log_level,
                                .json = flags.log_json,
                                .program = "sluiced"};
        signal(SIGPIPE, SIG_IGN);
        /* Updates wait for the disk on a worker each; more of them share one fsync. */
        setenv("UV_THREADPOOL_SIZE", "64", 0);
        mallopt(M_ARENA_MAX, 4);
        code = flags.check ? gateway_check(&flags, &log) : gateway_run(&flags, &log);
    }
    free((void *)flags.listen);
    free((void *)flags.plugin_dirs);
    return code;
}

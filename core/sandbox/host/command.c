/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `sluice-supervisor host`. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/standard.h"
#include "sandbox/host/agent.h"
#include "sandbox/wire/protocol.h"

enum { CAPACITY = 100, EXIT_USAGE = 2 };

static int usage(FILE *out, int code)
{
    fputs(
        "usage: sluice-supervisor host --gateway URL[,URL]... --token-file FILE [--ca FILE]\n"
        "                              [--state-dir DIR] [--label KEY=VALUE]... [--capacity N]\n"
        "\n"
        "Registers this machine with a gateway, which then runs sandboxes here.\n"
        "URL is https://HOST:PORT; the first one that answers is used, the next when it does not.\n"
        "FILE has a token of the role host: its name is the name of this host.\n"
        "\n"
        "example: sluice token create --name h1 --role host    (at the gateway)\n"
        "         sluice-supervisor host --gateway https://gw:7443 --ca ca.pem --token-file "
        "h1.token\n",
        out);
    return code;
}

static int wrong(const char *message, const char *value)
{
    fprintf(stderr, "sluice-supervisor host: %s '%s'\n", message, value);
    return EXIT_USAGE;
}

/* -1: go on. */
static int add_label(json_t *labels, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || json_object_size(labels) >= 64)
        return wrong("a label is KEY=VALUE, and there are at most 64, not", text);
    char *key = strndup(text, (size_t)(equals - text));
    int rc = json_object_set_new(labels, key, json_string(equals + 1));
    free(key);
    return rc == 0 ? -1 : wrong("this is no text in UTF-8:", text);
}

static int apply(int option, const char *value, struct host_options *o, json_t *labels)
{
    char *end;
    switch (option) {
    case 'g':
        o->gateways = value;
        return -1;
    case 't':
        o->token_file = value;
        return -1;
    case 'a':
        o->ca = value;
        return -1;
    case 's':
        o->state_dir = value;
        return -1;
    case 'l':
        return add_label(labels, value);
    case 'c':
        o->capacity = (uint32_t)strtoul(value, &end, 10);
        return *value && !*end && o->capacity >= 1 && o->capacity <= HOST_SANDBOXES_MAX
                   ? -1
                   : wrong("the capacity is a number of sandboxes from 1 to 4096, not", value);
    case 'h':
        return usage(stdout, 0);
    default:
        return usage(stderr, EXIT_USAGE);
    }
}

static int run(struct host_options *o, const json_t *labels, const struct log *log)
{
    char *home = o->state_dir ? NULL : standard_state_home();
    char *state = home ? alloc_printf("%s/sluice-host", home) : NULL;
    char *text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
    if (!o->state_dir)
        o->state_dir = geteuid() == 0 ? "/var/lib/sluice-host" : state;
    o->labels = text;
    int code = o->state_dir ? host_run(o, log) : wrong("say where the state is:", "--state-dir");
    free(text);
    free(state);
    free(home);
    return code;
}

int host_command(int argc, char **argv, const struct log *log)
{
    static const struct option options[] = {
        {"gateway", required_argument, NULL, 'g'},   {"token-file", required_argument, NULL, 't'},
        {"ca", required_argument, NULL, 'a'},        {"state-dir", required_argument, NULL, 's'},
        {"label", required_argument, NULL, 'l'},     {"capacity", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},            {NULL, 0, NULL, 0}};
    struct host_options o = {.capacity = CAPACITY};
    json_t *labels = json_object();
    int code = -1, option;
    while (code < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        code = apply(option, optarg, &o, labels);
    if (code < 0 && optind < argc)
        code = wrong("unexpected argument", argv[optind]);
    else if (code < 0 && (!o.gateways || !o.token_file))
        code = usage(stderr, EXIT_USAGE);
    if (code < 0)
        code = run(&o, labels, log);
    json_decref(labels);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in shared objects, called in this process: trusted like the gateway itself. */
#include "chain/native/native.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "chain/ballot.h"
#include "chain/native/host.h"
#include "chain/native/object.h"
#include "chain/native/record.h"
#include "chain/options.h"
#include "chain/voter.h"

enum { VERSION_MAX = 64, SUMMARY_MAX = 256 };

struct native {
    struct sluice_plugin plugin;
    struct image image;
    struct host host;
    struct options *options;
    void *self;
    bool reentrant;
    pthread_mutex_t turn;                           /* of a plugin that is not reentrant */
};

static void take_turn(struct native *n)
{
    if (!n->reentrant)
        pthread_mutex_lock(&n->turn);
}

static void end_turn(struct native *n)
{
    if (!n->reentrant)
        pthread_mutex_unlock(&n->turn);
}

static int native_vote(struct voter *voter, const struct sluice_transition *transition,
                       struct sluice_ballot *ballot, struct error *err)
{
    const struct native *n = voter->impl;
    return ballot_finish(ballot, n->plugin.vote(n->self, transition, ballot), err);
}

static int native_inspect(struct voter *voter, const struct sluice_request *request,
                          struct sluice_ballot *ballot, struct error *err)
{
    struct native *n = voter->impl;
    uint64_t start = clock_mono_ns();
    take_turn(n);
    int rc = ballot_finish(ballot, n->plugin.inspect(n->self, request, ballot), err);
    end_turn(n);
    return rc == 0 ? voter_check_time(voter, clock_mono_ns() - start, err) : -1;
}

/* Waiting for its turn does not count. */
static int native_vote_in_turn(struct voter *voter, const struct sluice_transition *transition,
                               struct sluice_ballot *ballot, struct error *err)
{
    struct native *n = voter->impl;
    take_turn(n);
    uint64_t start = clock_mono_ns();
    int rc = native_vote(voter, transition, ballot, err);
    uint64_t took = clock_mono_ns() - start;
    end_turn(n);
    return rc == 0 ? voter_check_time(voter, took, err) : -1;
}

static void native_observe(struct voter *voter, const struct sluice_outcome *outcome)
{
    struct native *n = voter->impl;
    if (!n->plugin.observe)
        return;
    take_turn(n);
    n->plugin.observe(n->self, outcome);
    end_turn(n);
}

static void release(struct native *n)
{
    options_free(n->options);
    image_close(&n->image);
    host_close(&n->host);
    pthread_mutex_destroy(&n->turn);
    free(n);
}

static void native_close(struct voter *voter)
{
    struct native *n = voter->impl;
    if (n->plugin.fini)
        n->plugin.fini(n->self);
    release(n);
}

#define OPS(...) \
    {.kind = "native", .inspect = native_inspect, .observe = native_observe, \
     .close = native_close, __VA_ARGS__}
static const struct voter_ops reentrant_ops = OPS(.vote = native_vote, .unstoppable = true),
                              turn_ops = OPS(.vote = native_vote_in_turn);

/* near: the voter so far whose name is nearest to plugin; "": none. */
static void look_for_near(const char *folder, const char *plugin, char near[NAME_MAX + 1])
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *name = entry->d_name;
        size_t len = strlen(name);
        if (len < 4 || strcmp(name + len - 3, ".so") != 0 || text_plain(name, len) != len)
            continue;
        name[len - 3] = '\0';
        const char *const words[] = {name, *near ? near : NULL, NULL};
        if (text_nearest(plugin, words) == name)
            snprintf(near, NAME_MAX + 1, "%s", name);
    }
    if (dir)
        closedir(dir);
}

static char *find_file(const struct chain_config *chain, const char *plugin, struct error *err)
{
    struct buf dirs = {0};
    char near[NAME_MAX + 1] = "";
    for (size_t i = 0; i < chain->n_plugin_dirs; i++) {
        char *path = alloc_printf("%s/%s.so", chain->plugin_dirs[i], plugin);
        if (access(path, F_OK) == 0) {
            buf_free(&dirs);
            return path;
        }
        free(path);
        look_for_near(chain->plugin_dirs[i], plugin, near);
        buf_printf(&dirs, "%s%s", i ? ", " : "", chain->plugin_dirs[i]);
    }
    if (*near)
        error_set(err, ERROR_NOT_FOUND, "there is no %s.so in %s; did you mean %s?", plugin,
                  buf_str(&dirs), near);
    else if (dirs.len)
        error_set(err, ERROR_NOT_FOUND,
                  "there is no %s.so in %s: build it, or name its folder with --plugin-dir or "
                  "plugin_dirs", plugin, buf_str(&dirs));
    else
        error_set(err, ERROR_NOT_FOUND,
                  "there is no %s.so in any plugin folder: none is configured", plugin);
    buf_free(&dirs);
    return NULL;
}

static int check_and_copy(const struct codefile *file, struct native_code *out, struct error *err)
{
    if (object_check(file->bytes, file->size, file->path, err) != 0
        || image_copy(file, &out->image, err) != 0)
        return -1;
    out->path = alloc_str(file->path);
    memcpy(out->sha256, file->sha256, sizeof out->sha256);
    return 0;
}

int native_read(const struct chain_config *chain, const struct chain_voter_config *config,
                struct native_code *out, struct error *err)
{
    struct codefile file;
    *out = (struct native_code){.image = IMAGE_NONE};
    char *path = find_file(chain, config->plugin, err);
    int rc = path ? codefile_read(path, config->sha256, CODEFILE_BYTES_MAX, &file, err) : -1;
    free(path);
    if (rc != 0)
        return -1;
    rc = check_and_copy(&file, out, err);
    codefile_close(&file);
    return rc;
}

void native_code_free(struct native_code *code)
{
    image_close(&code->image);
    free(code->path);
}

/* A text of the record for people to read; NULL counts as "". */
static int copy_label(const char *text, size_t max, const char *what, char **out, struct error *err)
{
    size_t len = text ? strnlen(text, max + 1) : 0;
    if (len > max || text_utf8_valid(text ? text : "", len) != len)
        return error_set(err, ERROR_MALFORMED, "its %s is no UTF-8 text of at most %zu bytes", what,
                         max);
    *out = alloc_strn(text ? text : "", len);
    return 0;
}

static int start_plugin(struct voter *voter, struct native *n, struct error *err)
{
    int rc = n->plugin.init ? n->plugin.init(&n->host.face, options_face(n->options), &n->self) : 0;
    host_started(&n->host);
    if (rc == 0)
        return 0;
    if (n->host.said[0])
        return error_set(err, ERROR_STATE, "%s refused to start: %s", voter->path, n->host.said);
    return error_set(err, ERROR_STATE, "%s refused to start: its init returned %d", voter->path,
                     rc);
}

/* Maps, checks and starts what was read.  On failure the caller releases n. */
static int load(struct voter *voter, struct native *n, const struct chain_voter_config *config,
                struct error *err)
{
    if (image_map(&n->image, voter->path, err) != 0
        || record_read(n->image.handle, config->plugin, voter->path, &n->plugin, err) != 0)
        return -1;
    if (copy_label(n->plugin.version, VERSION_MAX, "version", &voter->version, err) != 0
        || copy_label(n->plugin.summary, SUMMARY_MAX, "summary", &voter->summary, err) != 0)
        return error_prefix(err, "%s", voter->path);
    n->reentrant = n->plugin.flags & SLUICE_REENTRANT;
    voter->ops = n->reentrant ? &reentrant_ops : &turn_ops;
    voter->votes = n->plugin.vote != NULL;
    voter->inspects = n->plugin.inspect != NULL;
    voter->inspects_responses = voter->inspects && n->plugin.flags & SLUICE_INSPECT_RESPONSES;
    n->options = options_read(n->plugin.options, config->options_json, err);
    if (!n->options)
        return -1;
    voter->options = alloc_str(options_json(n->options));
    voter->codes = n->plugin.codes;
    voter->option_table = n->plugin.options;
    return start_plugin(voter, n, err);
}

static int give_body(struct voter *voter, struct native_code *code,
                     const struct chain_voter_config *config, const struct log *log,
                     struct error *err)
{
    struct native *n = alloc_zero(1, sizeof *n);
    n->image = code->image;
    code->image = (struct image)IMAGE_NONE;
    host_open(&n->host, voter->name, log);
    pthread_mutex_init(&n->turn, NULL);
    if (load(voter, n, config, err) != 0) {
        release(n);
        return -1;
    }
    voter->impl = n;
    return 0;
}

struct voter *native_open(struct native_code *code, const struct chain_config *chain,
                          const struct chain_voter_config *config, const struct log *log,
                          struct error *err)
{
    struct voter *voter = voter_new(&turn_ops, chain, config);
    voter->name = alloc_str(config->name && *config->name ? config->name : config->plugin);
    voter->path = alloc_str(code->path);
    voter->sha256 = alloc_str(code->sha256);
    if (give_body(voter, code, config, log, err) != 0) {
        voter_free(voter);
        return NULL;
    }
    return voter;
}

struct voter *voter_native_open(const struct chain_config *chain,
                                const struct chain_voter_config *config, const struct log *log,
                                struct error *err)
{
    struct native_code code;
    struct voter *voter = NULL;
    if (native_read(chain, config, &code, err) == 0)
        voter = native_open(&code, chain, config, log, err);
    native_code_free(&code);
    return voter;
}

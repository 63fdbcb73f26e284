/* SPDX-License-Identifier: Apache-2.0 */
/* A sluice plugin: one shared object that votes on policy changes, on requests, or on both.
 *
 *     #include <sluice/plugin.h>
 *
 *     static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
 *                                     struct sluice_ballot *b)
 *     {
 *         (void)self;
 *         if (t->diff->n_added > 10)
 *             return sluice_deny(b, "TOO_MANY", "network_policies", "%zu rules at once",
 *                                t->diff->n_added);
 *         return sluice_allow(b);
 *     }
 *
 *     SLUICE_PLUGIN(.name = "few_rules", .version = "1.0.0", .vote = vote);
 *
 * Build: cc -shared -fPIC $(pkg-config --cflags sluice-plugin) -o few_rules.so few_rules.c
 * There is no library to link.  The file must be called <name>.so.
 *
 * A plugin has no mutable file-scope state: init() makes a self, fini() releases it, and one
 * process may hold several instances with different options. */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <sluice/host.h>
#include <sluice/option.h>
#include <sluice/request.h>
#include <sluice/transition.h>
#include <sluice/version.h>

struct sluice_code {
    const char *code;                               /* the table ends with a row without a code */
    const char *help;
};

enum sluice_plugin_flags {
    SLUICE_REENTRANT = 1u << 0,                     /* vote() may run on several threads at once */
    SLUICE_INSPECT_RESPONSES = 1u << 1, /* inspect() is asked about answers, too, and about the
                                         * messages of WebSocket servers */
};

struct sluice_plugin {
    uint32_t abi, size; /* filled by SLUICE_PLUGIN() and checked before anything else is read */
    const char *name, *version, *summary;
    const struct sluice_option *options;            /* NULL: none */
    const struct sluice_code *codes;                /* what deny and hold may say; NULL: anything */
    uint32_t flags;

    /* Before the first vote, on any one thread.  Returns 0, or another number to be refused (say
     * why through host->log).  May block.  NULL: no init. */
    int (*init)(const struct sluice_host *host, const struct sluice_options *options, void **self);

    /* On a worker thread, within the voter's timeout.  One at a time unless SLUICE_REENTRANT.
     * NULL: it has no opinion on changes; inspect() is required then. */
    enum sluice_verdict (*vote)(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b);

    /* After the decision, whatever it was; it cannot change it.  Dry runs are not observed. */
    void (*observe)(void *self, const struct sluice_outcome *outcome);

    /* After the last vote, on any one thread. */
    void (*fini)(void *self);

    /* About a request that the policy lets through, or its answer, on the thread that carries the
     * traffic: quick, and it never blocks.  NULL: the plugin does not look at requests. */
    enum sluice_verdict (*inspect)(void *self, const struct sluice_request *r,
                                   struct sluice_ballot *b);
};

/* What the gateway reads from the file before it is loaded: an ELF note of this name and type,
 * whose four-byte descriptor is the ABI number. */
#define SLUICE_NOTE_SECTION ".note.sluice"
#define SLUICE_NOTE_NAME    "sluice"
#define SLUICE_NOTE_ABI     1u

#define SLUICE_EXPORT __attribute__((visibility("default")))

/* Exactly once in each plugin. */
#define SLUICE_PLUGIN(...)                                                                 \
    __attribute__((section(SLUICE_NOTE_SECTION), used, aligned(4))) static const struct {  \
        uint32_t name_size, desc_size, type;                                               \
        char name[8];                                                                      \
        uint32_t abi;                                                                      \
    } sluice_plugin_note = {sizeof SLUICE_NOTE_NAME, 4, SLUICE_NOTE_ABI, SLUICE_NOTE_NAME, \
                            SLUICE_ABI};                                                   \
    SLUICE_EXPORT extern const struct sluice_plugin sluice_plugin;                         \
    const struct sluice_plugin sluice_plugin = {                                           \
        .abi = SLUICE_ABI, .size = sizeof(struct sluice_plugin), __VA_ARGS__}

#endif

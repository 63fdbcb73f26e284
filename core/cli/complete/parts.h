/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of core/cli/complete share. */
#ifndef CLI_COMPLETE_PARTS_H
#define CLI_COMPLETE_PARTS_H

#include "cli/cli.h"

/* A command line that is not finished yet. */
struct typed {
    struct cli cli;                                 /* its command, operands and options so far */
    const char *group;
    const struct arg_option *wants;                 /* the option whose value is typed, or NULL */
    const char *current;                            /* what there is of the word */
    bool rest;                                      /* behind -- */
};

/* Prints it where it begins as the current word does. */
void offer(const struct typed *typed, const char *word, const char *meaning);
/* The words of a list that is written A|B|C or " a b c". */
void offer_words(const struct typed *typed, const char *list);

/* ---- live.c: what there is at the gateway; each asks it once ---- */
void offer_sandboxes(struct typed *typed);
void offer_chunks(struct typed *typed);             /* of the sandbox that is named */
void offer_revisions(struct typed *typed);
void offer_decisions(struct typed *typed);
void offer_providers(struct typed *typed);
void offer_tokens(struct typed *typed);
void offer_gateways(struct typed *typed);
void offer_presets(struct typed *typed);

#endif

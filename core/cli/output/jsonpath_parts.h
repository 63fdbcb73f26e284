/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed template: shared by parser and evaluation. */
#ifndef CLI_OUTPUT_JSONPATH_PARTS_H
#define CLI_OUTPUT_JSONPATH_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/output/jsonpath.h"

enum step_kind { STEP_MEMBER, STEP_ITEM, STEP_SLICE, STEP_ALL, STEP_FILTER };

struct step {
    enum step_kind kind;
    char *name;                                     /* of a member */
    long from, to; /* of an item (from) or a slice; negative: from the end */
    bool open;                                      /* the slice has no end */
    struct path *compared;                          /* of a filter: below the item */
    bool equal;                                     /* == and not != */
    json_t *value; /* what it is compared with; NULL: it is there */
};

struct path {
    bool of_document;                               /* begins with $ */
    size_t n;
    struct step *steps;
};

enum part_kind { PART_TEXT, PART_PATH, PART_RANGE, PART_END };

struct part {
    enum part_kind kind;
    char *text;
    struct path path;
    size_t end;                                     /* of a range: its PART_END */
};

struct jsonpath {
    size_t n;
    struct part *parts;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Words that people know from docker, kubectl and OpenShell: short ones that work here too, and
 * those for which the command of the same effect is told. */
#ifndef CLI_HABITS_H
#define CLI_HABITS_H

#include <stddef.h>

struct habit {
    const char *group, *word, *meant;
};

/* The command GROUP MEANT that a short word stands for, NULL: none.  group NULL: the word stands in
 * place of both. */
const struct habit *habit_short(const char *group, const char *word);
/* What was probably meant, as words behind "sluice"; NULL: nobody knows. */
const char *habit_meant(const char *group, const char *word);
/* The list of these, in no order.  NULL: there are no more than i. */
const struct habit *habit_guess(size_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* --update: replaces failed expectations in the case files by what the voters answered.  The rest
 * of a file, comments included, stays as it is. */
#ifndef TESTKIT_REWRITE_H
#define TESTKIT_REWRITE_H

#include <stdio.h>

#include "testkit/run.h"

/* Says on `to` what was written and what was not, and why.  Returns the number of expectations that
 * were rewritten, or -1 with err. */
int rewrite_suite(const struct suite *suite, const struct run *run, FILE *to, struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Schema-independent checks of a policy: the same for every kind of update.  Every problem is
 * reported, with its document path; line and column are filled in by policy_locate() where the text
 * is at hand.  Pure, any thread. */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "policy/policy.h"

/* -1 if there was a problem.  Warnings are what an author should know but may ignore.  What passes
 * can be read back from its canonical text. */
int policy_check(const struct policy *policy, struct problems *problems, struct problems *warnings);

/* Fills in line and column of problems that have only a document path, from the document's tree. */
void policy_locate(struct problems *problems, const struct doc_node *tree);

#endif

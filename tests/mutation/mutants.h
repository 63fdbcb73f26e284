/* SPDX-License-Identifier: Apache-2.0 */
/* Included first into each file that mutants.py has changed. */
#ifndef MUTATION_MUTANTS_H
#define MUTATION_MUTANTS_H

/* Whether the change of this number is the one of this run (MUTANT); notes that it is reached. */
_Bool mutant(int number);

#endif

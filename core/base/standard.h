/* SPDX-License-Identifier: Apache-2.0 */
/* What a program of ours needs of its process: standard streams, room for open files. */
#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

/* For the beginning of main(): a program that is started without one of them would give its number
 * to the next file it opens, and write its messages there.  Those missing are made to fail
 * instead. */
void standard_streams(void);

/* As many open files as this process may have. */
void standard_open_files(void);

/* No core dumps of this process and of those that it starts, neither to a file nor to the program
 * that core_pattern names: their memory has credentials. */
void standard_no_core_dumps(void);

/* The folder for the state of this user's programs: XDG_STATE_HOME, or .local/state in HOME or in
 * the account's home folder; never one that another user could make.  NULL: there is none.
 * free() it. */
char *standard_state_home(void);

#endif

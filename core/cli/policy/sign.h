/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_POLICY_SIGN_H
#define CLI_POLICY_SIGN_H

struct cli;

/* The line of a signature's file, which the caller frees.  An exit code after saying what is wrong,
 * or -1. */
int signature_read(const struct cli *cli, const char *path, char **out);

/* The field Sluice-Signature of --signature, which the caller frees; NULL where it is not given. */
int signature_header(const struct cli *cli, char **out);

#endif

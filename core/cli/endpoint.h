/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to the gateway: --gateway, SLUICE_GATEWAY or the local socket. */
#ifndef CLI_ENDPOINT_H
#define CLI_ENDPOINT_H

#include <curl/curl.h>

#include "cli/cli.h"

char *endpoint_default(void);
/* An exit code after saying that this is no address, or -1. */
int endpoint_check(const struct cli *cli);
/* A handle for path at the gateway, for curl_easy_cleanup. */
CURL *endpoint_curl(const struct cli *cli, const char *path);
/* Whether a token may be sent over the connection.  -1 after saying why not. */
int endpoint_trusts(const struct cli *cli, CURL *curl);
/* Why a transfer failed, in words; detail as below. */
const char *endpoint_reason(CURLcode code, const char *detail);
/* Says why the gateway was not reached; detail is what CURLOPT_ERRORBUFFER holds.
 * EXIT_UNREACHABLE. */
int endpoint_failed(const struct cli *cli, CURL *curl, CURLcode code, const char *detail);

#endif

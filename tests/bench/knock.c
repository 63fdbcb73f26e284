/* SPDX-License-Identifier: Apache-2.0 */
/* knock ADDRESS PORT PATH PAUSE_US [N]: runs inside a sandbox and asks its proxy for the same page
 * for ever, or N times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    char text[256];
    if (argc != 5 && argc != 6)
        return 2;
    int n = snprintf(text, sizeof text, "GET http://%s:%s%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
                     argv[1], argv[2], argv[3], argv[1], argv[2]);
    for (long left = argc == 6 ? atol(argv[5]) : -1; left != 0; left--) {
        if (c.fd < 0)
            c.fd = connect_tcp("10.200.0.1", 3128);
        send_all(c.fd, text, (size_t)n);
        int status = c.fd < 0 ? 0 : read_response(&c, NULL);
        if (atoi(argv[4]) > 0)
            usleep((useconds_t)atoi(argv[4]));
        if (status == 200)
            continue;
        close(c.fd);
        c.fd = -1;
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* requests CHAIN N: asks the chain of a gateway's configuration about N requests on record, as
 * plugin replay does, and prints the seconds, of the clock and of the processor, and how many would
 * not pass.  One in ten goes to a host that ends in 7. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "testkit/replay_requests.h"

enum { HOSTS = 1000, TIMEOUT_S = 30 };

static void ignore(void *arg, const struct replay_request_difference *difference)
{
    (void)arg;
    (void)difference;
}

static struct replay_request *make_requests(size_t n)
{
    static const struct sluice_sandbox sandbox = {
        .size = sizeof sandbox, .name = "bench", .id = "1", .running = true};
    struct replay_request *list = alloc_zero(n, sizeof *list);
    char *hosts[HOSTS];
    for (size_t i = 0; i < HOSTS; i++)
        hosts[i] = alloc_printf("host%zu", i);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct replay_request){
            .sandbox = "bench", .last_seen = "", .count = 1,
            .request = {.size = sizeof list->request, .sandbox = &sandbox,
                        .binary = "/usr/bin/curl", .host = hosts[i % HOSTS], .port = 443,
                        .rule = "api", .protocol = "rest", .method = "GET",
                        .path = "/v1/items/some/where", .query = "", .body = "", .operation = "",
                        .tool = "", .message = "", .tls = ""}};
    return list;
}

int main(int argc, char **argv)
{
    size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, asked;
    struct error err;
    if (n == 0) {
        fprintf(stderr, "requests CHAIN N\n");
        return 2;
    }
    const struct replay_requests replay = {.chain = argv[1], .settings = {.usual_dirs = true},
                                           .timeout_s = TIMEOUT_S, .requests = make_requests(n),
                                           .n = n, .differs = ignore};
    uint64_t start = clock_mono_ns();
    long differing = replay_requests_run(&replay, &asked, &err);
    double seconds = (double)(clock_mono_ns() - start) / 1e9;
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    if (differing < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%.2f s (%.2f s of processor): %zu asked, %ld would not pass\n", seconds,
           (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6, asked, differing);
    return 0;
}

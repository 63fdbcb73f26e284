/* SPDX-License-Identifier: Apache-2.0 */
/* callers ADDRESS PORT PROCESSES CONNECTIONS: inside a sandbox, beside so many idle processes, the
 * time that a connect to the proxy takes, and the time from there to the answer to a CONNECT that
 * no rule allows.  Microseconds. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void start_idle(int n)
{
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
            _exit(0);
        }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    printf("%s p50 %.0f us  p99 %.0f us  ", what, times[n / 2], times[n * 99 / 100]);
}

static int measure(const struct sockaddr_in *proxy, double *connected, double *answered)
{
    static const char request[] = "CONNECT nobody.test:443 HTTP/1.1\r\nHost: nobody.test\r\n\r\n";
    char answer[4096];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    double start = now_us();
    if (connect(fd, (const struct sockaddr *)proxy, sizeof *proxy) != 0)
        return -1;
    double middle = now_us();
    int rc = send(fd, request, sizeof request - 1, 0) > 0 && recv(fd, answer, sizeof answer, 0) > 0
                 ? 0 : -1;
    *connected = middle - start;
    *answered = now_us() - middle;
    close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    struct sockaddr_in proxy = {.sin_family = AF_INET};
    if (argc != 5 || inet_pton(AF_INET, argv[1], &proxy.sin_addr) != 1) {
        fprintf(stderr, "usage: callers ADDRESS PORT PROCESSES CONNECTIONS\n");
        return 2;
    }
    proxy.sin_port = htons((uint16_t)atoi(argv[2]));
    size_t n = (size_t)atoi(argv[4]);
    double *connected = calloc(n, sizeof *connected), *answered = calloc(n, sizeof *answered);
    if (n == 0 || !connected || !answered)
        return 2;
    start_idle(atoi(argv[3]));
    for (size_t i = 0; i < n; i++)
        if (measure(&proxy, &connected[i], &answered[i]) != 0) {
            perror("callers");
            return 1;
        }
    print("connect", connected, n);
    print("answer", answered, n);
    printf("(%s processes, n %zu)\n", argv[3], n);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sluice top: sandboxes, requests and the inbox on a terminal.
 *
 * A child has the screen.  Its parent waits, and puts the terminal right again whatever ended the
 * child, also a crash or SIGKILL. */
#define NCURSES_NOMACROS
#include "cli/top/top.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"

enum { TICK_MS = 1000 };

static void top_line(void *ctx, const char *line)
{
    struct top *top = ctx;
    top->changed |= strncmp(line, "data: ", 6) == 0;
}

static bool top_idle(void *ctx)
{
    struct top *top = ctx;
    bool pressed = top_keys(top), read = !top->quit && top_read(top);
    if (pressed || read)
        top_draw(top);
    return !top->quit;
}

/* Widths are those of UTF-8, whatever the locale is. */
static void use_utf8(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* Complaints wait until the screen is gone. */
static int hold_stderr(int *held)
{
    int before = dup(STDERR_FILENO);
    *held = memfd_create("messages", MFD_CLOEXEC);
    if (*held >= 0)
        dup2(*held, STDERR_FILENO);
    return before;
}

static void give_back_stderr(int before, int held)
{
    struct buf text = {0};
    char part[4096];
    ssize_t n;
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    if (held >= 0)
        lseek(held, 0, SEEK_SET);
    while (held >= 0 && (n = read(held, part, sizeof part)) > 0)
        buf_add(&text, part, (size_t)n);
    terminal_lines(stderr, "", buf_str(&text));
    buf_free(&text);
    if (held >= 0)
        close(held);
}

/* clean: told to the parent, where the terminal is as it was. */
static int show(const struct cli *cli, bool *clean)
{
    struct top top = {.cli = *cli, .focus = PANE_INBOX};
    int held, before = hold_stderr(&held);
    top.cli.quiet = true;
    const struct call call = {.method = "GET",
                              .accept = "text/event-stream",
                              .path = alloc_str("/v1/events?follow=true"),
                              .idle = top_idle,
                              .tick_ms = TICK_MS};
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    curs_set(0);
    int code = client_follow(&top.cli, &call, top_line, &top);
    endwin();
    *clean = true;
    give_back_stderr(before, held);
    top_free(&top);
    return code;
}

static int no_screen(const struct cli *cli)
{
    const char *name = getenv("TERM");
    return name && *name ? usage_error(cli, "the terminal '%s' is not known here: set TERM", name)
                         : usage_error(cli, "which terminal is this? set TERM");
}

/* In the child. */
static int run(const struct cli *cli, bool *clean)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_DFL);
    SCREEN *screen = newterm(NULL, stdout, stdin);
    *clean = !screen;
    if (!screen)
        return no_screen(cli);
    int code = show(cli, clean);
    delscreen(screen);
    return code;
}

/* ---- the parent ---- */

static void put_right(const struct termios *before)
{
    static const char *const ends[] = {"rmcup", "rmkx", "cnorm", "sgr0"};
    int error;
    bool known = setupterm(NULL, STDOUT_FILENO, &error) == OK;
    for (size_t i = 0; known && i < sizeof ends / sizeof *ends; i++) {
        const char *text = tigetstr(ends[i]);
        if (text && text != (const char *)-1)
            putp(text);
    }
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, before);
}

/* How the child ended.  A signal for this process is one for the child; *signal is the first. */
static int wait_child(pid_t child, const sigset_t *signals, int *signal)
{
    int status;
    for (;;) {
        int got = sigwaitinfo(signals, NULL);
        if (got > 0 && got != SIGCHLD) {
            *signal = *signal ? *signal : got;
            kill(child, got);
        }
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
    }
}

static int supervise(pid_t child, const sigset_t *signals, const struct termios *before,
                     const bool *clean)
{
    int signal = 0, status = wait_child(child, signals, &signal);
    if (WIFSIGNALED(status) && !signal)
        signal = WTERMSIG(status);
    if (!*clean)
        put_right(before);
    if (signal)
        complain("ended by signal %d (%s)", signal, strsignal(signal));
    return signal ? 128 + signal : WEXITSTATUS(status);
}

int cmd_top(struct cli *cli)
{
    struct termios before;
    sigset_t signals, old;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return usage_error(cli,
                           "top needs a terminal; for scripts there are sandbox list -w, rule get "
                           "-A -w and events -f");
    bool *clean =
        mmap(NULL, sizeof *clean, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (clean == MAP_FAILED) {
        complain("there is no memory left");
        return EXIT_REFUSED;
    }
    use_utf8();
    sigemptyset(&signals);
    for (const int *s = (const int[]){SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCHLD, 0}; *s; s++)
        sigaddset(&signals, *s);
    sigprocmask(SIG_BLOCK, &signals, &old);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        return run(cli, clean);
    }
    int code = child > 0 ? supervise(child, &signals, &before, clean) : EXIT_REFUSED;
    sigprocmask(SIG_SETMASK, &old, NULL);
    munmap(clean, sizeof *clean);
    return code;
}

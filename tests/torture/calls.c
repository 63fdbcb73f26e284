/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program (LD_PRELOAD), also into one with AddressSanitizer: sees each call of the
 * functions of failing.h, and makes one of them fail once.
 *
 * A place is a function, the program, the first frame of the program itself, and the frame of a
 * library before it, or as many as CALLS_DEPTH.  Addresses have to be the same in each run
 * (setarch -R).  What a library asks of another, or of itself, is only looked at where that is the
 * C library.
 *
 *   CALLS_LIST=FILE    a line for each place that is reached: key and address of the caller,
 *                      function, program, frames
 *   CALLS_FAIL=KEY     the place whose next call fails, once in all processes
 *   CALLS_HIT=FILE     is made when it does
 *   CALLS_ONLY=NAME    the program alone of this name takes part */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include "failing.h"

enum { LIBRARY_FRAMES = 8, MOST_FRAMES = 48, PLACES = 1 << 16, USUAL = 1 << 14 };

/* Shared with what the process forks. */
struct seen {
    atomic_bool failed;
    _Atomic uint64_t keys[PLACES], usual[USUAL];
};

static struct {
    bool lists, fails;
    size_t depth;                                   /* frames of libraries that tell places apart */
    uint64_t fail, program;
    uintptr_t caller, text, text_end, shim, shim_end;
    const char *hit;
    char name[64];
    int list;
    struct seen *seen;
} calls;

static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

static uint64_t mix(uint64_t key, uint64_t more)
{
    key = (key ^ more) * 0x9e3779b97f4a7c15u;
    return key ^ (key >> 29);
}

static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    uintptr_t *range = arg;
    bool is_program = range == &calls.text;
    if (!is_program && !strstr(info->dlpi_name, "/calls.so"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        range[0] = info->dlpi_addr + part->p_vaddr;
        range[1] = range[0] + part->p_memsz;
    }
    return 1;                                       /* the program is the first */
}

__attribute__((constructor)) static void begin(void)
{
    const char *list = getenv("CALLS_LIST"), *fail = getenv("CALLS_FAIL");
    const char *only = getenv("CALLS_ONLY"), *depth = getenv("CALLS_DEPTH");
    snprintf(calls.name, sizeof calls.name, "%s", program_invocation_short_name);
    if (only && strcmp(only, calls.name) != 0)
        return;
    inside = true;
    calls.depth = depth ? strtoul(depth, NULL, 10) : 1;
    calls.depth = calls.depth > LIBRARY_FRAMES ? LIBRARY_FRAMES : calls.depth;
    dl_iterate_phdr(find_text, &calls.text);
    dl_iterate_phdr(find_text, &calls.shim);
    for (const char *c = calls.name; *c; c++)
        calls.program = mix(calls.program, (unsigned char)*c);
    calls.seen =
        mmap(NULL, sizeof *calls.seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    calls.hit = getenv("CALLS_HIT");
    char *rest = NULL;
    calls.fail = fail ? strtoull(fail, &rest, 16) : 0;
    calls.caller = rest && *rest == '-' ? strtoull(rest + 1, NULL, 16) : 0;
    calls.list = list ? (int)syscall(SYS_openat, AT_FDCWD, list,
                                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
                      : -1;
    int high = list ? (int)syscall(SYS_fcntl, calls.list, F_DUPFD_CLOEXEC, 900) : -1;
    if (high >= 0) {
        syscall(SYS_close, calls.list);
        calls.list = high;                          /* where no test counts descriptors */
    }
    calls.fails = fail && calls.seen != MAP_FAILED;
    calls.lists = calls.list >= 0 && calls.seen != MAP_FAILED;
    inside = false;
}

struct walk {
    uintptr_t frames[LIBRARY_FRAMES + 1];
    size_t n, passed;
    bool own, through_libraries;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    uintptr_t at = _Unwind_GetIP(context);
    walk->passed++;
    if (at >= calls.shim && at < calls.shim_end)
        return _URC_NO_REASON;
    walk->own = at >= calls.text && at < calls.text_end;
    if (walk->own || walk->n < calls.depth)
        walk->frames[walk->n++] = at;
    if (!walk->own && !walk->through_libraries)
        return _URC_END_OF_STACK;
    return walk->own || walk->passed > MOST_FRAMES ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static bool is_new(uint64_t key)
{
    for (size_t i = key % PLACES, n = 0; n < PLACES; i = (i + 1) % PLACES, n++) {
        uint64_t free_place = 0;
        if (atomic_load(&calls.seen->keys[i]) == key)
            return false;
        if (atomic_compare_exchange_strong(&calls.seen->keys[i], &free_place, key))
            return true;
        if (free_place == key)
            return false;
    }
    return false;
}

static void write_place(uint64_t key, const char *function, void *caller, const struct walk *walk)
{
    char line[1024], program[512];
    ssize_t got = readlink("/proc/self/exe", program, sizeof program - 1);
    program[got > 0 ? got : 0] = '\0';
    int n =
        snprintf(line, sizeof line, "%016llx-%lx %s %s", (unsigned long long)key,
                     (unsigned long)caller, function, program);
    for (size_t i = 0; i < walk->n && n < (int)sizeof line - 128; i++) {
        Dl_info info = {0};
        bool own = walk->own && i + 1 == walk->n;
        if (!own && dladdr((void *)walk->frames[i], &info) && info.dli_fname) {
            const char *slash = strrchr(info.dli_fname, '/');
            n += snprintf(
                line + n, sizeof line - (size_t)n, " %.40s:%.40s+%lx",
                slash ? slash + 1 : info.dli_fname, info.dli_sname ? info.dli_sname : "?",
                (unsigned long)(walk->frames[i] -
                                (uintptr_t)(info.dli_saddr ? info.dli_saddr : info.dli_fbase)));
        } else {
            n +=
                snprintf(line + n, sizeof line - (size_t)n, " %lx", (unsigned long)walk->frames[i]);
        }
    }
    line[n++] = '\n';
    syscall(SYS_write, calls.list, line, n);
}

static void note_hit(void)
{
    int fd = calls.hit ? (int)syscall(SYS_openat, AT_FDCWD, calls.hit,
                                      O_WRONLY | O_CREAT | O_CLOEXEC, 0666)
                       : -1;
    if (fd >= 0)
        syscall(SYS_close, fd);
}

/* A stack is not walked again that has the same caller at the same depth: most calls are such. */
static bool is_usual(const char *function, uintptr_t caller, const void *frame)
{
    uint64_t key = mix(mix((uintptr_t)function, caller), (uintptr_t)frame);
    return atomic_exchange_explicit(&calls.seen->usual[key % USUAL], key, memory_order_relaxed) ==
           key;
}

bool calls_fail(const char *function, bool of_libc, void *caller, void *frame)
{
    if ((!calls.lists && !calls.fails) || inside ||
        (calls.fails && atomic_load(&calls.seen->failed)))
        return false;
    if (calls.fails ? (uintptr_t)caller != calls.caller
                    : is_usual(function, (uintptr_t)caller, frame))
        return false;
    int saved = errno;
    inside = true;
    struct walk walk = {.through_libraries = of_libc};
    _Unwind_Backtrace(step, &walk);
    uint64_t key = calls.program;
    for (const char *c = function; *c; c++)
        key = mix(key, (unsigned char)*c);
    for (size_t i = 0; i < walk.n; i++)
        key = mix(key, walk.frames[i]);
    if (calls.lists && walk.own && is_new(key))
        write_place(key, function, caller, &walk);
    bool fails = calls.fails && key == calls.fail && !atomic_exchange(&calls.seen->failed, true);
    if (fails)
        note_hit();
    inside = false;
    errno = saved;
    return fails;
}

/* While the first functions are looked up there is none to call. */
void *calls_real(const char *function)
{
    bool was = inside;
    inside = true;
    void *real = dlsym(RTLD_NEXT, function);
    inside = was;
    if (real)
        return real;
    dprintf(STDERR_FILENO, "calls: no %s to call\n", function);
    _exit(127);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/release_memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The segments nobody writes hold nothing that is not in the file. */
static int drop_code(struct dl_phdr_info *object, size_t size, void *unused)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)unused;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

static void on_idle(uv_timer_t *timer)
{
    (void)timer;
    malloc_trim(0);
    dl_iterate_phdr(drop_code, NULL);
}

void release_memory_later(uv_timer_t *timer)
{
    enum { IDLE_MS = 1000 };
    uv_timer_start(timer, on_idle, IDLE_MS, 0);
}

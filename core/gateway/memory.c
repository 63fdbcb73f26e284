/* SPDX-License-Identifier: Apache-2.0 */
/* Gives memory back that many clients at once needed.  The allocator keeps what is freed between
 * what is not, so a gateway would stay as large as it ever was. */
#include <malloc.h>

#include "gateway/gateway_parts.h"
#include "runtime/jobs.h"

enum { LOOK_MS = 5000, GROWTH = 2 << 20 };

static void trim(void *arg)
{
    struct gateway *g = arg;
    malloc_trim(0);
    uv_resident_set_memory(&g->memory_left);
}

static void trimmed(void *arg)
{
    struct gateway *g = arg;
    g->trimming = false;
}

/* What is resident after a trim is in use; what has come since may be free by now. */
static void look(uv_timer_t *timer)
{
    struct gateway *g = timer->data;
    size_t resident = 0;
    if (g->trimming || g->stopping || uv_resident_set_memory(&resident) != 0)
        return;
    if (resident < g->memory_left)
        g->memory_left = resident;
    if (resident - g->memory_left <= GROWTH)
        return;
    g->trimming = true;
    jobs_run(g->jobs, NULL, trim, trimmed, g);
}

void gateway_watch_memory(struct gateway *g)
{
    uv_timer_init(&g->loop, &g->memory_timer);
    g->memory_timer.data = g;
    uv_timer_start(&g->memory_timer, look, LOOK_MS, LOOK_MS);
    uv_unref((uv_handle_t *)&g->memory_timer);
}

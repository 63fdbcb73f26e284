/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/log_line.h"

#include <string.h>
#include <strings.h>


static const char source[] = "sandbox";

/* By rank; a level that is none of them passes every filter. */
static const char *const levels[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};

enum { N_LEVELS = sizeof levels / sizeof *levels };

/* 1 for ERROR, and so on; 0: unknown. */
static unsigned rank_of(const char *word, size_t len)
{
    for (unsigned i = 0; i < N_LEVELS; i++)
        if (strlen(levels[i]) == len && strncasecmp(levels[i], word, len) == 0)
            return i + 1;
    return len == 4 && strncasecmp(word, "OCSF", len) == 0 ? 3 : 0;
}

struct grpc_log_filter grpc_log_filter(const struct grpc_work *work, const char *sources,
                                       const char *min_level, int64_t since_ms)
{
    const struct doc_node *list = doc_get(work->request, sources);
    const char *least = grpc_text(work, min_level);
    struct grpc_log_filter filter = {.since_ms = since_ms, .least = rank_of(least, strlen(least))};
    filter.nothing = list && list->n;
    for (size_t i = 0; list && i < list->n; i++)
        if (strcmp(list->items[i]->text, source) == 0)
            filter.nothing = false;
    return filter;
}

/* "TIME LEVEL  TEXT". */
bool grpc_log_line_read(const struct grpc_log_filter *filter, const char *line, size_t len,
                        struct grpc_log_line *out)
{
    const char *end = line + len, *level = memchr(line, ' ', len);
    const char *after = level ? memchr(level + 1, ' ', (size_t)(end - level - 1)) : NULL;
    if (filter->nothing || !after)
        return false;
    unsigned rank = rank_of(level + 1, (size_t)(after - level - 1));
    while (after < end && *after == ' ')
        after++;
    *out = (struct grpc_log_line){grpc_parse_time(line), rank ? levels[rank - 1] : "INFO", after,
                                  (size_t)(end - after)};
    return out->at_ms >= filter->since_ms && (!filter->least || !rank || rank <= filter->least);
}

void grpc_log_line_put(struct doc_writer *w, const char *sandbox_id,
                       const struct grpc_log_line *line, struct arena *arena)
{
    grpc_put_text(w, "sandbox_id", sandbox_id);
    grpc_put_time(w, "timestamp_ms", "event_time", line->at_ms);
    grpc_put_text(w, "level", line->level);
    grpc_put_text(w, "target", source);
    grpc_put_text(w, "message", arena_strn(arena, line->text, line->len));
    grpc_put_text(w, "source", source);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/log_ring.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log_file.h"

/* ---- what is kept ---- */

static size_t slot(const struct log_ring *ring, size_t i)
{
    return (ring->first + i) % LOG_LINES_KEPT;
}

static enum log_kind largest_kind(const struct log_ring *ring)
{
    enum log_kind largest = LOG_KIND_GENERAL;
    for (int kind = 0; kind < LOG_KIND_COUNT; kind++)
        if (ring->kind_bytes[kind] > ring->kind_bytes[largest])
            largest = (enum log_kind)kind;
    return largest;
}

/* The oldest line of the kind that has most, so that no kind rolls out another. */
static void drop_oldest(struct log_ring *ring)
{
    enum log_kind kind = largest_kind(ring);
    size_t i = 0;
    while (ring->kinds[slot(ring, i)] != kind)
        i++;
    char *oldest = ring->lines[slot(ring, i)];
    ring->bytes -= strlen(oldest);
    ring->kind_bytes[kind] -= strlen(oldest);
    free(oldest);
    for (; i > 0; i--) {
        ring->lines[slot(ring, i)] = ring->lines[slot(ring, i - 1)];
        ring->kinds[slot(ring, i)] = ring->kinds[slot(ring, i - 1)];
    }
    ring->lines[ring->first] = NULL;
    ring->first = (ring->first + 1) % LOG_LINES_KEPT;
    ring->n--;
}

/* Takes line. */
static void keep(struct log_ring *ring, char *line, enum log_kind kind)
{
    size_t len = strlen(line);
    if (!ring->lines) {
        ring->lines = alloc_zero(LOG_LINES_KEPT, sizeof *ring->lines);
        ring->kinds = alloc_zero(LOG_LINES_KEPT, sizeof *ring->kinds);
    }
    ring->bytes += len;
    ring->kind_bytes[kind] += len;
    while (ring->n && (ring->n == LOG_LINES_KEPT || ring->bytes > LOG_BYTES_KEPT))
        drop_oldest(ring);
    size_t at = slot(ring, ring->n++);
    ring->lines[at] = line;
    ring->kinds[at] = kind;
}

/* ---- its file ---- */

static int open_file(const struct log_ring *ring)
{
    char *path = alloc_printf("%s/sandbox.log", ring->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    return fd;
}

/* One write to the page cache, as for a line of the gateway's own log. */
static void write_file(struct log_ring *ring, const struct log_line *line)
{
    if (ring->file.fd <= 0)
        ring->file = (struct log){.fd = ring->folder ? open_file(ring) : -1,
                                  .program = "sandbox",
                                  .file_max = LOG_FILE_MAX};
    if (ring->file.fd > 0)
        log_write_line(&ring->file, line);
}

/* A line of the file is as readers see it, but for the program's name, "sandbox[KIND]: ". */
static void load_line(struct log_ring *ring, const char *line, size_t len)
{
    const char *mark = memmem(line, len, " sandbox", 8),
               *text = mark ? memmem(mark, len - (size_t)(mark - line), ": ", 2) : NULL;
    if (text)
        keep(ring,
             alloc_printf("%.*s %.*s\n", (int)(mark - line), line, (int)(line + len - (text + 2)),
                          text + 2),
             log_file_kind(line, len));
}

void log_ring_load(struct log_ring *ring)
{
    char *path = alloc_printf("%s/sandbox.log", ring->folder), *line = NULL;
    FILE *file = fopen(path, "re");
    size_t size = 0;
    ssize_t len;
    free(path);
    if (!file)
        return;
    while ((len = getline(&line, &size, file)) > 0)
        if (line[len - 1] == '\n')
            load_line(ring, line, (size_t)len - 1);
    free(line);
    fclose(file);
}

/* ---- the ring ---- */

const char *log_ring_add(struct log_ring *ring, const struct log_line *line)
{
    char when[CLOCK_TEXT_SIZE];
    char *text = alloc_printf("%s %-5s %s\n", clock_format(line->at_ms, when),
                              log_level_word(line->level), line->text);
    write_file(ring, line);
    keep(ring, text, line->kind);
    return text;
}

const char *log_ring_line(const struct log_ring *ring, size_t i)
{
    return ring->lines[slot(ring, i)];
}

void log_ring_free(struct log_ring *ring)
{
    for (size_t i = 0; ring->lines && i < LOG_LINES_KEPT; i++)
        free(ring->lines[i]);
    free(ring->lines);
    free(ring->kinds);
    if (ring->file.fd > 0)
        close(ring->file.fd);
}

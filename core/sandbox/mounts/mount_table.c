/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mounts/mount_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "sandbox/mounts/path.h"

struct row {
    char *device;                                   /* major:minor */
    char *root;                                     /* of the file system, shown at ... */
    char *point;
};

struct mount_table {
    struct row *rows;
    size_t n;
};

/* Spaces, tabs, newlines and backslashes are written as \ooo. */
static void unescape(char *text)
{
    char *out = text;
    while (*text) {
        unsigned value;
        if (*text == '\\' && sscanf(text + 1, "%3o", &value) == 1 && strlen(text) >= 4) {
            *out++ = (char)value;
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* 36 35 98:0 /root /point options... */
static int read_row(char *line, struct row *row)
{
    char *rest = NULL;
    strtok_r(line, " ", &rest);
    strtok_r(NULL, " ", &rest);
    row->device = strtok_r(NULL, " ", &rest);
    row->root = strtok_r(NULL, " ", &rest);
    row->point = strtok_r(NULL, " ", &rest);
    if (!row->point)
        return -1;
    unescape(row->root);
    unescape(row->point);
    *row = (struct row){alloc_str(row->device), alloc_str(row->root), alloc_str(row->point)};
    return 0;
}

static void free_table(void *arg)
{
    struct mount_table *table = arg;
    for (size_t i = 0; i < table->n; i++) {
        free(table->rows[i].device);
        free(table->rows[i].root);
        free(table->rows[i].point);
    }
    free(table->rows);
}

const struct mount_table *mount_table_read(struct arena *arena)
{
    struct mount_table *table = arena_zalloc(arena, sizeof *table);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    struct row row;
    arena_defer(arena, free_table, table);
    while (file && getline(&line, &size, file) > 0) {
        if (read_row(line, &row) != 0)
            continue;
        table->rows = alloc_resize(table->rows, table->n + 1, sizeof *table->rows);
        table->rows[table->n++] = row;
    }
    free(line);
    if (file)
        fclose(file);
    return table;
}

/* The mount that a path is on: the deepest one, and of several at one point the last. */
static const struct row *mount_of(const struct mount_table *table, const char *path)
{
    const struct row *best = NULL;
    for (size_t i = 0; i < table->n; i++)
        if (sandbox_path_within(path, table->rows[i].point) &&
            (!best || strlen(table->rows[i].point) >= strlen(best->point)))
            best = &table->rows[i];
    return best;
}

/* What follows folder in path: "" or "/...". */
static const char *rest_of(const char *path, const char *folder)
{
    return path + (strcmp(folder, "/") == 0 ? 0 : strlen(folder));
}

static char *joined(const char *folder, const char *rest)
{
    if (strcmp(folder, "/") == 0 && *rest == '/')
        return alloc_str(rest);
    return alloc_printf("%s%s", folder, strcmp(rest, "/") == 0 ? "" : rest);
}

void mount_table_spellings(const struct mount_table *table, const char *path,
                           void (*fn)(void *ctx, const char *path), void *ctx)
{
    const struct row *home = mount_of(table, path);
    char *inside = home ? joined(home->root, rest_of(path, home->point)) : NULL;
    for (size_t i = 0; home && i < table->n; i++) {
        const struct row *row = &table->rows[i];
        if (row == home || strcmp(row->device, home->device) != 0)
            continue;
        if (sandbox_path_within(inside, row->root)) {
            char *other = joined(row->point, rest_of(inside, row->root));
            if (strcmp(other, path) != 0)
                fn(ctx, other);
            free(other);
        } else if (sandbox_path_within(row->root, inside)) {
            fn(ctx, row->point);
        }
    }
    free(inside);
}

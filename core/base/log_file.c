/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

struct kept_line {
    size_t at, len;                                 /* with its newline */
    enum log_kind kind;
    bool kept;
};

struct lines {
    struct kept_line *items;
    size_t n, cap;
};

/* ---- the kind of a line ---- */

static enum log_kind kind_of_word(const char *word, const char *end, char closing)
{
    enum log_kind kind;
    const char *stop = word ? memchr(word, closing, (size_t)(end - word)) : NULL;
    return stop && log_kind_parse(word, (size_t)(stop - word), &kind) == 0 ? kind
                                                                           : LOG_KIND_GENERAL;
}

static const char *after_word(const char *at, const char *end)
{
    while (at < end && *at != ' ')
        at++;
    while (at < end && *at == ' ')
        at++;
    return at;
}

/* TIME LEVEL PROGRAM[KIND]: TEXT */
static enum log_kind kind_of_text(const char *line, const char *end)
{
    const char *at = after_word(after_word(line, end), end);
    while (at < end && *at != '[' && *at != ':' && *at != ' ')
        at++;
    return at < end && *at == '[' ? kind_of_word(at + 1, end, ']') : LOG_KIND_GENERAL;
}

enum log_kind log_file_kind(const char *line, size_t len)
{
    static const char mark[] = LOG_FILE_JSON_KIND;
    if (len == 0 || *line != '{')
        return kind_of_text(line, line + len);
    /* Quotes within the message are escaped, so only a member of the object looks like this. */
    const char *found = memmem(line, len, mark, sizeof mark - 1);
    return kind_of_word(found ? found + sizeof mark - 1 : NULL, line + len, '"');
}

/* ---- what is kept ---- */

static void add_line(struct lines *lines, const char *text, size_t at, size_t len)
{
    if (lines->n == lines->cap) {
        lines->cap = lines->cap ? 2 * lines->cap : 1024;
        lines->items = alloc_resize(lines->items, lines->cap, sizeof *lines->items);
    }
    lines->items[lines->n++] = (struct kept_line){at, len, log_file_kind(text + at, len), false};
}

/* An unfinished last line counts as a line. */
static void split(const char *text, size_t len, struct lines *out)
{
    for (size_t at = 0, next; at < len; at = next) {
        const char *end = memchr(text + at, '\n', len - at);
        next = end ? (size_t)(end - text) + 1 : len;
        add_line(out, text, at, next - at);
    }
}

static void choose(struct lines *lines, size_t room)
{
    size_t used[LOG_KIND_COUNT] = {0}, total = 0, share = room / LOG_KIND_COUNT;
    for (size_t i = lines->n; i-- > 0;) {
        struct kept_line *line = &lines->items[i];
        used[line->kind] += line->len;
        line->kept = used[line->kind] <= share;
        total += line->kept ? line->len : 0;
    }
    for (size_t i = lines->n; i-- > 0;) {
        struct kept_line *line = &lines->items[i];
        if (line->kept)
            continue;
        if (total + line->len > room)
            return;
        total += line->len;
        line->kept = true;
    }
}

/* ---- rewriting ---- */

static size_t gather(char *text, const struct lines *lines)
{
    size_t end = 0;
    for (size_t i = 0; i < lines->n; i++) {
        const struct kept_line *line = &lines->items[i];
        if (!line->kept)
            continue;
        memmove(text + end, text + line->at, line->len);
        end += line->len;
    }
    return end;
}

static bool write_at_start(int fd, const char *text, size_t len)
{
    size_t done = 0;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_APPEND) != 0)
        return false;
    for (ssize_t n = 1; done < len && n > 0; done += n > 0 ? (size_t)n : 0)
        n = pwrite(fd, text + done, len - done, (off_t)done);
    fcntl(fd, F_SETFL, flags);
    return done == len;
}

static ssize_t read_all(int fd, char *text, size_t len)
{
    size_t got = 0;
    for (ssize_t n = 1; got < len && n > 0; got += n > 0 ? (size_t)n : 0)
        if ((n = pread(fd, text + got, len - got, (off_t)got)) < 0)
            return -1;
    return (ssize_t)got;
}

void log_file_shorten(int fd, size_t max)
{
    struct stat st;
    struct lines lines = {0};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size <= max)
        return;
    char *text = alloc_bytes((size_t)st.st_size);
    ssize_t got = read_all(fd, text, (size_t)st.st_size);
    if (got > 0) {
        split(text, (size_t)got, &lines);
        choose(&lines, max / 2);
    }
    size_t kept = gather(text, &lines);
    if (!write_at_start(fd, text, kept))
        kept = 0;
    (void)!ftruncate(fd, (off_t)kept);
    free(lines.items);
    free(text);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gateway/book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/document.h"
#include "cli/new_file.h"
#include "doc/schema.h"

enum { BOOK_BYTES_MAX = 1024 * 1024 };

bool book_name_is_good(const char *name)
{
    static const char alphabet[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);
    return len > 0 && len <= 64 && strspn(name, alphabet) == len;
}

static int check_entry(struct schema_decoder *d, void *record)
{
    const struct book_entry *e = record;
    if (book_name_is_good(e->name))
        return 0;
    return schema_problem(d, NULL, "a gateway's name is " BOOK_NAME_RULE ", not '%s'", e->name);
}

static const struct schema_field entry_fields[] = {
    {"name", SCHEMA_TEXT, offsetof(struct book_entry, name), .flags = SCHEMA_REQUIRED},
    {"address", SCHEMA_TEXT, offsetof(struct book_entry, address), .flags = SCHEMA_REQUIRED},
    {"ca", SCHEMA_TEXT, offsetof(struct book_entry, ca), .flags = 0},
    {"cert", SCHEMA_TEXT, offsetof(struct book_entry, cert), .flags = 0},
    {"key", SCHEMA_TEXT, offsetof(struct book_entry, key), .flags = 0},
    {0},
};
static const struct schema entry_schema = {.name = "gateway",
                                           .size = sizeof(struct book_entry),
                                           .fields = entry_fields,
                                           .finish = check_entry};

struct written {
    const char *selected;
    const struct book_entry *const *gateways;
    size_t n_gateways;
};

static const struct schema_field file_fields[] = {
    {"selected", SCHEMA_TEXT, offsetof(struct written, selected), .flags = 0},
    {"gateways", SCHEMA_STRUCTS, offsetof(struct written, gateways),
     offsetof(struct written, n_gateways), .sub = &entry_schema},
    {0},
};
static const struct schema file_schema = {
    .name = "gateways", .size = sizeof(struct written), .fields = file_fields};

/* ---- the file ---- */

char *book_folder(void)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return alloc_printf("%s/sluice", xdg);
    return home && *home == '/' ? alloc_printf("%s/.config/sluice", home) : NULL;
}

bool book_make_folder(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static int failed(const char *what, const char *path)
{
    complain("cannot %s %s: %s", what, path, strerror(errno));
    return EXIT_USAGE;
}

static int lock_folder(struct book *book, char *folder)
{
    if (!book_make_folder(folder))
        return failed("make the folder", folder);
    book->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (book->lock < 0 || flock(book->lock, LOCK_EX) != 0)
        return failed("open the folder", folder);
    return -1;
}

static int check_owner(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return failed("read", path);
    if (S_ISREG(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
        !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return -1;
    complain("%s says where your tokens go, and belongs to somebody else or may be written by "
             "others: chown and chmod 600 it, or remove it",
             path);
    return EXIT_USAGE;
}

static int read_text(int fd, const char *path, struct buf *text)
{
    ssize_t n;
    do {
        buf_reserve(text, 4096);
        n = read(fd, text->data + text->len, 4096);
        text->len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && text->len <= BOOK_BYTES_MAX);
    return n < 0 ? failed("read", path) : -1;
}

static void take(struct book *book, const struct written *w)
{
    book->selected = w->selected;
    book->n = w->n_gateways;
    book->entries = arena_alloc(book->arena, (book->n + 1) * sizeof *book->entries);
    if (book->n)
        memcpy(book->entries, w->gateways, book->n * sizeof *book->entries);
}

static int decode(struct book *book, const struct buf *text)
{
    struct problems problems = {0};
    struct doc_node *tree;
    void *w = NULL;
    int rc = doc_parse(buf_str(text), text->len, DOC_YAML, BOOK_BYTES_MAX, book->arena, &tree,
                       &problems);
    if (rc == 0 && tree->kind != DOC_NULL)
        rc = schema_decode(&file_schema, tree, "", book->arena, &w, &problems);
    if (rc != 0)
        document_complain(book->path, &problems);
    else if (w)
        take(book, w);
    problems_free(&problems);
    return rc == 0 ? -1 : EXIT_USAGE;
}

static int read_book(struct book *book)
{
    struct buf text = {0};
    int fd = open(book->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? -1 : failed("read", book->path);
    int code = check_owner(fd, book->path);
    if (code < 0)
        code = read_text(fd, book->path, &text);
    close(fd);
    if (code < 0)
        code = decode(book, &text);
    buf_free(&text);
    return code;
}

int book_open(struct book *book, bool change)
{
    char *folder = book_folder();
    int code = -1;
    *book = (struct book){.arena = arena_new(), .lock = -1, .selected = ""};
    if (!folder && change) {
        complain("there is no place for the names of gateways: set HOME or XDG_CONFIG_HOME");
        return EXIT_USAGE;
    }
    if (!folder)
        return -1;
    book->path = alloc_printf("%s/gateways.yaml", folder);
    if (change)
        code = lock_folder(book, folder);
    free(folder);
    return code < 0 ? read_book(book) : code;
}

void book_close(struct book *book)
{
    if (book->lock >= 0)
        close(book->lock);
    arena_free(book->arena);
    free(book->path);
}

/* ---- its content ---- */

static size_t index_of(const struct book *book, const char *name)
{
    size_t i = 0;
    while (i < book->n && strcmp(book->entries[i]->name, name) != 0)
        i++;
    return i;
}

const struct book_entry *book_find(const struct book *book, const char *name)
{
    size_t i = index_of(book, name);
    return i < book->n ? book->entries[i] : NULL;
}

void book_put(struct book *book, const struct book_entry *entry)
{
    size_t i = index_of(book, entry->name);
    const struct book_entry **bigger =
        arena_alloc(book->arena, (book->n + 1) * sizeof *bigger);
    if (book->n)
        memcpy(bigger, book->entries, book->n * sizeof *bigger);
    bigger[i] = entry;
    book->n += i == book->n;
    book->entries = bigger;
}

void book_remove(struct book *book, const char *name)
{
    size_t i = index_of(book, name);
    if (i == book->n)
        return;
    memmove(&book->entries[i], &book->entries[i + 1],
            (book->n - i - 1) * sizeof *book->entries);
    book->n--;
    if (strcmp(book->selected, name) == 0)
        book->selected = "";
}

static void put_text(json_t *object, const char *key, const char *value)
{
    if (value && *value)
        json_object_set_new(object, key, json_string(value));
}

static void write_book(const struct book *book, struct buf *out)
{
    json_t *file = json_object(), *list = json_array();
    put_text(file, "selected", book->selected);
    for (size_t i = 0; i < book->n; i++) {
        const struct book_entry *e = book->entries[i];
        json_t *entry = json_object();
        put_text(entry, "name", e->name);
        put_text(entry, "address", e->address);
        put_text(entry, "ca", e->ca);
        put_text(entry, "cert", e->cert);
        put_text(entry, "key", e->key);
        json_array_append_new(list, entry);
    }
    json_object_set_new(file, "gateways", list);
    print_yaml(file, out);
    json_decref(file);
}

int book_save(const struct book *book)
{
    struct buf text = {0};
    char *next = alloc_printf("%s.new", book->path);
    write_book(book, &text);
    unlink(next);
    bool ok = new_file(AT_FDCWD, next, 0600, text.data, text.len) && rename(next, book->path) == 0;
    int code = ok ? EXIT_DONE : failed("write", book->path);
    buf_free(&text);
    free(next);
    return code;
}

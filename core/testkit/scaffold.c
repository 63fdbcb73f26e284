/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/scaffold.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "testkit/file.h"
#include "testkit/scaffold_files.h"

enum { NAME_BYTES_MAX = 64 };

/* @ stands for the name of the voter, in path and text. */
struct piece {
    enum scaffold_language language;
    const char *path, *template;                    /* template: a file of new/ */
    const char *head;                               /* stands in front of it, or NULL */
};

static const struct piece pieces[] = {
    {SCAFFOLD_C, "@.c", "voter.c.in", NULL},
    {SCAFFOLD_C, "CMakeLists.txt", "CMakeLists.txt.in", NULL},
    {SCAFFOLD_C, "cases/@.test.yaml", "cases.yaml.in", "plugin: @\n"},
    {SCAFFOLD_C, ".gitignore", NULL, "build/\n"},
    {SCAFFOLD_C, "README.md", "c.md.in", NULL},
    {SCAFFOLD_LUA, "@.lua", "rule.lua.in", NULL},
    {SCAFFOLD_LUA, "cases/@.test.yaml", "cases.yaml.in", "plugin: ../@.lua\n"},
    {SCAFFOLD_LUA, "README.md", "lua.md.in", NULL},
    {SCAFFOLD_PYTHON, "@.py", "voter.py.in", NULL},
    {SCAFFOLD_PYTHON, "cases/@.test.yaml", "cases.yaml.in", "command: [python3, ../@.py]\n"},
    {SCAFFOLD_PYTHON, "README.md", "python.md.in", NULL},
    {SCAFFOLD_RUST, "src/main.rs", "main.rs.in", NULL},
    {SCAFFOLD_RUST, "src/wire.rs", "wire.rs.in", NULL},
    {SCAFFOLD_RUST, "src/json.rs", "json.rs.in", NULL},
    {SCAFFOLD_RUST, "Cargo.toml", "Cargo.toml.in", NULL},
    {SCAFFOLD_RUST, "cases/@.test.yaml", "cases.yaml.in", "command: [../target/release/@]\n"},
    {SCAFFOLD_RUST, ".gitignore", NULL, "target/\n"},
    {SCAFFOLD_RUST, "README.md", "rust.md.in", NULL},
    {SCAFFOLD_GO, "main.go", "main.go.in", NULL},
    {SCAFFOLD_GO, "wire.go", "wire.go.in", NULL},
    {SCAFFOLD_GO, "go.mod", "go.mod.in", NULL},
    {SCAFFOLD_GO, "cases/@.test.yaml", "cases.yaml.in", "command: [../@]\nthreads: 16\n"},
    {SCAFFOLD_GO, ".gitignore", NULL, "/@\n"},
    {SCAFFOLD_GO, "README.md", "go.md.in", NULL},
};
enum { PIECES = sizeof pieces / sizeof *pieces };

static void fill_in(struct buf *out, const char *text, size_t len, const char *name)
{
    for (; len; text++, len--) {
        if (*text == '@')
            buf_puts(out, name);
        else
            buf_putc(out, *text);
    }
}

/* A gateway refuses to load from a folder that others may write, whatever the umask; one that is
 * there already keeps its mode. */
static int make_folder(const char *path, struct error *err)
{
    bool made = mkdir(path, 0755) == 0;
    if (made ? chmod(path, 0755) == 0 : errno == EEXIST)
        return 0;
    return error_errno(err, ERROR_IO, "cannot make the folder %s", path);
}

static int check_empty(const char *folder, struct error *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool empty = dir;
    if (!dir)
        return error_errno(err, ERROR_IO, "cannot read the folder %s", folder);
    while ((entry = readdir(dir)))
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    closedir(dir);
    return empty ? 0 : error_set(err, ERROR_EXISTS, "%s exists already and is not empty", folder);
}

static void add_template(struct buf *out, const char *name_of_template, const char *name)
{
    const struct embedded_file *file = scaffold_files;
    while (file->name && strcmp(file->name, name_of_template) != 0)
        file++;
    fill_in(out, (const char *)file->bytes, file->len, name);
}

static int write_piece(const struct piece *piece, const char *name, const char *folder,
                       struct error *err)
{
    struct buf path = {0}, text = {0};
    buf_printf(&path, "%s/", folder);
    fill_in(&path, piece->path, strlen(piece->path), name);
    if (piece->head)
        fill_in(&text, piece->head, strlen(piece->head), name);
    if (piece->template)
        add_template(&text, piece->template, name);
    int rc = file_write(buf_str(&path), buf_str(&text), text.len, err);
    buf_free(&path);
    buf_free(&text);
    return rc;
}

static int write_pieces(enum scaffold_language language, const char *name, const char *folder,
                        struct error *err)
{
    for (size_t i = 0; i < PIECES; i++)
        if (pieces[i].language == language && write_piece(&pieces[i], name, folder, err) != 0)
            return -1;
    return 0;
}

/* Editors with a Lua language server find the annotations there. */
static int write_luarc(const char *folder, const char *annotations, struct arena *arena,
                       struct error *err)
{
    const char *path = arena_printf(arena, "%s/.luarc.json", folder);
    const char *text =
        arena_printf(arena, "{\"runtime.version\": \"Lua 5.4\", \"workspace.library\": [\"%s\"]}\n",
                     annotations);
    return file_write(path, text, strlen(text), err);
}

/* Lower case, so that it is the name of a file on every system and a target of CMake. */
static int check_name(const char *name, struct error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(name);
    if (n && n <= NAME_BYTES_MAX && strspn(name, letters) == n && !strchr("0123456789_-", *name))
        return 0;
    return error_set(err, ERROR_INVALID,
                     "a voter's name has 1 to %d of a-z, 0-9, '_' and '-' and begins with a "
                     "letter, not '%.80s'",
                     NAME_BYTES_MAX, name);
}

int scaffold_make(const char *name, const char *folder, enum scaffold_language language,
                  const char *annotations, struct error *err)
{
    if (check_name(name, err) != 0 || make_folder(folder, err) != 0 ||
        check_empty(folder, err) != 0)
        return -1;
    struct arena *arena = arena_new();
    int rc = make_folder(arena_printf(arena, "%s/cases", folder), err);
    if (rc == 0 && language == SCAFFOLD_RUST)
        rc = make_folder(arena_printf(arena, "%s/src", folder), err);
    if (rc == 0 && language == SCAFFOLD_LUA && annotations)
        rc = write_luarc(folder, annotations, arena, err);
    if (rc == 0)
        rc = write_pieces(language, name, folder, err);
    arena_free(arena);
    return rc;
}

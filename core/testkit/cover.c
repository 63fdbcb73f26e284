/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/cover.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "testkit/answer.h"
#include "testkit/file.h"

/* files: {path: {name, codes: {CODE: reached}, options: {name: reached}, lines: {line: reached}}}
 */
struct cover {
    json_t *files;
};

static const char *const parts[] = {"codes", "options", "lines"};
enum { PARTS = sizeof parts / sizeof parts[0], NAMED_MAX = 20, SOURCE_BYTES_MAX = 1 << 20 };

struct cover *cover_new(void)
{
    struct cover *cover = alloc_zero(1, sizeof *cover);
    cover->files = json_object();
    return cover;
}

void cover_free(struct cover *cover)
{
    if (!cover)
        return;
    json_decref(cover->files);
    free(cover);
}

static void declare(json_t *reached, const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach((json_t *)(uintptr_t)names, i, name) {
        if (!json_object_get(reached, json_string_value(name)))
            json_object_set_new(reached, json_string_value(name), json_false());
    }
}

static void reach(struct cover *cover, const json_t *voter, const char *part, const char *name)
{
    json_t *file = json_object_get(cover->files, answer_member(voter, "path"));
    json_t *reached = json_object_get(file, part);
    if (json_object_get(reached, name))
        json_object_set_new(reached, name, json_true());
}

static void reach_options(struct cover *cover, const json_t *voter)
{
    const char *name;
    json_t *value, *configured = json_loads(answer_member(voter, "configured"), 0, NULL);
    json_object_foreach(configured, name, value)
        reach(cover, voter, "options", name);
    json_decref(configured);
}

void cover_loaded(struct cover *cover, const json_t *voters)
{
    size_t i;
    json_t *voter;
    json_array_foreach((json_t *)(uintptr_t)voters, i, voter) {
        const char *path = answer_member(voter, "path");
        json_t *file = json_object_get(cover->files, path);
        if (!file) {
            file = json_pack("{s:s, s:{}, s:{}, s:{}}", "name", answer_member(voter, "name"),
                             parts[0], parts[1], parts[2]);
            json_object_set_new(cover->files, path, file);
        }
        for (int p = 0; p < PARTS; p++)
            declare(json_object_get(file, parts[p]), json_object_get(voter, parts[p]));
        reach_options(cover, voter);
    }
}

void cover_votes(struct cover *cover, const json_t *voters, const json_t *votes)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote)
        reach(cover, json_array_get(voters, i), "codes", answer_member(vote, "code"));
}

void cover_lines(struct cover *cover, const json_t *voters, const json_t *lines)
{
    size_t i;
    json_t *of_voter, *ran;
    json_array_foreach((json_t *)(uintptr_t)lines, i, of_voter) {
        const char *line, *path = answer_member(json_array_get(voters, i), "path");
        json_t *reached = json_object_get(json_object_get(cover->files, path), "lines");
        json_object_foreach(of_voter, line, ran)
            if (json_is_true(ran) || !json_object_get(reached, line))
                json_object_set(reached, line, ran);
    }
}

static void count(const json_t *reached, size_t *hit, size_t *all)
{
    const char *name;
    json_t *is;
    json_object_foreach((json_t *)(uintptr_t)reached, name, is) {
        *hit += json_is_true(is);
        ++*all;
    }
}

static double share(size_t hit, size_t all)
{
    return all ? 100.0 * (double)hit / (double)all : 100.0;
}

double cover_percent(const struct cover *cover)
{
    const char *path;
    json_t *file;
    size_t hit = 0, all = 0;
    json_object_foreach(cover->files, path, file) {
        for (int p = 0; p < PARTS; p++)
            count(json_object_get(file, parts[p]), &hit, &all);
    }
    return share(hit, all);
}

static void print_part(const json_t *reached, const char *part, FILE *to)
{
    const char *name;
    json_t *is;
    size_t hit = 0, all = 0;
    count(reached, &hit, &all);
    if (!all)
        return;
    terminal_print(to, "  %-8s %3zu of %zu", part, hit, all);
    size_t named = 0;
    json_object_foreach((json_t *)(uintptr_t)reached, name, is)
        if (!json_is_true(is) && named++ < NAMED_MAX)
            terminal_print(to, "%s%s", named == 1 ? "; never: " : ", ", name);
    if (named > NAMED_MAX)
        terminal_print(to, " and %zu more", named - NAMED_MAX);
    terminal_print(to, "\n");
}

/* The lines of a rule that never ran, as they are. */
static void print_lines(const char *path, const json_t *reached, FILE *to)
{
    struct buf text = {0};
    struct error err;
    unsigned number = 1, shown = 0;
    if (json_object_size(reached) && file_read(path, SOURCE_BYTES_MAX, &text, &err) == 0)
        for (const char *at = buf_str(&text); *at && shown < NAMED_MAX; number++) {
            char key[16];
            int len = (int)strcspn(at, "\n");
            snprintf(key, sizeof key, "%u", number);
            if (json_is_false(json_object_get(reached, key))) {
                terminal_print(to, "  %6u | %.*s\n", number, len, at);
                shown++;
            }
            at += len + (at[len] == '\n');
        }
    buf_free(&text);
}

void cover_print(const struct cover *cover, FILE *to)
{
    const char *path;
    json_t *file;
    json_object_foreach(cover->files, path, file) {
        terminal_print(to, "%s (%s)\n", answer_member(file, "name"), path);
        for (int p = 0; p < PARTS; p++)
            print_part(json_object_get(file, parts[p]), parts[p], to);
        print_lines(path, json_object_get(file, "lines"), to);
    }
    terminal_print(to, "covered: %.1f %%\n", cover_percent(cover));
}

json_t *cover_json(const struct cover *cover)
{
    return json_pack("{s:f, s:O}", "percent", cover_percent(cover), "voters", cover->files);
}

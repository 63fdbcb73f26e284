/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit's XML as Jenkins and GitLab read it: one testsuite a file.  The counts stand before the
 * cases, so everything is kept until the end. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/printable.h"
#include "base/text.h"
#include "testkit/report.h"

struct group {
    const struct case_file *file;
    struct buf cases;
    size_t counts[RESULT_COUNT];
    int64_t duration_us;
};

struct junit {
    struct group *groups;
    size_t n;
};

/* XML 1.0 has no way to write control characters and noncharacters. */
static void quote(struct buf *out, const char *text)
{
    for (size_t n, len = strlen(text); len; text += n, len -= n) {
        bool valid = text_utf8_char(text, len) > 0;
        unsigned c = valid ? printable_read(text, &n) : 0;
        n = valid ? n : 1;
        bool is_nameable = c == '\n' || c == '\t' || (c >= 0x7f && (c & 0xfffe) != 0xfffe);
        if (strchr("&<>\"", *text) || (is_nameable && !printable_code(c)))
            buf_printf(out, "&#%u;", c);
        else
            printable_escape(out, text, n, "");
    }
}

static void attribute(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, " %s=\"", name);
    quote(out, value);
    buf_putc(out, '"');
}

static void begin_junit(struct report *r, const struct report_sum *sum)
{
    (void)sum;
    r->state = alloc_zero(1, sizeof(struct junit));
}

static struct group *group_of(struct junit *junit, const struct case_file *file)
{
    for (size_t i = junit->n; i > 0; i--)
        if (junit->groups[i - 1].file == file)
            return &junit->groups[i - 1];
    junit->groups = alloc_resize(junit->groups, junit->n + 1, sizeof *junit->groups);
    junit->groups[junit->n] = (struct group){.file = file};
    return &junit->groups[junit->n++];
}

static void print_vote(struct buf *out, const json_t *vote)
{
    char *text = json_dumps(vote, JSON_COMPACT);
    buf_puts(out, "ballot ");
    quote(out, text);
    buf_puts(out, "&#10;");
    free(text);
}

static void print_failure(struct buf *out, const struct report_test *t)
{
    const char *element = t->result == RESULT_CRASHED ? "error" : "failure";
    const struct mismatch *first = t->judgement->items;
    size_t i;
    json_t *vote;
    char *message = alloc_printf("%s: wanted %s, got %s", first->what, first->wanted, first->got);
    buf_printf(out, "      <%s", element);
    attribute(out, "type", first->what);
    attribute(out, "message", message);
    buf_putc(out, '>');
    free(message);
    quote(out, t->test->file->path);
    buf_printf(out, ":%u&#10;", t->test->item->node->line);
    for (i = 0; i < t->judgement->n; i++) {
        const struct mismatch *m = &t->judgement->items[i];
        char *line =
            alloc_printf("wanted %s: %s\ngot %s: %s\n", m->what, m->wanted, m->what, m->got);
        quote(out, line);
        free(line);
    }
    json_array_foreach(t->answer->votes, i, vote)
        print_vote(out, vote);
    quote(out, t->answer->output ? t->answer->output : "");
    buf_puts(out, "again ");
    quote(out, t->again);
    buf_printf(out, "</%s>\n", element);
}

/* A class name with dots is shown as a package. */
static char *class_of(const char *path)
{
    char *name = alloc_str(path);
    name[strlen(name) - strlen(".test.yaml")] = '\0';
    for (char *c = name; *c; c++)
        *c = *c == '.' ? '_' : *c == '/' ? '.' : *c;
    return name;
}

static void print_test(struct report *r, const struct report_test *t)
{
    struct group *group = group_of(r->state, t->test->file);
    struct buf *out = &group->cases;
    char *class = class_of(t->test->file->path);
    buf_puts(out, "    <testcase");
    attribute(out, "classname", class);
    attribute(out, "name", t->test->name);
    buf_printf(out, " time=\"%.6f\"", (double)t->answer->duration_us / 1e6);
    if (t->result == RESULT_PASSED) {
        buf_puts(out, "/>\n");
    } else {
        buf_puts(out, ">\n");
        if (t->result == RESULT_SKIPPED)
            buf_puts(out, "      <skipped/>\n");
        else
            print_failure(out, t);
        buf_puts(out, "    </testcase>\n");
    }
    group->counts[t->result]++;
    group->duration_us += t->answer->duration_us;
    free(class);
}

static void counts(struct buf *out, const size_t *n, int64_t duration_us)
{
    size_t all = 0;
    for (int i = 0; i < RESULT_COUNT; i++)
        all += n[i];
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.6f\"", all,
               n[RESULT_FAILED], n[RESULT_CRASHED], (double)duration_us / 1e6);
}

static void end_junit(struct report *r, const struct report_sum *sum)
{
    struct junit *junit = r->state;
    struct buf out = {0};
    buf_puts(&out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sluice plugin test\"");
    counts(&out, sum->counts, sum->duration_us);
    buf_puts(&out, ">\n");
    for (size_t i = 0; i < junit->n; i++) {
        struct group *group = &junit->groups[i];
        buf_puts(&out, "  <testsuite");
        attribute(&out, "name", group->file->path);
        counts(&out, group->counts, group->duration_us);
        buf_printf(&out, " skipped=\"%zu\">\n", group->counts[RESULT_SKIPPED]);
        buf_add(&out, buf_str(&group->cases), group->cases.len);
        buf_puts(&out, "  </testsuite>\n");
        buf_free(&group->cases);
    }
    buf_puts(&out, "</testsuites>\n");
    fwrite(out.data, 1, out.len, r->to);
    buf_free(&out);
    free(junit->groups);
    free(junit);
    r->state = NULL;
}

const struct report_ops report_junit = {"junit", begin_junit, print_test, end_junit};

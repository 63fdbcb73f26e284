/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/output/shape.h"

static int read_list(const struct cli *cli, const struct list *list, json_t **out)
{
    struct reply reply;
    if (list->pages) {
        int read = client_pages(cli, list->path, list->key, out);
        json_t *items = json_object_get(*out, list->key);
        while (list->most && json_array_size(items) > list->most)
            json_array_remove(items, json_array_size(items) - 1);
        return read;
    }
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str(list->path)}, &reply);
    int code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    *out = code == EXIT_DONE ? json_incref(reply.json) : NULL;
    reply_free(&reply);
    return code;
}

static void print_list(const struct cli *cli, const struct list *list, const json_t *json)
{
    if (cli->output == OUT_TABLE)
        list->table(cli, json);
    else
        print_json(cli, json);
}

/* ---- --watch ---- */

struct watch {
    struct cli cli;                                 /* its headers are printed once */
    const struct list *list;
    json_t *seen;                                   /* by name; NULL: nothing was read yet */
    bool changed;                                   /* there was an event since */
    int code;
};

/* How long the voters took is no change. */
static void drop_times(json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(json))
        json_object_del(json, "duration_us");
    json_object_foreach(json, key, value)
        drop_times(value);
    json_array_foreach(json, i, value)
        drop_times(value);
}

static json_t *by_name(json_t *items)
{
    json_t *out = json_object(), *item;
    size_t i;
    json_array_foreach(items, i, item) {
        struct buf name = {0};
        if (shape_name(item, &name))
            json_object_set(out, buf_str(&name), item);
        buf_free(&name);
    }
    return out;
}

static void print_items(struct watch *w, json_t *items)
{
    size_t i;
    json_t *item;
    if (w->cli.output == OUT_TABLE) {
        json_t *part = json_pack("{s:O}", w->list->key, items);
        w->list->table(&w->cli, part);
        json_decref(part);
        w->cli.no_headers |= json_array_size(items) > 0;
    } else {
        json_array_foreach(items, i, item)
            print_item(&w->cli, item);
    }
    fflush(stdout);
}

/* The last that is known of what is gone. */
static void add_gone(const struct watch *w, json_t *now, json_t *out)
{
    const char *name;
    json_t *item;
    json_object_foreach(w->seen, name, item) {
        if (json_object_get(now, name))
            continue;
        json_t *last = json_copy(item);
        if (json_object_get(last, "phase"))
            json_object_set_new(last, "phase", json_string("deleted"));
        else
            json_object_set_new(last, "status", json_string("deleted"));
        json_array_append_new(out, last);
    }
}

static void compare(struct watch *w, json_t *json)
{
    json_t *items = json_object_get(json, w->list->key), *changed = json_array();
    drop_times(items);
    json_t *now = by_name(items), *item;
    const char *name;
    json_object_foreach(now, name, item)
        if (!json_equal(item, json_object_get(w->seen, name)))
            json_array_append(changed, item);
    if (w->list->complete)
        add_gone(w, now, changed);
    if (!w->seen || json_array_size(changed))
        print_items(w, changed);
    json_decref(changed);
    json_decref(w->seen);
    w->seen = now;
}

static void watch_line(void *ctx, const char *line)
{
    struct watch *w = ctx;
    w->changed |= strncmp(line, "data: ", 6) == 0;
}

static bool watch_idle(void *ctx)
{
    struct watch *w = ctx;
    json_t *json;
    if (w->seen && !w->changed)
        return true;
    w->changed = false;
    w->code = read_list(&w->cli, w->list, &json);
    if (w->code == EXIT_DONE)
        compare(w, json);
    json_decref(json);
    return w->code == EXIT_DONE;
}

static int watch(const struct cli *cli, const struct list *list)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    struct watch w = {.cli = *cli, .list = list};
    char *name = list->sandbox ? url_escape(list->sandbox) : NULL;
    w.cli.widths = widths;
    const struct call call = {.method = "GET",
                              .accept = "text/event-stream",
                              .path = alloc_printf("/v1/events?%s%s%sfollow=true",
                                                   name ? "sandbox=" : "", name ? name : "",
                                                   name ? "&" : ""),
                              .idle = watch_idle};
    free(name);
    int code = client_follow(cli, &call, watch_line, &w);
    json_decref(w.seen);
    return code ? code : w.code;
}

int list_show(const struct cli *cli, const struct list *list)
{
    json_t *json = NULL;
    int code;
    if (arg_given(cli, "watch")) {
        code = watch(cli, list);
    } else {
        code = read_list(cli, list, &json);
        if (code == EXIT_DONE)
            print_list(cli, list, json);
        json_decref(json);
    }
    free(list->path);
    return code;
}

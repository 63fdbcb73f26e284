/* SPDX-License-Identifier: Apache-2.0 */
/* spec.template of a sandbox, which is written for drivers of containers: what of it a sandbox here
 * has, and what is refused because it would not be so. */
#include "grpc/template.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_MAX = 1024 };

static const char *text_of(const struct doc_node *map, const char *field)
{
    const struct doc_node *value = map ? doc_get(map, field) : NULL;
    return value ? value->text : "";
}

/* ---- amounts, as Kubernetes writes them ---- */

static bool read_amount(const char *text, double *out)
{
    static const struct { const char *suffix; double factor; } units[] = {
        {"", 1}, {"m", 1e-3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
        {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40},
    };
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number > 0) || !isfinite(number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].suffix) == 0) {
            *out = number * units[i].factor;
            return true;
        }
    return false;
}

static int read_limit(struct grpc_work *work, const char *name, const char *text,
                      struct sandbox_wanted *out)
{
    double amount;
    bool cpu = strcmp(name, "cpu") == 0;
    if (!cpu && strcmp(name, "memory") != 0)
        return error_set(&work->err, ERROR_STATE,
                         "template.resources.limits.%.80s is no limit that this gateway can set: "
                         "it has cpu and memory", name);
    if (!read_amount(text, &amount) || amount > 0x1p60)
        return error_set(&work->err, ERROR_MALFORMED,
                         "template.resources.limits.%s: '%.80s' is no amount, such as %s", name,
                         text, cpu ? "500m or 2" : "512Mi or 4Gi");
    if (cpu)
        out->cpus = amount;
    else
        out->memory = arena_printf(work->arena, "%.0f", amount);
    return 0;
}

/* What is requested is a share that a scheduler sets aside: nothing is kept from whoever has the
 * whole host. */
static int read_resources(struct grpc_work *work, const struct doc_node *template,
                          struct sandbox_wanted *out)
{
    const struct doc_node *resources = doc_get(template, "resources");
    const struct doc_node *limits = resources ? doc_get(resources, "limits") : NULL;
    for (size_t i = 0; resources && i < resources->n; i++) {
        const char *name = resources->keys[i]->text;
        if (strcmp(name, "limits") != 0 && strcmp(name, "requests") != 0)
            return error_set(&work->err, ERROR_STATE,
                             "template.resources.%.80s is not known here: it has limits and "
                             "requests", name);
    }
    for (size_t i = 0; limits && i < limits->n; i++)
        if (read_limit(work, limits->keys[i]->text, limits->items[i]->text, out) != 0)
            return -1;
    return 0;
}

/* ---- the rest ---- */

/* The sandbox's own come later, and win. */
static void read_environment(struct grpc_work *work, const struct doc_node *template,
                             const struct doc_node *spec, struct sandbox_wanted *out)
{
    json_t *env = json_loads(grpc_json(work, doc_get(template, "environment"), "{}"), 0, NULL),
           *own = json_loads(grpc_json(work, doc_get(spec, "environment"), "{}"), 0, NULL);
    json_object_update(env, own);
    char *text = json_dumps(env, JSON_COMPACT);
    out->env_json = arena_str(work->arena, text);
    free(text);
    json_decref(own);
    json_decref(env);
}

static int refuse_others(struct grpc_work *work, const struct doc_node *template)
{
    const struct doc_node *driver = doc_get(template, "driver_config");
    const char *class = text_of(template, "runtime_class_name");
    if (*class)
        return error_set(&work->err, ERROR_STATE,
                         "sandboxes of this gateway have one kind of isolation, and not "
                         "'%.200s': leave template.runtime_class_name out", class);
    if (driver && driver->n)
        return error_set(&work->err, ERROR_STATE,
                         "this gateway has no compute driver that takes '%.80s': leave "
                         "template.driver_config out", driver->keys[0]->text);
    return 0;
}

int grpc_read_template(struct grpc_work *work, const struct doc_node *spec,
                       struct sandbox_wanted *out)
{
    const struct doc_node *template = doc_get(spec, "template");
    if (!template)
        return 0;
    out->image = text_of(template, "image");
    if (strlen(out->image) > IMAGE_MAX)
        return error_set(&work->err, ERROR_MALFORMED, "template.image is longer than %d bytes",
                         IMAGE_MAX);
    read_environment(work, template, spec, out);
    return refuse_others(work, template) != 0 ? -1 : read_resources(work, template, out);
}

void grpc_put_template(struct doc_writer *w, const struct store_sandbox *s)
{
    if (!*s->image)
        return;
    doc_write_key(w, "template");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "image", s->image);
    doc_write_close(w, DOC_MAP);
}

void grpc_put_image_condition(struct doc_writer *w, const struct store_sandbox *s)
{
    if (!*s->image)
        return;
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "type", "ImageUsed");
    grpc_put_text(w, "status", "False");
    grpc_put_text(w, "reason", "HostFiles");
    grpc_put_text(w, "message",
                  "the image is not used: the sandbox sees files of the gateway's host, as far as "
                  "its policy lists them");
    doc_write_close(w, DOC_MAP);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/scaffold.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "testkit/file.h"

enum { NAME_BYTES_MAX = 64 };

/* @ stands for the name of the voter. */
struct template
{
    const char *path, *text;
};

#define SUMMARY "Refuses rules that open whole domains, and requests that delete."

#define POLICIES                                                                        \
    "policies:\n"                                                                       \
    "  one_host:\n"                                                                     \
    "    version: 1\n"                                                                  \
    "    network_policies:\n"                                                           \
    "      api: {endpoints: [{host: api.example.com, port: 443}], binaries: [{path: "   \
    "/usr/bin/curl}]}\n"                                                                \
    "  whole_domain:\n"                                                                 \
    "    version: 1\n"                                                                  \
    "    network_policies:\n"                                                           \
    "      api: {endpoints: [{host: \"*.example.com\", port: 443}], binaries: [{path: " \
    "/usr/bin/curl}]}\n"

#define CASES                                                                         \
    "cases:\n"                                                                        \
    "  # The first one of each moment fails until the voter does what it promises.\n" \
    "  - name: a rule that opens a whole domain is refused\n"                         \
    "    kind: [create, replace, merge, approve]\n"                                   \
    "    candidate: whole_domain\n"                                                   \
    "    expect: {verdict: deny, code: WILDCARD_HOST, path: "                         \
    "\"network_policies.api.endpoints[0]\"}\n"                                        \
    "  - name: a rule that names its host passes\n"                                   \
    "    kind: [create, replace, merge, approve]\n"                                   \
    "    candidate: one_host\n"                                                       \
    "    expect: {verdict: allow}\n"                                                  \
    "  - name: a request that deletes is refused\n"                                   \
    "    request: {method: DELETE, host: api.example.com, path: /v1/items/7}\n"       \
    "    expect: {verdict: deny, code: DELETES, message: api.example.com}\n"          \
    "  - name: a request that reads passes\n"                                         \
    "    request: {method: GET, host: api.example.com, path: /v1/items/7}\n"          \
    "    expect: {verdict: allow}\n"

#define INSPECT_ENTRY                                                                              \
    "It is asked about every request; `inspect: {hosts: [api.example.com]}` in its entry narrows " \
    "that.\n"

static const struct template c_files[] = {
    {"@.c",
     "#include <sluice/plugin.h>\n"
     "\n"
     "static const struct sluice_code codes[] = {\n"
     "    {\"WILDCARD_HOST\", \"A rule opens a whole domain.\"},\n"
     "    {\"DELETES\", \"A request deletes something.\"},\n"
     "    {NULL, NULL},\n"
     "};\n"
     "\n"
     "/* About each change of a policy. Read only, on any thread, until it returns: no file-scope "
     "state. */\n"
     "static enum sluice_verdict vote(void *self, const struct sluice_transition *t,\n"
     "                                struct sluice_ballot *b)\n"
     "{\n"
     "    (void)self;\n"
     "    for (size_t i = 0; i < t->candidate->n_rules; i++) {\n"
     "        const struct sluice_rule *rule = t->candidate->rules[i];\n"
     "        for (size_t k = 0; k < rule->n_endpoints; k++) {\n"
     "            /* To do: where rule->endpoints[k]->host has a '*',\n"
     "             * return sluice_deny(b, \"WILDCARD_HOST\", rule->endpoints[k]->doc_path,\n"
     "             *                    \"host %s opens a whole domain\", "
     "rule->endpoints[k]->host); */\n"
     "        }\n"
     "    }\n"
     "    return sluice_allow(b);\n"
     "}\n"
     "\n"
     "/* About each request that a policy lets through, on the thread that carries the traffic: "
     "quick, and it never blocks. */\n"
     "static enum sluice_verdict inspect(void *self, const struct sluice_request *r,\n"
     "                                   struct sluice_ballot *b)\n"
     "{\n"
     "    (void)self;\n"
     "    (void)r;\n"
     "    /* To do: where r->method is \"DELETE\",\n"
     "     * return sluice_deny(b, \"DELETES\", \"\", \"%s would be told to delete %s\", r->host, "
     "r->path); */\n"
     "    return sluice_allow(b);\n"
     "}\n"
     "\n"
     "/* Either function may be left out: then the voter has no opinion on that moment. */\n"
     "SLUICE_PLUGIN(.name = \"@\", .version = \"0.1.0\", .summary = \"" SUMMARY "\",\n"
     "              .codes = codes, .flags = SLUICE_REENTRANT, .vote = vote, .inspect = "
     "inspect);\n"},
    {"CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\n"
                       "project(@ C)\n"
                       "find_package(sluice REQUIRED)\n"
                       "sluice_plugin(@ SOURCES @.c CASES cases)\n"},
    {"cases/@.test.yaml", "plugin: @\n" POLICIES CASES},
    {".gitignore", "build/\n"},
    {"README.md",
     "# @\n"
     "\n" SUMMARY "\n"
     "\n"
     "```sh\n"
     "cmake -S . -B build && cmake --build build\n"
     "sluice plugin test --plugin-dir build/plugins cases\n"
     "```\n"
     "\n"
     "The first case of a change and that of a request fail until `vote` and `inspect` in `@.c` do "
     "what "
     "they promise. Without CMake:\n"
     "`cc -shared -fPIC $(pkg-config --cflags sluice-plugin) -o @.so @.c`, then `--plugin-dir .`.\n"
     "`sluice plugin check build/plugins/@.so` says what a gateway thinks of it. To load it, put "
     "the file into one of the\n"
     "gateway's `plugin_dirs`, name it under `chain.voters`, and run `sluice plugin reload`:\n"
     "\n"
     "```yaml\n"
     "chain:\n"
     "  voters:\n"
     "    - {plugin: static_fields, isolation: inline}\n"
     "    - {plugin: policy_safety, isolation: inline}\n"
     "    - {plugin: live_reload, isolation: inline}\n"
     "    - plugin: @\n"
     "```\n"
     "\n" INSPECT_ENTRY "\n"
     "| code | means |\n"
     "| --- | --- |\n"
     "| `WILDCARD_HOST` | a rule opens a whole domain |\n"
     "| `DELETES` | a request deletes something |\n"},
    {NULL, NULL},
};

static const struct template lua_files[] = {
    {"@.lua",
     "return {\n"
     "  name = \"@\",\n"
     "  version = \"0.1.0\",\n"
     "  summary = \"" SUMMARY "\",\n"
     "  codes = {\n"
     "    WILDCARD_HOST = \"A rule opens a whole domain.\",\n"
     "    DELETES = \"A request deletes something.\",\n"
     "  },\n"
     "\n"
     "  -- About each change of a policy.\n"
     "  vote = function(t, ballot)\n"
     "    for _, rule in pairs(t.candidate.rules) do\n"
     "      for _, endpoint in ipairs(rule.endpoints) do\n"
     "        -- To do: where endpoint.host has a \"*\",\n"
     "        -- return ballot:deny(\"WILDCARD_HOST\", endpoint.doc_path, \"host %s opens "
     "a whole domain\", endpoint.host)\n"
     "      end\n"
     "    end\n"
     "    return ballot:allow()\n"
     "  end,\n"
     "\n"
     "  -- About each request that a policy lets through. Either function may be left out.\n"
     "  inspect = function(r, ballot)\n"
     "    -- To do: where r.method is \"DELETE\",\n"
     "    -- return ballot:deny(\"DELETES\", \"\", \"%s would be told to delete %s\", r.host, "
     "r.path)\n"
     "    return ballot:allow()\n"
     "  end,\n"
     "}\n"},
    {"cases/@.test.yaml", "plugin: ../@.lua\n" POLICIES CASES},
    {"README.md", "# @\n"
                  "\n" SUMMARY "\n"
                  "\n"
                  "```sh\n"
                  "sluice plugin test .\n"
                  "```\n"
                  "\n"
                  "The first case of a change and that of a request fail until `vote` and "
                  "`inspect` in `@.lua` do what they promise; with\n"
                  "`--watch` the cases run again whenever you save. `sluice plugin check @.lua` "
                  "says what a gateway thinks of it. To load it, "
                  "name it under `chain.voters` and run\n"
                  "`sluice plugin reload`:\n"
                  "\n"
                  "```yaml\n"
                  "chain:\n"
                  "  voters:\n"
                  "    - {plugin: static_fields, isolation: inline}\n"
                  "    - {plugin: policy_safety, isolation: inline}\n"
                  "    - {plugin: live_reload, isolation: inline}\n"
                  "    - script: /etc/sluice/rules/@.lua\n"
                  "```\n"
                  "\n" INSPECT_ENTRY "\n"
                  "| code | means |\n"
                  "| --- | --- |\n"
                  "| `WILDCARD_HOST` | a rule opens a whole domain |\n"
                  "| `DELETES` | a request deletes something |\n"},
    {NULL, NULL},
};

static const char *fill(struct arena *arena, const char *text, const char *name)
{
    struct buf out = {0};
    for (; *text; text++) {
        if (*text == '@')
            buf_puts(&out, name);
        else
            buf_putc(&out, *text);
    }
    const char *copy = arena_strn(arena, buf_str(&out), out.len);
    buf_free(&out);
    return copy;
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

static int write_files(const struct template *files, const char *name, const char *folder,
                       struct arena *arena, struct error *err)
{
    for (; files->path; files++) {
        const char *path = arena_printf(arena, "%s/%s", folder, fill(arena, files->path, name));
        const char *text = fill(arena, files->text, name);
        if (file_write(path, text, strlen(text), err) != 0)
            return -1;
    }
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
    if (rc == 0 && language == SCAFFOLD_LUA && annotations)
        rc = write_luarc(folder, annotations, arena, err);
    if (rc == 0)
        rc = write_files(language == SCAFFOLD_C ? c_files : lua_files, name, folder, arena, err);
    arena_free(arena);
    return rc;
}

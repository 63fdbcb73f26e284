/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/native/record.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "chain/native/object.h"

/* What ABI 1 promised: a record of fewer bytes lacks a hook that this gateway would read. */
enum { RECORD_SIZE_MIN = offsetof(struct sluice_plugin, fini) + sizeof(void (*)(void *)) };
enum { NAME_MAX_BYTES = 64 };

/* The record's bytes, of which the object may hold fewer than its size member claims. */
static const struct sluice_plugin *find_record(void *handle, size_t *room)
{
    const struct sluice_plugin *record = dlsym(handle, "sluice_plugin");
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (!record || !dladdr1(record, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
        return NULL;
    *room = symbol->st_size;
    return *room >= offsetof(struct sluice_plugin, name) ? record : NULL;
}

static int check_name(const struct sluice_plugin *record, const char *name, const char *path,
                      struct error *err)
{
    if (!record->name || !*record->name)
        return error_set(err, ERROR_MALFORMED, "%s: its plugin record has no name", path);
    if (strnlen(record->name, NAME_MAX_BYTES + 1) > NAME_MAX_BYTES)
        return error_set(err, ERROR_MALFORMED, "%s: its name has more than %d bytes", path,
                         NAME_MAX_BYTES);
    if (strcmp(record->name, name) != 0)
        return error_set(err, ERROR_MALFORMED,
                         "%s calls itself %s: the file must be called %s.so", path, record->name,
                         record->name);
    return 0;
}

int record_read(void *handle, const char *name, const char *path, struct sluice_plugin *out,
                struct error *err)
{
    size_t room = 0;
    const struct sluice_plugin *record = find_record(handle, &room);
    if (!record)
        return error_set(err, ERROR_MALFORMED,
                         "%s has no plugin record (no symbol sluice_plugin): end one of its files "
                         "with SLUICE_PLUGIN(...)", path);
    if (record->abi != SLUICE_ABI)
        return object_refuse_abi(record->abi, path, err);
    size_t size = record->size < room ? record->size : room;
    if (size < RECORD_SIZE_MIN)
        return error_set(
            err, ERROR_MALFORMED,
            "%s: its plugin record has %zu bytes, ABI %u needs at least %d: rebuild it "
            "with this gateway's headers",
            path, size, SLUICE_ABI, (int)RECORD_SIZE_MIN);
    *out = (struct sluice_plugin){0};
    memcpy(out, record, size < sizeof *out ? size : sizeof *out);
    if (check_name(out, name, path, err) != 0)
        return -1;
    if (!out->vote && !out->inspect)
        return error_set(err, ERROR_MALFORMED,
                         "%s: its plugin record has no vote function and no inspect function",
                         path);
    return 0;
}

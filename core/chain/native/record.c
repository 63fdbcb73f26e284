/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/native/record.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { MACHINE = EM_RISCV };
#else
#error "say here which ELF machine this is"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { BYTE_ORDER_HERE = ELFDATA2LSB };
#else
enum { BYTE_ORDER_HERE = ELFDATA2MSB };
#endif

/* What ABI 1 promised: a record of fewer bytes lacks a hook that this gateway would read. */
enum { RECORD_SIZE_MIN = offsetof(struct sluice_plugin, fini) + sizeof(void (*)(void *)) };
enum { NAME_MAX_BYTES = 64 };

struct image {
    const unsigned char *bytes;
    size_t size;
};

/* Copies size bytes at offset.  false: they are not all there. */
static bool take(const struct image *image, uint64_t offset, void *out, size_t size)
{
    if (offset > image->size || size > image->size - offset)
        return false;
    memcpy(out, image->bytes + offset, size);
    return true;
}

static bool part(const struct image *image, uint64_t offset, uint64_t size, struct image *out)
{
    if (offset > image->size || size > image->size - offset)
        return false;
    *out = (struct image){image->bytes + offset, (size_t)size};
    return true;
}

static uint64_t aligned(uint64_t n)
{
    return (n + 3) & ~UINT64_C(3);
}

/* Looks for our note among the notes of one segment or section. */
static bool find_abi(const struct image *notes, uint32_t *abi)
{
    uint64_t at = 0;
    ElfW(Nhdr) note;
    while (take(notes, at, &note, sizeof note)) {
        uint64_t name_at = at + sizeof note;
        uint64_t desc_at = name_at + aligned(note.n_namesz);
        char name[sizeof SLUICE_NOTE_NAME] = {0};
        if (note.n_namesz == sizeof name && note.n_type == SLUICE_NOTE_ABI
            && note.n_descsz == sizeof *abi && take(notes, name_at, name, sizeof name)
            && memcmp(name, SLUICE_NOTE_NAME, sizeof name) == 0)
            return take(notes, desc_at, abi, sizeof *abi);
        at = desc_at + aligned(note.n_descsz);
    }
    return false;
}

static bool find_in_segments(const struct image *image, const ElfW(Ehdr) *head, uint32_t *abi)
{
    for (size_t i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        struct image notes;
        if (!take(image, head->e_phoff + i * sizeof segment, &segment, sizeof segment))
            return false;
        if (segment.p_type == PT_NOTE && part(image, segment.p_offset, segment.p_filesz, &notes)
            && find_abi(&notes, abi))
            return true;
    }
    return false;
}

/* For linkers that put the section into no PT_NOTE segment. */
static bool find_in_sections(const struct image *image, const ElfW(Ehdr) *head, uint32_t *abi)
{
    if (head->e_shentsize != sizeof(ElfW(Shdr)))
        return false;
    for (size_t i = 0; i < head->e_shnum; i++) {
        ElfW(Shdr) section;
        struct image notes;
        if (!take(image, head->e_shoff + i * sizeof section, &section, sizeof section))
            return false;
        if (section.sh_type == SHT_NOTE && part(image, section.sh_offset, section.sh_size, &notes)
            && find_abi(&notes, abi))
            return true;
    }
    return false;
}

static int check_head(const struct image *image, const char *path, ElfW(Ehdr) *head,
                      struct error *err)
{
    if (!take(image, 0, head, sizeof *head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(err, ERROR_MALFORMED, "%s is no shared object (it has no ELF header)", path);
    if (head->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
        || head->e_ident[EI_DATA] != BYTE_ORDER_HERE)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%s is built for another word size or byte order than this gateway", path);
    if (head->e_machine != MACHINE)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%s is built for ELF machine %u, this gateway runs on machine %u", path,
                         head->e_machine, (unsigned)MACHINE);
    if (head->e_type != ET_DYN || head->e_phentsize != sizeof(ElfW(Phdr)))
        return error_set(err, ERROR_MALFORMED, "%s is no shared object (its ELF type is %u)", path,
                         head->e_type);
    return 0;
}

static int refuse_abi(uint32_t abi, const char *path, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED,
                     "%s speaks plugin ABI %u, this gateway speaks %u: rebuild it with this "
                     "gateway's headers", path, abi, SLUICE_ABI);
}

int record_check_note(const unsigned char *bytes, size_t size, const char *path, struct error *err)
{
    struct image image = {bytes, size};
    ElfW(Ehdr) head;
    uint32_t abi;
    if (check_head(&image, path, &head, err) != 0)
        return -1;
    if (!find_in_segments(&image, &head, &abi) && !find_in_sections(&image, &head, &abi))
        return error_set(err, ERROR_MALFORMED,
                         "%s has no plugin record (no note %s): end one of its files with "
                         "SLUICE_PLUGIN(...)", path, SLUICE_NOTE_SECTION);
    return abi == SLUICE_ABI ? 0 : refuse_abi(abi, path, err);
}

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
        return refuse_abi(record->abi, path, err);
    size_t size = record->size < room ? record->size : room;
    if (size < RECORD_SIZE_MIN)
        return error_set(err, ERROR_MALFORMED,
                         "%s: its plugin record has %zu bytes, ABI %u needs at least %d: rebuild it "
                         "with this gateway's headers", path, size, SLUICE_ABI, (int)RECORD_SIZE_MIN);
    *out = (struct sluice_plugin){0};
    memcpy(out, record, size < sizeof *out ? size : sizeof *out);
    if (check_name(out, name, path, err) != 0)
        return -1;
    if (!out->vote)
        return error_set(err, ERROR_MALFORMED, "%s: its plugin record has no vote function", path);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/native/object.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sluice/plugin.h>

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

struct image {
    const unsigned char *bytes;
    size_t size;
};

/* Copies size bytes at offset.  false: they are not all there. */
static bool read_at(const struct image *image, uint64_t offset, void *out, size_t size)
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
    while (read_at(notes, at, &note, sizeof note)) {
        uint64_t name_at = at + sizeof note;
        uint64_t desc_at = name_at + aligned(note.n_namesz);
        char name[sizeof SLUICE_NOTE_NAME] = {0};
        if (note.n_namesz == sizeof name && note.n_type == SLUICE_NOTE_ABI
            && note.n_descsz == sizeof *abi && read_at(notes, name_at, name, sizeof name)
            && memcmp(name, SLUICE_NOTE_NAME, sizeof name) == 0)
            return read_at(notes, desc_at, abi, sizeof *abi);
        at = desc_at + aligned(note.n_descsz);
    }
    return false;
}

static bool find_in_segments(const struct image *image, const ElfW(Ehdr) *head, uint32_t *abi)
{
    for (size_t i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        struct image notes;
        if (!read_at(image, head->e_phoff + i * sizeof segment, &segment, sizeof segment))
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
        if (!read_at(image, head->e_shoff + i * sizeof section, &section, sizeof section))
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
    if (!read_at(image, 0, head, sizeof *head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(err, ERROR_MALFORMED, "%s is no shared object (it has no ELF header)",
                         path);
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

/* The loader maps what is not there as well, and who touches it is killed. */
static int check_whole(const struct image *image, const ElfW(Ehdr) *head, const char *path,
                       struct error *err)
{
    for (size_t i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        struct image bytes;
        if (!read_at(image, head->e_phoff + i * sizeof segment, &segment, sizeof segment)
            || (segment.p_type == PT_LOAD
                && !part(image, segment.p_offset, segment.p_filesz, &bytes)))
            return error_set(err, ERROR_MALFORMED,
                             "%s is cut short at %zu bytes: copy or build it again", path,
                             image->size);
    }
    return 0;
}

int object_refuse_abi(uint32_t abi, const char *path, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED,
                     "%s speaks plugin ABI %u, this gateway speaks %u: rebuild it with this "
                     "gateway's headers", path, abi, SLUICE_ABI);
}

static int check_note(const struct image *image, const ElfW(Ehdr) *head, const char *path,
                      struct error *err)
{
    uint32_t abi;
    if (!find_in_segments(image, head, &abi) && !find_in_sections(image, head, &abi))
        return error_set(err, ERROR_MALFORMED,
                         "%s has no plugin record (no note %s): end one of its files with "
                         "SLUICE_PLUGIN(...)", path, SLUICE_NOTE_SECTION);
    return abi == SLUICE_ABI ? 0 : object_refuse_abi(abi, path, err);
}

/* ---- what the loader would search for ---- */

static bool is_system_library(const char *name)
{
    static const char *const names[] = {
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libgcc_s.so.1",
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-linux-riscv64-lp64d.so.1",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
#ifdef __SANITIZE_ADDRESS__
    return strncmp(name, "libasan.so.", 11) == 0 || strncmp(name, "libubsan.so.", 12) == 0;
#else
    return false;
#endif
}

/* The bytes that the loader finds from an address on, to the end of its segment. */
static bool mapped(const struct image *image, const ElfW(Ehdr) *head, uint64_t address,
                   struct image *out)
{
    for (size_t i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        if (!read_at(image, head->e_phoff + i * sizeof segment, &segment, sizeof segment))
            return false;
        uint64_t at = address - segment.p_vaddr;
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && at < segment.p_filesz)
            return part(image, segment.p_offset + at, segment.p_filesz - at, out);
    }
    return false;
}

static bool next_entry(const struct image *table, size_t i, ElfW(Dyn) *out)
{
    return read_at(table, i * sizeof *out, out, sizeof *out) && out->d_tag != DT_NULL;
}

/* The text that an entry names; NULL: there is none within the file. */
static const char *entry_text(const struct image *image, const ElfW(Ehdr) *head,
                              const struct image *table, uint64_t offset)
{
    struct image texts, text;
    ElfW(Dyn) entry;
    for (size_t i = 0; next_entry(table, i, &entry); i++)
        if (entry.d_tag == DT_STRTAB && mapped(image, head, entry.d_un.d_ptr, &texts)
            && offset < texts.size && part(&texts, offset, texts.size - offset, &text))
            return memchr(text.bytes, '\0', text.size) ? (const char *)text.bytes : NULL;
    return NULL;
}

/* What makes the loader look for another file.  word NULL: any other entry. */
static const char *searching_word(int64_t tag)
{
    switch (tag) {
    case DT_RPATH:     return "an RPATH";
    case DT_RUNPATH:   return "a RUNPATH";
    case DT_AUDIT:
    case DT_DEPAUDIT:  return "an auditor";
    case DT_FILTER:
    case DT_AUXILIARY: return "a filter";
    default:           return NULL;
    }
}

static int check_entry(int64_t tag, const char *text, const char *path, struct error *err)
{
    const char *word = searching_word(tag);
    if (word)
        return error_set(err, ERROR_FORBIDDEN,
                         "%s has %s (%.200s), which makes the loader search for code that nobody "
                         "checks: link it without", path, word, text);
    if (tag == DT_NEEDED && !is_system_library(text))
        return error_set(
            err, ERROR_FORBIDDEN,
            "%s needs the library %.200s, and a plugin may need parts of the C library "
            "only: link it in statically",
            path, text);
    return 0;
}

static int check_table(const struct image *image, const ElfW(Ehdr) *head,
                       const struct image *table, const char *path, struct error *err)
{
    ElfW(Dyn) entry;
    for (size_t i = 0; next_entry(table, i, &entry); i++) {
        if (entry.d_tag != DT_NEEDED && !searching_word(entry.d_tag))
            continue;
        const char *text = entry_text(image, head, table, entry.d_un.d_val);
        if (!text)
            return error_set(err, ERROR_MALFORMED, "%s names libraries outside of its own bytes",
                             path);
        if (check_entry(entry.d_tag, text, path, err) != 0)
            return -1;
    }
    return 0;
}

static int check_searches(const struct image *image, const ElfW(Ehdr) *head, const char *path,
                          struct error *err)
{
    for (size_t i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        struct image table;
        if (!read_at(image, head->e_phoff + i * sizeof segment, &segment, sizeof segment))
            break;
        if (segment.p_type == PT_DYNAMIC && mapped(image, head, segment.p_vaddr, &table)
            && check_table(image, head, &table, path, err) != 0)
            return -1;
    }
    return 0;
}

int object_check(const unsigned char *bytes, size_t size, const char *path, struct error *err)
{
    struct image image = {bytes, size};
    ElfW(Ehdr) head;
    if (check_head(&image, path, &head, err) != 0 || check_whole(&image, &head, path, err) != 0
        || check_note(&image, &head, path, err) != 0)
        return -1;
    return check_searches(&image, &head, path, err);
}

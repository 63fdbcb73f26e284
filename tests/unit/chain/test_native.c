/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused at loading, each with its own words, and that nothing of it ever ran. */
#include "support/chain.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chain/codefile.h"
#include "chain/native/object.h"

#define MARK "/tmp/sluice-constructor-ran"

static const struct {
    const char *plugin, *pattern;
} refused[] = {
    {"no_such", "^there is no no_such\\.so in .*/tests/plugins, .*/plugins: build it, or name its "
                "folder with --plugin-dir or plugin_dirs$"},
    {"live_relaod",
     "^there is no live_relaod\\.so in .*/tests/plugins, .*/plugins; did you mean live_reload\\?$"},
    {"no_record", "/no_record\\.so has no plugin record \\(no note \\.note\\.sluice\\)"},
    {"no_symbol", "/no_symbol\\.so has no plugin record \\(no symbol sluice_plugin\\)"},
    {"wrong_abi", "/wrong_abi\\.so speaks plugin ABI 2, this gateway speaks 1: rebuild it"},
    {"wrong_record_abi", "/wrong_record_abi\\.so speaks plugin ABI 2, this gateway speaks 1"},
    {"short_record", "/short_record\\.so: its plugin record has 32 bytes, ABI 1 needs at least 88"},
    {"lying_size", "/lying_size\\.so: its plugin record has 16 bytes, ABI 1 needs at least 88"},
    {"no_name", "/no_name\\.so: its plugin record has no name"},
    {"no_vote", "/no_vote\\.so: its plugin record has no vote function"},
    {"other_name",
     "/other_name\\.so calls itself someone_else: the file must be called someone_else\\.so"},
    {"bad_version", "/bad_version\\.so: its version is no UTF-8 text of at most 64 bytes"},
    {"unresolved", "/unresolved\\.so cannot be loaded: undefined symbol: nobody_has_this"},
    {"needs_library",
     "/needs_library\\.so needs the library libtrap\\.so, and a plugin may need parts "
     "of the C library only: link it in statically$"},
    {"has_rpath", "/has_rpath\\.so has an RPATH \\(/opt/lib\\), which makes the loader search"},
    {"has_runpath",
     "/has_runpath\\.so has a RUNPATH \\(\\$ORIGIN/lib\\), which .*: link it without$"},
    {"has_auditor", "/has_auditor\\.so has an auditor \\(trap\\.so\\)"},
    {"has_filter", "/has_filter\\.so has a filter \\(libtrap\\.so\\)"},
    {"init_fails", "/init_fails\\.so refused to start: its init returned 7"},
};

static void each_refusal_has_its_words(void **state)
{
    (void)state;
    unlink(MARK);
    setenv("SLUICE_TEST_MARK", MARK, 1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_refused(VOTER(.plugin = refused[i].plugin), "chain.voters[0].plugin",
                       refused[i].pattern);
    assert_int_equal(access(MARK, F_OK), -1);
}

/* Else the test above could not fail. */
static void the_mark_would_be_left(void **state)
{
    (void)state;
    unlink(MARK);
    setenv("SLUICE_TEST_MARK", MARK, 1);
    char *path = alloc_printf("%s/no_record.so", test_dirs[0]);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    dlclose(handle);
    free(path);
    assert_int_equal(access(MARK, F_OK), 0);
    unlink(MARK);
}

static void init_says_why(void **state)
{
    (void)state;
    assert_refused(VOTER(.plugin = "init_fails", .options_json = "{\"why\":\"the moon is full\"}"),
                   "chain.voters[0].plugin",
                   "/init_fails\\.so refused to start: the moon is full$");
}

static void options_are_checked_before_init(void **state)
{
    (void)state;
    assert_refused(VOTER(.plugin = "bad_default"), "chain.voters[0].options",
                   "^option grace: the voter's own default soon is not a duration");
    assert_refused(PARROT("p", "{\"sey\":\"allow\"}"), "chain.voters[0].options",
                   "^option sey: unknown, did you mean say\\?$");
    assert_refused(PARROT("p", "{\"count\":\"x\"}"), "chain.voters[0].options",
                   "^option count: must be a whole number, not \"x\"$");
}

static void a_pin_is_checked(void **state)
{
    (void)state;
    assert_refused(VOTER(.plugin = "parrot", .sha256 = "abc"), "chain.voters[0].plugin",
                   "/parrot\\.so has the sha256 [0-9a-f]{64}, the configuration pins abc");
}

static void no_folder_no_plugin(void **state)
{
    (void)state;
    struct problems problems = {0};
    const struct chain_voter_config *voters[] = {PARROT(NULL, NULL)};
    struct chain_config config = {.voters = voters, .n_voters = 1};
    assert_null(chain_load(&config, NULL, &problems));
    assert_string_equal(problems.items[0].message,
                        "there is no parrot.so in any plugin folder: none is configured");
    problems_free(&problems);
}

static void a_plugin_is_named_not_located(void **state)
{
    (void)state;
    assert_refused(VOTER(.plugin = "../plugins/parrot"), "chain.voters[0].plugin",
                   "without folder and \\.so; got \\.\\./plugins/parrot");
    assert_refused(VOTER(.plugin = "parrot", .script = "a.lua"), "chain.voters[0]",
                   "^a voter has either a plugin or a script or a command$");
    assert_refused(VOTER(.name = "x"), "chain.voters[0]",
                   "^a voter has either a plugin or a script or a command$");
    assert_refused(VOTER(.plugin = "parrot", .name = "a b"), "chain.voters[0].name", "got a b$");
}

static struct codefile read_parrot(void)
{
    struct codefile file;
    struct error err;
    char *path = alloc_printf("%s/parrot.so", test_dirs[0]);
    if (codefile_read(path, NULL, CODEFILE_BYTES_MAX, &file, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return file;
}

static void strange_headers_are_refused(void **state)
{
    (void)state;
    struct codefile file = read_parrot();
    struct error err;
    unsigned char *b = file.bytes;
    assert_int_equal(object_check(b, file.size, "x.so", &err), 0);
    assert_int_equal(object_check((const unsigned char *)"hello", 5, "x.so", &err), -1);
    assert_string_equal(err.text, "x.so is no shared object (it has no ELF header)");

    b[EI_CLASS] = ELFCLASS32;
    assert_int_equal(object_check(b, file.size, "x.so", &err), -1);
    assert_string_equal(err.text,
                        "x.so is built for another word size or byte order than this gateway");
    b[EI_CLASS] = ELFCLASS64;

    Elf64_Ehdr *head = (Elf64_Ehdr *)b;
    uint16_t machine = head->e_machine;
    head->e_machine = EM_SPARC;
    assert_int_equal(object_check(b, file.size, "x.so", &err), -1);
    assert_matches(err.text,
                   "^x\\.so is built for ELF machine 2, this gateway runs on machine [0-9]+$");
    head->e_machine = machine;

    head->e_type = ET_REL;
    assert_int_equal(object_check(b, file.size, "x.so", &err), -1);
    assert_string_equal(err.text, "x.so is no shared object (its ELF type is 1)");
    codefile_close(&file);
}

static void a_file_that_is_cut_short_is_refused(void **state)
{
    (void)state;
    struct codefile file = read_parrot();
    struct error err;
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)file.bytes;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(file.bytes + head->e_phoff);
    size_t end = 0;
    for (size_t i = 0; i < head->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset + segments[i].p_filesz > end)
            end = segments[i].p_offset + segments[i].p_filesz;
    assert_int_equal(object_check(file.bytes, end, "x.so", &err), 0);
    assert_int_equal(object_check(file.bytes, end - 1, "x.so", &err), -1);
    assert_matches(err.text, "^x\\.so is cut short at [0-9]+ bytes: copy or build it again$");
    assert_int_equal(object_check(file.bytes, sizeof *head, "x.so", &err), -1);
    assert_string_equal(err.text, "x.so is cut short at 64 bytes: copy or build it again");
    codefile_close(&file);
}

/* The section headers are the second way, for files whose segments do not list the note. */
static void the_note_is_found_both_ways(void **state)
{
    (void)state;
    struct codefile file = read_parrot();
    struct error err;
    Elf64_Ehdr *head = (Elf64_Ehdr *)file.bytes;
    Elf64_Ehdr saved = *head;
    head->e_phnum = 0;
    assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), 0);
    *head = saved;
    head->e_shnum = 0;
    assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), 0);
    head->e_phnum = 0;
    assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), -1);
    codefile_close(&file);
}

/* Where the entries of the dynamic table begin, and how many bytes they have. */
static size_t find_dynamic(const struct codefile *file, size_t *size)
{
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)file->bytes;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(file->bytes + head->e_phoff);
    for (size_t i = 0; i < head->e_phnum; i++)
        if (segments[i].p_type == PT_DYNAMIC) {
            *size = segments[i].p_filesz;
            return segments[i].p_offset;
        }
    fail_msg("no dynamic table");
    return 0;
}

static void names_of_libraries_are_within_the_file(void **state)
{
    (void)state;
    struct codefile file = read_parrot();
    struct error err;
    size_t size, at = find_dynamic(&file, &size);
    for (Elf64_Dyn *d = (Elf64_Dyn *)(file.bytes + at); d->d_tag != DT_NULL; d++) {
        if (d->d_tag != DT_NEEDED && d->d_tag != DT_STRTAB)
            continue;
        uint64_t saved = d->d_un.d_val;
        d->d_un.d_val = UINT64_MAX / 2;
        assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), -1);
        assert_string_equal(err.text, "x.so names libraries outside of its own bytes");
        d->d_un.d_val = saved;
    }
    assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), 0);
    codefile_close(&file);
}

/* Under the sanitizers: no read beyond the bytes, whatever they say. */
static void any_bytes_are_survived(void **state)
{
    (void)state;
    struct codefile file = read_parrot();
    struct error err;
    for (size_t size = 0; size < 1200; size++) {
        unsigned char *cut = alloc_bytes(size + 1);
        memcpy(cut, file.bytes, size);
        unsigned char *exact = alloc_resize(cut, size ? size : 1, 1);
        object_check(exact, size, "x.so", &err);
        free(exact);
    }
    size_t table_size, table = find_dynamic(&file, &table_size);
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        unsigned char saved[4];
        size_t at[4];
        for (int i = 0; i < 4; i++) {
            random = random * 1664525 + 1013904223;
            at[i] = round % 2 ? (random >> 8) % 1200 : table + (random >> 8) % table_size;
            saved[i] = file.bytes[at[i]];
            file.bytes[at[i]] = (unsigned char)(random >> 3);
        }
        object_check(file.bytes, file.size, "x.so", &err);
        for (int i = 3; i >= 0; i--)
            file.bytes[at[i]] = saved[i];
    }
    assert_int_equal(object_check(file.bytes, file.size, "x.so", &err), 0);
    codefile_close(&file);
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 256; fd++) {
        struct stat st;
        n += fstat(fd, &st) == 0;
    }
    return n;
}

static void nothing_stays_open(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    for (int i = 0; i < 50; i++) {
        struct chain *chain = LOAD(NULL, PARROT("one", ""), PARROT("two", ""));
        assert_non_null(chain);
        chain_unref(chain);
        struct problems problems = {0};
        assert_null(LOAD(&problems, PARROT("one", ""), VOTER(.plugin = "no_name")));
        problems_free(&problems);
    }
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_words),
        cmocka_unit_test(the_mark_would_be_left),
        cmocka_unit_test(init_says_why),
        cmocka_unit_test(options_are_checked_before_init),
        cmocka_unit_test(a_pin_is_checked),
        cmocka_unit_test(no_folder_no_plugin),
        cmocka_unit_test(a_plugin_is_named_not_located),
        cmocka_unit_test(strange_headers_are_refused),
        cmocka_unit_test(a_file_that_is_cut_short_is_refused),
        cmocka_unit_test(the_note_is_found_both_ways),
        cmocka_unit_test(names_of_libraries_are_within_the_file),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(nothing_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy sign and verify: offline, with keys in files. */
#include "cli/policy/sign.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "cli/new_file.h"
#include "policy/signature.h"

static const char *operand(const struct cli *cli)
{
    if (cli->n_operands == 1 && arg_given(cli, "key"))
        return cli->operands[0];
    usage_error(cli, cli->n_operands == 1 ? "with which key? --key FILE"
                                          : "which policy? give one file");
    return NULL;
}

static struct signature_key *read_key(const struct cli *cli)
{
    struct error err;
    struct signature_key *key = signature_key_read(arg_value(cli, "key"), &err);
    if (!key)
        say(cli, "%s", err.text);
    return key;
}

static char *signature_path(const struct cli *cli, const char *file)
{
    const char *given = arg_value(cli, "signature");
    return given ? alloc_str(given) : alloc_printf("%s.sig", file);
}

/* In place of an earlier one, whole or not at all. */
static int write_line(const struct cli *cli, const char *path, const struct buf *line)
{
    char *part = alloc_printf("%s.new", path);
    unlink(part);
    bool good = new_file(AT_FDCWD, part, 0644, line->data, line->len) && rename(part, path) == 0;
    if (!good)
        say(cli, "cannot write %s: %m", path);
    free(part);
    return good ? EXIT_DONE : EXIT_REFUSED;
}

static int sign(const struct cli *cli, const char *file, const struct signature_key *key,
                const struct policy *document)
{
    struct buf line = {0};
    struct error err;
    const char *sandbox = arg_value(cli, "sandbox");
    char *path = signature_path(cli, file);
    int code = EXIT_REFUSED;
    if (policy_sign(key, document, sandbox ? sandbox : "", clock_now_ms(), &line, &err) != 0)
        say(cli, "%s", err.text);
    else if ((code = write_line(cli, path, &line)) == EXIT_DONE)
        terminal_print(stdout, "✓ Signed %s%s%s with the key %s: %s\n", file,
                       sandbox ? " for sandbox " : "", sandbox ? sandbox : "",
                       signature_key_id(key), path);
    buf_free(&line);
    free(path);
    return code;
}

int cmd_policy_sign(struct cli *cli)
{
    const char *file = operand(cli);
    struct policy *document = NULL;
    int code = EXIT_USAGE;
    struct signature_key *key = file ? read_key(cli) : NULL;
    if (key && !signature_key_signs(key))
        say(cli, "%s is a public key: sign with its private half", arg_value(cli, "key"));
    else if (key && (document = policy_from_file(file)))
        code = sign(cli, file, key, document);
    policy_unref(document);
    signature_key_free(key);
    return code;
}

/* ---- verify ---- */

int signature_read(const struct cli *cli, const char *path, char **out)
{
    struct buf text = {0};
    struct policy_signature ignored;
    int code = read_input(path, &text);
    buf_puts(&text, "\n");                          /* what was read has no end of its own */
    *out = NULL;
    if (code < 0 && policy_signature_parse(buf_str(&text), &ignored) != 0) {
        say(cli, "%s is no signature: give the file that sluice policy sign writes", path);
        code = EXIT_USAGE;
    }
    if (code < 0)
        *out = alloc_printf("%.*s", (int)strcspn(buf_str(&text), "\r\n"), buf_str(&text));
    buf_free(&text);
    return code;
}

int signature_header(const struct cli *cli, char **out)
{
    char *line;
    *out = NULL;
    if (!arg_given(cli, "signature"))
        return -1;
    int code = signature_read(cli, arg_value(cli, "signature"), &line);
    if (code < 0)
        *out = alloc_printf("Sluice-Signature: %s", line);
    free(line);
    return code;
}

static int verify(const struct cli *cli, const char *file, const struct signature_key *key,
                  const struct policy *document, const char *line)
{
    struct policy_signature signature;
    char at[CLOCK_TEXT_SIZE];
    policy_signature_parse(line, &signature);
    if (strcmp(signature.key, signature_key_id(key)) != 0)
        say(cli, "%s was signed with the key %s, not with %s", file, signature.key,
            signature_key_id(key));
    else if (!policy_signature_is_of(&signature, key, document))
        say(cli, "the signature is not that of %s: the document or the signature was changed",
            file);
    else {
        terminal_print(stdout, "✓ %s was signed at %s with the key %s%s%s\n", file,
                       clock_format(signature.at_ms, at), signature_key_id(key),
                       *signature.sandbox ? ", for sandbox " : "", signature.sandbox);
        return EXIT_DONE;
    }
    return EXIT_REFUSED;
}

int cmd_policy_verify(struct cli *cli)
{
    const char *file = operand(cli);
    struct policy *document = NULL;
    char *line = NULL, *path = file ? signature_path(cli, file) : NULL;
    int code = EXIT_USAGE;
    struct signature_key *key = file ? read_key(cli) : NULL;
    if (key && (document = policy_from_file(file)) &&
        (code = signature_read(cli, path, &line)) < 0)
        code = verify(cli, file, key, document, line);
    policy_unref(document);
    signature_key_free(key);
    free(line);
    free(path);
    return code;
}

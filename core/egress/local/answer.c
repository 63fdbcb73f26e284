/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/answer.h"

#include "base/text.h"
#include "egress/refusal.h"

static const struct {
    int status;
    const char *word;
} errors[] = {
#define X(id, status, word) [LOCAL_ERROR_##id] = {status, word},
    LOCAL_ERRORS(X)
#undef X
};

static void print_response(int status, const struct buf *body, struct buf *out)
{
    egress_status_line(status, out);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body->len);
    if (status == 429)
        buf_puts(out, "Retry-After: 1\r\n");
    buf_puts(out, "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
    buf_add(out, body->data, body->len);
}

static void print_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    text_json_quote(out, text);
}

static void print_texts(struct buf *out, const char *name, const char *const *texts, size_t n)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? "," : "");
        text_json_quote(out, texts[i]);
    }
    buf_putc(out, ']');
}

void local_print_error(enum local_error error, const char *detail, struct buf *out)
{
    struct buf body = {0};
    buf_puts(&body, "{");
    print_text(&body, "detail", detail);
    print_text(&body, "error", errors[error].word);
    buf_puts(&body, "}\n");
    print_response(errors[error].status, &body, out);
    buf_free(&body);
}

void local_print_policy(struct policy *policy, struct buf *out)
{
    struct buf body = {0}, yaml = {0};
    schema_encode_yaml(&policy_schema, policy_model(policy), &yaml);
    buf_puts(&body, "{");
    print_text(&body, "format", "yaml");
    print_text(&body, "policy_yaml", buf_str(&yaml));
    buf_puts(&body, "}\n");
    print_response(200, &body, out);
    buf_free(&yaml);
    buf_free(&body);
}

void local_print_denials(const struct local_denials *denials, size_t n, struct buf *out)
{
    struct buf body = {0};
    buf_puts(&body, "{\"denials\":");
    local_denials_print(denials, n, &body);
    buf_puts(&body, ",\"log_available\":true}\n");
    print_response(200, &body, out);
    buf_free(&body);
}

void local_print_proposed(const struct agent_proposed *answer, struct buf *out)
{
    struct buf body = {0};
    buf_printf(&body, "{\"status\":\"submitted\",\"accepted_chunks\":%zu,\"rejected_chunks\":%zu",
               answer->n_accepted, answer->n_reasons);
    print_texts(&body, "rejection_reasons", answer->reasons, answer->n_reasons);
    print_texts(&body, "accepted_chunk_ids", answer->accepted, answer->n_accepted);
    buf_puts(&body, "}\n");
    print_response(202, &body, out);
    buf_free(&body);
}

void local_print_chunk_members(const struct agent_chunk *chunk, struct buf *members)
{
    const char *const texts[][2] = {
        {"chunk_id", chunk->chunk_id},
        {"status", chunk->status},
        {"rule_name", chunk->rule_name},
        {"binary", chunk->binary},
        {"rejection_reason", chunk->rejection_reason},
        {"validation_result", chunk->validation_result},
        {"application_error", chunk->application_error},
        {"review_token", chunk->review_token},
        {"current_effective_policy_hash", chunk->current_hash},
        {"candidate_effective_policy_hash", chunk->candidate_hash},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_printf(members, "%s\"%s\":", i ? "," : "", texts[i][0]);
        text_json_quote(members, texts[i][1]);
    }
}

void local_print_chunk(const struct buf *members, int reloaded, bool timed_out, struct buf *out)
{
    struct buf body = {0};
    buf_putc(&body, '{');
    buf_add(&body, members->data, members->len);
    if (reloaded >= 0)
        buf_printf(&body, ",\"policy_reloaded\":%s", reloaded ? "true" : "false");
    buf_puts(&body, timed_out ? ",\"timed_out\":true}\n" : "}\n");
    print_response(200, &body, out);
    buf_free(&body);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests pass: those of the browser that redeemed the link, made by the page itself. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "cli/console/relay.h"

static const char link_path[] = "/open/";

static void refuse(struct relay_answer *out, int status, const char *text)
{
    *out = (struct relay_answer){.status = status, .text = text};
}

/* In constant time. */
static bool is_secret(const char *text, size_t len, const char *secret)
{
    return len == strlen(secret) && CRYPTO_memcmp(text, secret, len) == 0;
}

/* No field of that name has another value. */
static bool only_has(const struct http_head *head, const char *name, const char *const *values)
{
    for (size_t i = 0; i < head->n_fields; i++) {
        const char *const *v = values;
        if (!http_field_is(&head->fields[i], name))
            continue;
        while (*v && strcasecmp(*v, head->fields[i].value) != 0)
            v++;
        if (!*v)
            return false;
    }
    return true;
}

/* Requests of other names for this machine (DNS rebinding) and of pages from elsewhere: another
 * port is "same-site" for a browser. */
static bool is_own_page(const struct relay *relay, const struct http_head *head)
{
    char origin[RELAY_AUTHORITY_SIZE + 8];
    static const char *const sites[] = {"none", "same-origin", NULL};
    const char *const hosts[] = {relay->authority, NULL}, *const origins[] = {origin, NULL};
    snprintf(origin, sizeof origin, "http://%s", relay->authority);
    return http_head_count(head, "Host") == 1 && only_has(head, "Host", hosts) &&
           only_has(head, "Sec-Fetch-Site", sites) && only_has(head, "Origin", origins);
}

/* A browser that looks ahead would use up the link. */
static bool looks_ahead(const struct http_head *head)
{
    const char *purpose = http_head_get(head, "Sec-Purpose");
    return purpose && strstr(purpose, "prefetch");
}

static void redeem(const struct relay *relay, const struct http_head *head, uid_t uid, int64_t now,
                   struct relay_answer *out)
{
    const char *secret = head->target + strlen(link_path);
    int expected = LINK_NEW;
    if (strcmp(head->method, "GET") != 0 || looks_ahead(head)) {
        refuse(out, 405, "The link is opened by a GET request of a browser's address bar.");
        return;
    }
    if (!is_secret(secret, strlen(secret), relay->link) || now >= relay->until ||
        !atomic_compare_exchange_strong(&relay->session->link, &expected, LINK_TAKEN)) {
        refuse(out, 403,
               "This link is used up or has expired: it works once, within a minute. Run "
               "'sluice console' again for a new one.");
        return;
    }
    relay->session->uid = uid;
    atomic_store(&relay->session->link, LINK_REDEEMED);
    *out = (struct relay_answer){.status = 303, .location = "/console/", .sets_cookie = true};
}

/* "a=1; b=2" */
static bool has_cookie(const char *cookies, const char *name, const char *secret)
{
    size_t name_len = strlen(name);
    while (*cookies) {
        cookies += strspn(cookies, "; ");
        size_t len = strcspn(cookies, ";");
        if (len > name_len && memcmp(cookies, name, name_len) == 0 && cookies[name_len] == '=' &&
            is_secret(cookies + name_len + 1, len - name_len - 1, secret))
            return true;
        cookies += len;
    }
    return false;
}

bool relay_is_redeemed(const struct relay *relay)
{
    return atomic_load(&relay->session->link) == LINK_REDEEMED;
}

static bool is_known(const struct relay *relay, const struct http_head *head, uid_t uid)
{
    if (!relay_is_redeemed(relay) || relay->session->uid != uid)
        return false;
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_field_is(&head->fields[i], "Cookie") &&
            has_cookie(head->fields[i].value, relay->cookie_name, relay->cookie))
            return true;
    return false;
}

static bool begins(const char *target, const char *path)
{
    return strncmp(target, path, strlen(path)) == 0;
}

void relay_admit(const struct relay *relay, const struct http_head *head, uid_t uid, int64_t now,
                 struct relay_answer *out)
{
    *out = (struct relay_answer){.status = 0};
    if (!is_own_page(relay, head))
        refuse(
            out, 403,
            "A page from elsewhere asks for this, or by another name than the link has. Open the "
            "link that 'sluice console' prints from the address bar.");
    else if (begins(head->target, link_path))
        redeem(relay, head, uid, now, out);
    else if (!is_known(relay, head, uid))
        refuse(
            out, 403,
            "The console is opened by the link that 'sluice console' prints, in the browser that "
            "it was opened in first. Run 'sluice console' again for a new link.");
    else if (strcmp(head->target, "/") == 0)
        *out = (struct relay_answer){.status = 303, .location = "/console/"};
    else if (!begins(head->target, "/console/") && !begins(head->target, "/v1/"))
        refuse(out, 404, "Only the console is here, at /console/.");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/account.h"

#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/unset.h"

enum { KEPT = 16 };

struct kept {
    uid_t uid;
    uint64_t until_ms;                              /* monotonic; 0: nothing is kept here */
    char name[NAME_MAX];
};

/* The newest answers, each at its uid modulo their number. */
struct auth_accounts {
    pthread_mutex_t lock;
    struct kept kept[KEPT];
};

struct auth_accounts *auth_accounts_new(void)
{
    struct auth_accounts *accounts = alloc_zero(1, sizeof *accounts);
    pthread_mutex_init(&accounts->lock, NULL);
    return accounts;
}

void auth_accounts_free(struct auth_accounts *accounts)
{
    if (accounts)
        pthread_mutex_destroy(&accounts->lock);
    free(accounts);
}

static bool recall(struct auth_accounts *accounts, uid_t uid, uint64_t now, char *out, size_t size)
{
    const struct kept *k = &accounts->kept[uid % KEPT];
    pthread_mutex_lock(&accounts->lock);
    bool found = k->uid == uid && now < k->until_ms;
    if (found)
        snprintf(out, size, "%s", k->name);
    pthread_mutex_unlock(&accounts->lock);
    return found;
}

static void keep(struct auth_accounts *accounts, uid_t uid, uint64_t now, const char *name)
{
    struct kept *k = &accounts->kept[uid % KEPT];
    pthread_mutex_lock(&accounts->lock);
    k->uid = uid;
    k->until_ms = now + AUTH_ACCOUNT_KEPT_MS;
    snprintf(k->name, sizeof k->name, "%s", name);
    pthread_mutex_unlock(&accounts->lock);
}

void auth_account_name(struct auth_accounts *accounts, uid_t uid, char *out, size_t size)
{
    UNSET char space[16384];
    char name[NAME_MAX];
    struct passwd entry, *found = NULL;
    uint64_t now = clock_mono_ms();
    if (accounts && recall(accounts, uid, now, out, size))
        return;
    if (getpwuid_r(uid, &entry, space, sizeof space, &found) == 0 && found)
        snprintf(name, sizeof name, "%s", found->pw_name);
    else
        snprintf(name, sizeof name, "uid:%u", (unsigned)uid);
    snprintf(out, size, "%s", name);
    if (accounts)
        keep(accounts, uid, now, name);
}

bool auth_account_uid(const char *name, uid_t *out)
{
    char space[16384], *end;
    struct passwd entry, *found = NULL;
    if (strncmp(name, "uid:", 4) == 0) {
        unsigned long uid = strtoul(name + 4, &end, 10);
        *out = (uid_t)uid;
        return name[4] >= '0' && name[4] <= '9' && !*end && uid < UINT32_MAX;
    }
    if (getpwnam_r(name, &entry, space, sizeof space, &found) != 0 || !found)
        return false;
    *out = found->pw_uid;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/account.h"

#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { KEPT = 16 };

/* The newest answers, each at its uid modulo their number. */
static struct kept {
    uid_t uid;
    int64_t until_ms;                               /* monotonic; 0: nothing is kept here */
    char name[NAME_MAX];
} kept[KEPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool recall(uid_t uid, int64_t now, char *out, size_t size)
{
    const struct kept *k = &kept[uid % KEPT];
    pthread_mutex_lock(&lock);
    bool found = k->uid == uid && now < k->until_ms;
    if (found)
        snprintf(out, size, "%s", k->name);
    pthread_mutex_unlock(&lock);
    return found;
}

static void keep(uid_t uid, int64_t now, const char *name)
{
    struct kept *k = &kept[uid % KEPT];
    pthread_mutex_lock(&lock);
    k->uid = uid;
    k->until_ms = now + AUTH_ACCOUNT_KEPT_MS;
    snprintf(k->name, sizeof k->name, "%s", name);
    pthread_mutex_unlock(&lock);
}

void auth_account_name(uid_t uid, char *out, size_t size)
{
    char space[16384];
    struct passwd entry, *found = NULL;
    int64_t now = (int64_t)clock_mono_ms();
    if (recall(uid, now, out, size))
        return;
    char name[NAME_MAX];
    if (getpwuid_r(uid, &entry, space, sizeof space, &found) == 0 && found)
        snprintf(name, sizeof name, "%s", found->pw_name);
    else
        snprintf(name, sizeof name, "uid:%u", (unsigned)uid);
    snprintf(out, size, "%s", name);
    keep(uid, now, name);
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

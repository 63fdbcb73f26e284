/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

#include "base/error.h"

/* Signals are left to the threads that the program made for them.  The caller joins. */
static inline int thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                               struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return error_set(err, ERROR_INTERNAL, "cannot start the %s thread (error %d)", name,
                         rc);
    pthread_setname_np(*out, name);
    return 0;
}

#endif

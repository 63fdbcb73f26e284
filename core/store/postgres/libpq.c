/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres/libpq.h"

#include <dlfcn.h>
#include <string.h>

static int missing(const char *what, struct error *err)
{
    return error_set(err, ERROR_IO, "a store in PostgreSQL needs libpq 14 or newer: "
                     "install the package libpq5: %s", what);
}

int libpq_load(struct libpq *out, struct error *err)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol;
    if (!library)
        return missing(dlerror(), err);
    /* POSIX lets the bytes of such a pointer be those of a function. */
#define X(name)                                           \
    if (!(symbol = dlsym(library, #name)))                \
        return missing("it has no function " #name, err); \
    memcpy(&out->name, &symbol, sizeof symbol);
    LIBPQ_FUNCTIONS(X)
#undef X
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Trust in an authority of a test. */
#ifndef TESTS_SUPPORT_TRUST_H
#define TESTS_SUPPORT_TRUST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "egress/inspect/authority.h"
#include "egress/inspect/trust.h"

static inline struct egress_trust *trust_in(const struct egress_authority *authority)
{
    struct error err;
    char file[] = "/tmp/sluice-inspect-XXXXXX";
    const char *pem = egress_authority_pem(authority);
    int fd = mkstemp(file);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    close(fd);
    struct egress_trust *trust = egress_trust_new(file, &err);
    assert_non_null(trust);
    unlink(file);
    return trust;
}

#endif

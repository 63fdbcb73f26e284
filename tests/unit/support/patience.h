/* SPDX-License-Identifier: Apache-2.0 */
/* How long a test waits for an event that should come at once. Only a test that fails waits this
 * long, so a busy machine has time to spare. */
#ifndef TESTS_SUPPORT_PATIENCE_H
#define TESTS_SUPPORT_PATIENCE_H

#include <stdlib.h>

/* scripts/valgrind asks for more. */
static inline int patience_ms(void)
{
    return getenv("SLUICE_TEST_PATIENT") ? 400 * 1000 : 180 * 1000;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as YAML; what is read must print and read back as the same. */
#include "doc_round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return round_trip((const char *)data, size, DOC_YAML);
}

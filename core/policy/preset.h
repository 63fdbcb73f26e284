/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of an endpoint's field access stand for.  Any thread. */
#ifndef POLICY_PRESET_H
#define POLICY_PRESET_H

/* The methods of whole endpoints ("*": all), ended by NULL.  NULL: the protocol has no such
 * preset. */
const char *const *policy_preset(const char *protocol, const char *access);
/* The same for the types of GraphQL operations. */
const char *const *policy_preset_operations(const char *protocol, const char *access);

#endif

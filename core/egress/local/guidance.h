/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused request tells an agent, and the files in the sandbox that explain it. */
#ifndef EGRESS_LOCAL_GUIDANCE_H
#define EGRESS_LOCAL_GUIDANCE_H

#define LOCAL_SKILL_FILE "/etc/openshell/skills/policy_advisor.md"
#define LOCAL_SKILL_FOLDER_FILE "/etc/openshell/skills/policy-advisor/SKILL.md"
#define LOCAL_AGENTS_FILE "/AGENTS.md"

#define LOCAL_NEXT_STEPS                                                                     \
    "[{\"action\":\"read_skill\",\"path\":\"" LOCAL_SKILL_FILE "\"},"                          \
    "{\"action\":\"inspect_policy\",\"method\":\"GET\",\"url\":"                               \
    "\"http://policy.local/v1/policy/current\"},"                                            \
    "{\"action\":\"inspect_recent_denials\",\"method\":\"GET\",\"url\":"                       \
    "\"http://policy.local/v1/denials?last=5\"},"                                            \
    "{\"action\":\"submit_proposal\",\"method\":\"POST\",\"url\":"                             \
    "\"http://policy.local/v1/proposals\",\"body_type\":\"PolicyMergeOperation\"}]"

#define LOCAL_GUIDANCE                                                                       \
    "This refusal need not be the end of the task. Read " LOCAL_SKILL_FILE ", propose the "  \
    "narrowest rule that you need with POST http://policy.local/v1/proposals, wait for the " \
    "decision at /v1/proposals/{id}/wait, and repeat the request once it says "              \
    "policy_reloaded: true. If the proposal is rejected, heed its reason."

extern const char local_skill[], local_agents_hint[];

#endif

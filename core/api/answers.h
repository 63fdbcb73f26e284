/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: the members of each answer, for the OpenAPI document. */
#ifndef API_ANSWERS_H
#define API_ANSWERS_H

#include <jansson.h>

/* name, members.  A member is a text unless a mark follows its name: # integer, % number, !
 * boolean, ? text or null,
 * * anything, [] a list of texts, [x] a list of x, <x> an x, where x is a name of this list. */
#define API_ANSWERS(X)                                                                             \
    X(problem, "type title status# detail")                                                        \
    X(error, "path line# column# message")                                                         \
    X(status,                                                                                      \
      "status version pid# started_at sandboxes# ready# pending_drafts# voters# draining! "        \
      "limits* workload_uids* enforces[] gateways[gateway]")                                       \
    X(gateway, "id name here! alive! started_at seen_at")                                          \
    X(sandbox,                                                                                     \
      "name id phase network labels* policy_revision# loaded_revision# policy_hash created_at "    \
      "approval_mode hold_ms# agent_proposals! observe! grants[grant] limits* error? exit_code* "  \
      "main* owner shares[share] host gateway? gateway_here! gateway_alive!")                      \
    X(share, "with role")                                                                          \
    X(shares, "sandbox owner shares[share]")                                                       \
    X(created,                                                                                     \
      "name id phase network labels* policy_revision# loaded_revision# policy_hash created_at "    \
      "approval_mode hold_ms# agent_proposals! observe! grants[grant] limits* error? exit_code* "  \
      "main* owner shares[share] gateway? gateway_here! gateway_alive! "                           \
      "update<update> warnings*")                                                                  \
    X(sandboxes, "sandboxes[sandbox]")                                                             \
    X(main, "sandbox command[] tty! state exit_code* error? started_at? ended_at?")                \
    X(grant, "rule chunk uses* expires_at? pid* ends ended!")                                      \
    X(policy, "sandbox revision# loaded_revision# hash status grants[grant] policy*")              \
    X(revision, "revision# hash status kind actor identity origin reason decision? created_at "    \
                "loaded_at? error?")                                                               \
    X(revisions, "revisions[revision]")                                                            \
    X(vote, "voter version level verdict code message path duration_us#")                          \
    X(diff, "added[change] removed[change] changed[change] static[static]")                        \
    X(change, "key")                                                                               \
    X(static, "path before after")                                                                 \
    X(reach, "host port# binary method path example")                                              \
    X(effect, "relation gained[reach] lost[reach]")                                                \
    X(finding, "category host port# binary method credential doc_path text")                       \
    X(update,                                                                                      \
      "outcome revision# hash changed! status dry_run! votes[vote] warnings[error] diff<diff> "    \
      "effect<effect> findings[finding] base_revision# summary")                                   \
    X(draft, "id sandbox status source rule_name rule* host port# binary method path operation "   \
             "field rpc_method tool hits# first_seen last_seen "                                   \
             "rationale confidence% security_notes review_token decided_by decided_at? reason "    \
             "author approvals* asked_by* addresses* waiting# grant*")                             \
    X(drafts, "chunks[draft]")                                                                     \
    X(cleared, "cleared#")                                                                         \
    X(event, "at event id actor identity origin text")                                             \
    X(history, "history[event]")                                                                   \
    X(actor, "name role via identity origin")                                                      \
    X(decision, "id seq# sandbox kind outcome actor<actor> reason base_revision# revision# "       \
                "base_hash candidate_hash "                                                        \
                "votes[vote] overridden! chain_digest at hash")                                    \
    X(decisions, "decisions[decision]")                                                            \
    X(full_decision,                                                                               \
      "id seq# sandbox kind outcome actor<actor> reason base_revision# revision# base_hash "       \
      "candidate_hash votes[vote] overridden! chain_digest at hash candidate* diff<diff> effect* " \
      "findings* warnings[error] previous")                                                        \
    X(request, "host port# binary verdict rule reason count# first_seen last_seen")                \
    X(unlisted, "allowed# refused# failed#")                                                       \
    X(traffic, "sandbox traffic[request] unlisted<unlisted>")                                      \
    X(audited, "binary host port# method path operation field rpc_method tool count# last_seen "   \
               "first_seen reason rule")                                                           \
    X(audit_report, "sandbox requests[audited] unlisted#")                                         \
    X(unlisted_requests, "count# last_seen")                                                       \
    X(requests, "sandbox requests[audited] unlisted<unlisted_requests> since")                     \
    X(audit, "intact! records# first_bad# why head")                                               \
    X(provider, "name id profile credentials[] endpoints[] sandboxes[] rotations# created_at "     \
                "rotated_at? unconfirmed[]")                                                       \
    X(token, "id name role sandbox? expired! created_by created_at? expires_at?")                  \
    X(made_token, "id name role sandbox? expired! created_by created_at? expires_at? token")       \
    X(host, "name labels* sandboxes# capacity# state gateway address version error seen_at")       \
    X(hosts, "hosts[host]")                                                                        \
    X(tokens, "tokens[token]")                                                                     \
    X(oidc_config, "issuer audience client_id scopes authorization_endpoint")                      \
    X(oidc_token, "token expires_at?")                                                             \
    X(ceiling, "label? hash set_by identity origin at policy*")                                    \
    X(ceilings, "ceilings[ceiling]")                                                               \
    X(tightened, "sandbox revision# hash effect<effect> warnings[error]")                          \
    X(untightened, "sandbox why")                                                                  \
    X(set_ceiling, "label? hash dry_run! changed[tightened] failed[untightened] warnings[error]")  \
    X(exported, "records state taken# waiting# sent# refused# missed# failed# last_sent_at? "      \
                "last_failed_at? last_error?")                                                     \
    X(exporter, "name type url format records[exported]")                                          \
    X(exports, "exports[exporter]")                                                                \
    X(deleted_ceiling, "label?")                                                                   \
    X(whoami, "name role identity via from sandbox_id? permissions[] own_permissions[]")           \
    X(providers, "providers[provider]")                                                            \
    X(voter, "name version summary kind level isolation path sha256 state "                        \
             "reads_files! votes# denials# errors# p50_us# p99_us# "                               \
             "inspects! requests# request_denials# "                                               \
             "request_holds# request_quarantines# request_errors#")                                \
    X(not_inspecting, "sandbox error")                                                             \
    X(plugins, "voters[voter] digest not_inspecting[not_inspecting]")                              \
    X(permission, "name help roles[] own_roles[]")                                                 \
    X(permissions, "permissions[permission]")

/* The answers as JSON Schemas, by name: listed members are always present; an answer may have
 * more. */
json_t *api_describe_answers(void);

#endif

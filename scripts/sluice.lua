---@meta sluice
-- SPDX-License-Identifier: Apache-2.0
-- What a rule finds around it, for the Lua language server: completion, types and help while you
-- write.  Nothing here is ever run.  Tell the server where the file is, in .luarc.json:
--
--   { "runtime.version": "Lua 5.4", "workspace.library": ["/usr/share/sluice"] }
--
-- and begin your vote with:   ---@param t sluice.Transition
--                             ---@param ballot sluice.Ballot
--
-- Everything that is voted on is read only.  A text that was not written is "", a section that was
-- not written is nil, and a field that does not exist is an error, so that a typo never passes.

---@alias sluice.Kind "create"|"replace"|"merge"|"approve"|"undo"|"rollback"|"global"

---@class sluice.Transition
---@field kind sluice.Kind how the policy is to change
---@field dry_run boolean nothing will be committed
---@field reason string as the actor gave it
---@field now integer the time of the update, in milliseconds since 1970
---@field now_ms integer the same
---@field sandbox sluice.Sandbox? nil for kind global
---@field actor sluice.Actor
---@field baseline sluice.Policy? the policy of its creation; nil on create
---@field current sluice.Policy? the policy now; nil on create
---@field candidate sluice.Policy the policy to be
---@field draft sluice.Draft? what is being approved; nil for other kinds
---@field findings sluice.Finding[] what is gained that a person may want to weigh, the gravest first
---@field relation "same"|"tightens"|"loosens"|"both" what the change means for what may be reached
local Transition = {}

---Rules that the candidate has and the current policy has not.
---@return fun(): sluice.Rule?
function Transition:added() end

---Rules that the current policy has and the candidate has not.
---@return fun(): sluice.Rule?
function Transition:removed() end

---Rules that both have and that differ.
---@return fun(): sluice.RuleChange?
function Transition:changed() end

---Values of the static sections that differ.
---@return fun(): sluice.StaticChange?
function Transition:static_changes() end

---What may be reached by the candidate alone; together they cover all of it.
---@return fun(): sluice.Reach?
function Transition:gained() end

---What may be reached by the current policy alone.
---@return fun(): sluice.Reach?
function Transition:lost() end

---The endpoints of rules that were added or changed, each with its host and the rule before the change: nil where
---the rule is new.  With a selection those of which one part of it holds.
---@param selection sluice.Selection?
---@return fun(): sluice.Endpoint?, string?, sluice.Rule?
function Transition:changed_endpoints(selection) end

---@class sluice.Selection
---@field within (string|string[])? the host is one of these or below one
---@field outside (string|string[])? it is not
---@field networks (string|string[])? the host, or one of allowed_ips, has an address in common with one of these blocks
---@field local_names boolean? the host is a name without a dot

---@class sluice.Reach
---@field host string a pattern; "**" is every host, addresses included
---@field port integer 0 is every port
---@field binary string a pattern
---@field method string of requests that are looked at; "" where they are not
---@field path string a pattern, of the same requests
---@field example string "/usr/bin/curl may now reach a.example.com:443"
---@field operation string of GraphQL requests: "mutation" or "mutation NAME"; else ""
---@field field string root fields of the same, with commas between them
---@field rpc_method string of JSON-RPC requests; else ""
---@field tool string of calls of MCP tools; else ""

---@class sluice.Finding
---@field category "link_local_reach"|"l7_bypass_credentialed"|"credential_reach_expansion"|"capability_expansion"
---@field host string a pattern; "**" is any host
---@field port integer 0 is every port
---@field binary string a pattern
---@field method string of a further method; else ""
---@field credential string the provider whose credential is used there; "" where none is named
---@field doc_path string of the endpoint in the candidate
---@field text string the finding on one line

---@class sluice.RuleChange
---@field before sluice.Rule
---@field after sluice.Rule

---@class sluice.StaticChange
---@field path string such as filesystem_policy.read_only
---@field before string
---@field after string

---@class sluice.Sandbox
---@field name string
---@field id string
---@field labels table<string, string>
---@field network "proxy"|"none"
---@field running boolean

---@class sluice.Actor
---@field name string
---@field role "viewer"|"user"|"approver"|"admin"|"sandbox"|string one of the configuration, too
---@field via "unix"|"tcp"|"tls"|"gateway"
---@field identity "uid"|"token"|"certificate"|"agent"|"gateway"|"" how it is known
---@field origin string where it asks from, such as "tcp:192.0.2.7:40112" or "sandbox:demo"

---@class sluice.Draft
---@field id string
---@field source "mechanistic"|"agent"|"held"|"operator"
---@field author string
---@field hits integer
---@field confidence number 0 to 1
---@field approvals sluice.Approval[] so far, this one included
---@field asked_by string[] who asked for it, by every name they are known by
---@field grant sluice.Grant? how it ends again, in one of these ways; nil: it stays

---@class sluice.Grant
---@field uses integer after so many connections or requests; 0: they are not counted
---@field for_ms integer so long after the approval; 0: it does not
---@field expires_at_ms integer at this time, in milliseconds since 1970; 0: never
---@field pid integer with this process, and for its process tree alone; 0: none

---@class sluice.Approval
---@field actor string
---@field role string
---@field at_ms integer

---@class sluice.Policy
---@field version integer
---@field filesystem_policy sluice.Filesystem
---@field landlock sluice.Landlock
---@field process sluice.Process
---@field rules table<string, sluice.Rule> the network policies by name, in the order of their names
---@field network_policies table<string, sluice.Rule> the same
---@field network_middlewares table<string, sluice.Middleware>

---@class sluice.Filesystem
---@field include_workdir boolean
---@field read_only string[]
---@field read_write string[]

---@class sluice.Landlock
---@field compatibility "best_effort"|"hard_requirement"

---@class sluice.Process
---@field run_as_user string
---@field run_as_group string

---@class sluice.Rule
---@field key string its name in network_policies
---@field name string
---@field doc_path string
---@field endpoints sluice.Endpoint[]
---@field binaries sluice.Binary[] empty: nobody may use the rule

---@class sluice.Binary
---@field path string a path, or a glob
---@field doc_path string

---@class sluice.Endpoint
---@field doc_path string
---@field host string as written
---@field port integer the first of ports
---@field ports integer[]
---@field path string
---@field protocol ""|"tcp"|"rest"|"websocket"|"graphql"|"sql"|"json-rpc"|"mcp"
---@field tls string
---@field enforcement ""|"enforce"|"audit"
---@field access ""|"read-only"|"read-write"|"full"
---@field rules sluice.AllowRule[]
---@field deny_rules sluice.RequestRule[]
---@field allowed_ips string[]
---@field public_only boolean
---@field allow_encoded_slash boolean
---@field websocket_credential_rewrite boolean
---@field request_body_credential_rewrite boolean
---@field allow_uninspected_credentials boolean
---@field persisted_queries string
---@field graphql_persisted_queries table<string, sluice.PersistedQuery>
---@field graphql_max_body_bytes integer
---@field credential_signing string
---@field signing_service string
---@field signing_region string
---@field credential_binding sluice.CredentialBinding
---@field json_rpc sluice.JsonRpc?
---@field mcp sluice.Mcp?

---@class sluice.AllowRule
---@field allow sluice.RequestRule
---@field doc_path string

---@class sluice.RequestRule
---@field doc_path string
---@field method string
---@field path string
---@field query table<string, sluice.Matcher>
---@field command string
---@field operation_type string
---@field operation_name string
---@field fields string[]
---@field tool any
---@field params table<string, sluice.Matcher> nested maps as dotted keys

---@class sluice.Matcher
---@field key string
---@field any string[] globs, one of which must match

---@class sluice.PersistedQuery
---@field key string
---@field operation_type string
---@field operation_name string
---@field fields string[]

---@class sluice.CredentialBinding
---@field provider string "" without a binding

---@class sluice.JsonRpc
---@field max_body_bytes integer

---@class sluice.Mcp
---@field max_body_bytes integer
---@field strict_tool_names boolean
---@field allow_all_known_mcp_methods boolean

---@class sluice.Middleware
---@field key string
---@field name string
---@field doc_path string
---@field middleware string
---@field order integer
---@field config table
---@field on_error "fail_closed"|"fail_open"
---@field endpoints sluice.Selector

---@class sluice.Selector
---@field include string[]
---@field exclude string[]

---@class sluice.Request what `inspect` is asked about
---@field sandbox sluice.Sandbox
---@field binary string the program, as the kernel resolves it
---@field ancestors string[] the programs that started it, nearest first
---@field host string in lower case
---@field port integer
---@field rule string the key of the rule that lets it through
---@field protocol string of the endpoint, such as "rest" or "mcp"
---@field method string
---@field path string without the query
---@field query string
---@field headers table<string, string> by name in lower case; the values of a repeated one joined by ", "
---@field body string its first bytes; each reading makes a new string
---@field body_complete boolean body is all of it
---@field operation string GraphQL: "mutation NAME"; JSON-RPC: the method; else ""
---@field tool string MCP: the tool that is called; else ""
---@field response sluice.Response? nil when the request itself is judged
---@field message string "text" or "binary": a WebSocket message, the client's in body, the server's in response.body; else ""
---@field tls string the version of TLS towards the client; "" without

---@class sluice.Response
---@field status integer
---@field headers table<string, string>
---@field body string
---@field body_complete boolean

---@class sluice.Verdict what vote and inspect return; nil abstains

---@class sluice.Ballot
local Ballot = {}

---Agrees to the transition.
---@return sluice.Verdict
function Ballot:allow() end

---Has no opinion.
---@return sluice.Verdict
function Ballot:abstain() end

---Refuses the transition.
---@param code string one of the rule's codes
---@param path string? where in the document, such as endpoint.doc_path
---@param format string as for string.format
---@param ... any
---@return sluice.Verdict
function Ballot:deny(code, path, format, ...) end

---Leaves the decision to a person.
---@param code string one of the rule's codes
---@param path string?
---@param format string as for string.format
---@param ... any
---@return sluice.Verdict
function Ballot:hold(code, path, format, ...) end

---Attaches a fact to the audit record.  Never changes the verdict.
---@param key string
---@param value string|number|boolean
function Ballot:fact(key, value) end

---Sets a header of the request; its name begins with x-openshell-middleware-.  This and the next two only where a
---policy names the rule as a middleware.
---@param name string
---@param value string
---@return nil
function Ballot:set_header(name, value) end

---@param name string
---@return nil
function Ballot:remove_header(name) end

---Replaces a body that was seen whole.
---@param body string
---@return nil
function Ballot:set_body(body) end

---@class sluice.Definition what the file returns
---@field name string? the file's base name
---@field version string?
---@field summary string?
---@field codes table<string, string>? what deny and hold may say, each with its help
---@field options table<string, sluice.Option>?
---@field vote fun(t: sluice.Transition, ballot: sluice.Ballot, options: table<string, any>)?: sluice.Verdict?
---@field inspect fun(r: sluice.Request, ballot: sluice.Ballot, options: table<string, any>)?: sluice.Verdict?
---@field inspect_responses boolean? inspect is asked about answers too

---@class sluice.Option
---@field type "text"|"integer"|"boolean"|"duration"|"list" a duration is read as milliseconds
---@field default any?
---@field help string?

sluice = {}

---Whether a policy's host pattern matches a host: * within a label, ** across labels.
---@param pattern string
---@param host string
---@return boolean
function sluice.host_match(pattern, host) end

---Whether a host is one of the domains or below one, without regard to case, the dot of the root and the brackets of
---an address.  Nothing is below an address.
---@param host string
---@param domains string|string[]
---@return boolean
function sluice.host_within(host, domains) end

---Whether an address, or a host that is one, is in one of the blocks.
---@param blocks string|string[] such as 10.0.0.0/8
---@param ip string
---@return boolean
function sluice.cidr_contains(blocks, ip) end

---The first of the blocks that has an address in common with one of the networks.
---@param networks string|string[]
---@param blocks string|string[]
---@return string?
function sluice.cidr_overlaps(networks, blocks) end

---The endpoints of all rules of a policy, each with its host; nil has none.
---@param policy sluice.Policy?
---@return fun(): sluice.Endpoint?, string?
function sluice.endpoints(policy) end

---Writes a line to the gateway's log; at most 20 a vote.
---@param format string as for string.format
---@param ... any
function sluice.log(format, ...) end

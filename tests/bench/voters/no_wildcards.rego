# SPDX-License-Identifier: Apache-2.0
# The shipped Lua rule of this name for the Open Policy Agent; input: {"current": policy, "candidate": policy}.
package sluice.no_wildcards

import rego.v1

deny contains {"code": "WILDCARD_HOST", "path": path, "message": message} if {
	some key, rule in input.candidate.network_policies
	some i, endpoint in rule.endpoints
	contains(endpoint.host, "*")
	not had_host(key, endpoint.host)
	path := sprintf("network_policies.%s.endpoints[%d]", [key, i])
	message := sprintf("host %s opens a whole domain; name each host", [endpoint.host])
}

had_host(key, host) if {
	some endpoint in input.current.network_policies[key].endpoints
	lower(endpoint.host) == lower(host)
}

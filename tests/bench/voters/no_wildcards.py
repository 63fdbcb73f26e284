# SPDX-License-Identifier: Apache-2.0
"""The shipped Lua rule of this name as an external voter (include/WIRE.md)."""
import json
import os
import sys


def read(n):
    data = b""
    while len(data) < n:
        part = os.read(3, n - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


def send(**message):
    data = json.dumps(message).encode()
    os.write(3, len(data).to_bytes(4, "big") + data)


def hosts(policy, key):
    rule = (policy or {}).get("network_policies", {}).get(key, {})
    return [endpoint.get("host", "") for endpoint in rule.get("endpoints", [])]


def find(policies, diff):
    """Path and host of the first wildcard that a rule did not have before."""
    for key in diff.get("added", []) + diff.get("changed", []):
        before = {host.lower() for host in hosts(policies.get("current"), key)}
        for i, host in enumerate(hosts(policies["candidate"], key)):
            if "*" in host and host.lower() not in before:
                return f"network_policies.{key}.endpoints[{i}]", host
    return None


policies = {}
while True:
    message = json.loads(read(int.from_bytes(read(4), "big")))
    if message["type"] == "open":
        send(type="opened", protocol=1, name="no_wildcards", version="1.0.0",
             codes=[{"code": "WILDCARD_HOST", "help": "A rule opens every host of a domain."}])
    elif message["type"] == "policy":
        policies[message["role"]] = message.get("policy")
    elif message["type"] == "vote":
        found = find(policies, message["diff"])
        if found:
            send(type="voted", id=message["id"], verdict="deny", code="WILDCARD_HOST", path=found[0],
                 message=f"host {found[1]} opens a whole domain; name each host")
        else:
            send(type="voted", id=message["id"], verdict="allow")

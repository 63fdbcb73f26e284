# SPDX-License-Identifier: Apache-2.0
"""An agent in a sandbox, as OpenShell's skill file has it: it is refused, reads how to ask, proposes the
rule that it lacks, waits for the decision and asks again.

    openshell_agent.py URL

It goes by what the refusal tells it.  Each step is told on a line."""
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

URL = sys.argv[1]


def fetch(url, body=None):
    """The status and the JSON of the answer."""
    try:
        with urllib.request.urlopen(url, body, timeout=110) as answer:
            code, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        code, text = error.code, error.read()
    try:
        return code, json.loads(text)
    except ValueError:
        return code, {}


def say(*words):
    print(*words, flush=True)


code, refusal = fetch(URL)
say("agent", code, refusal["error"])
steps = {step["action"]: step for step in refusal["next_steps"]}
say("skill", "policy.local" in open(steps["read_skill"]["path"]).read())
policy = fetch(steps["inspect_policy"]["url"])[1]["policy_yaml"]
place = urllib.parse.urlsplit(URL)
say("policy", "agents" in policy)
say("denials", any(place.netloc in line for line in fetch(steps["inspect_recent_denials"]["url"])[1]["denials"]))
rule = {"name": "agents", "endpoints": [{"host": place.hostname, "port": place.port, "protocol": "rest", "enforcement": "enforce",
                                         "rules": [{"allow": {"method": "GET", "path": place.path}}]}],
        "binaries": [{"path": os.path.realpath(sys.executable)}]}
proposal = {"intent_summary": "read the page", "operations": [{"addRule": {"ruleName": "agents", "rule": rule}}]}
code, submitted = fetch(steps["submit_proposal"]["url"], json.dumps(proposal).encode())
say("proposed", code, submitted["accepted_chunks"])
code, chunk = fetch(f"{steps['submit_proposal']['url']}/{submitted['accepted_chunk_ids'][0]}/wait?timeout=100")
say("decided", code, chunk["status"], chunk.get("policy_reloaded"), chunk["rejection_reason"] or "-")
say("again", fetch(URL)[0])

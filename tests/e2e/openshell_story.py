# SPDX-License-Identifier: Apache-2.0
"""OpenShell's own Python SDK, either generation, plays the story of a sandbox whose first rules come
while it runs:

    openshell_story.py ADDRESS NAME

It is made without a policy; its program is refused; a rule comes by replacement, another one by an
approval; the program gets through as soon as its rule is loaded.  Then an agent in it proposes a rule,
which is rejected, and the same rule again, which is approved.  Each step is told on a line."""
import concurrent.futures
import os
import sys
import time

import grpc
from openshell import SandboxClient
from openshell._proto import openshell_pb2 as pb
from openshell._proto import sandbox_pb2 as policies

address, name = sys.argv[1:]
client = SandboxClient(address)
newer = "workspace_scope" in pb.GetSandboxRequest.DESCRIPTOR.fields_by_name
scope = {"workspace_scope": {"workspace": "default"}} if newer else {"workspace": "default"}
URL = "http://10.77.0.2:8080/"


def say(*words):
    print(*words, flush=True)


def request(kind, **fields):
    """The sandbox is named by sandbox in the newer messages, by name in the older ones."""
    fields["sandbox" if newer else "name"] = name
    return kind(**fields, **scope)


def run(command, **options):
    if newer:
        return client.exec(name, command, workspace="default", **options)
    return client.exec(client.get(name, workspace="default").id, command, **options)


def fetch():
    return run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", URL])


def wait_loaded(version):
    asked = request(pb.GetSandboxPolicyStatusRequest, version=version)
    for _ in range(600):
        status = client._stub.GetSandboxPolicyStatus(asked).revision.status
        if status == pb.POLICY_STATUS_LOADED:
            return say("revision", version, "is loaded")
        time.sleep(0.05)
    say("revision", version, "is not loaded")


def rule(port):
    return policies.NetworkPolicyRule(name="first", endpoints=[policies.NetworkEndpoint(host="10.77.0.2", port=port)],
                                      binaries=[policies.NetworkBinary(path="/usr/bin/curl")])


def pending():
    return client._stub.GetDraftPolicy(request(pb.GetDraftPolicyRequest, status_filter="pending")).chunks


def wait_pending(rule_name):
    for _ in range(600):
        for each in pending():
            if each.rule_name == rule_name:
                return each
        time.sleep(0.05)
    raise SystemExit(f"no rule {rule_name} is proposed")


def ask_person(decide):
    """What an agent tells while somebody decides about its proposal."""
    agent = open(os.path.join(os.path.dirname(__file__), "openshell_agent.py"), "rb").read()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        told = pool.submit(run, ["python3", "-", URL], stdin=agent, timeout_seconds=110)
        proposed = wait_pending("agents")
        say("person", proposed.rationale, "%.2f" % proposed.confidence, proposed.validation_result)
        decide(proposed)
        say(told.result().stdout.rstrip())


def reject(proposed):
    client._stub.RejectDraftChunk(request(pb.RejectDraftChunkRequest, chunk_id=proposed.id, reason="use the mirror"))


def approve(proposed):
    client._stub.ApproveDraftChunk(request(pb.ApproveDraftChunkRequest, chunk_id=proposed.id, review_token=proposed.review_token))


say("health", client.health().status)
client.create(workspace="default", name=name, spec=pb.SandboxSpec())
say("phase", client.wait_ready(name, workspace="default").status.phase)
say("first", fetch().stdout)
chunk = wait_pending("allow_10_77_0_2_8080")
policy = client._stub.GetSandboxPolicyStatus(request(pb.GetSandboxPolicyStatusRequest)).revision.policy
policy.network_policies["first"].CopyFrom(rule(9999))
version = client._stub.UpdateConfig(request(pb.UpdateConfigRequest, policy=policy)).version
wait_loaded(version)
say("another port", fetch().stdout)
try:
    client._stub.ApproveDraftChunk(request(pb.ApproveDraftChunkRequest, chunk_id=chunk.id, review_token=chunk.review_token))
except grpc.RpcError as error:
    say("approve", error.code().name)
chunk = next(each for each in pending() if each.id == chunk.id)
answer = client._stub.ApproveDraftChunk(request(pb.ApproveDraftChunkRequest, chunk_id=chunk.id, review_token=chunk.review_token))
wait_loaded(answer.policy_version)
say("approved", fetch().stdout)
client._stub.UpdateConfig(request(pb.UpdateConfigRequest, setting_key="agent_policy_proposals_enabled",
                                  setting_value=policies.SettingValue(bool_value=True)))
ask_person(reject)
ask_person(approve)
say("listed", name in [each.name for each in client.list(workspace="default")] if not newer else
    name in [each.name for page in client.list(workspace="default") for each in page.items])
client.delete(name, workspace="default")
client.wait_deleted(name, workspace="default")
say("deleted")

# SPDX-License-Identifier: Apache-2.0
"""Short stories of what clients of OpenShell rely on, played by its own Python SDK, either generation:

    openshell_stories.py ADDRESS NAME [STORY...]

Most of them use one sandbox, NAME.  Each is told on a line, "ok STORY" or "not ok STORY: WHY"."""
import http.client
import http.server
import json
import os
import sys
import tempfile
import threading
import time
import traceback
import uuid

import grpc
import openshell
from openshell import Sandbox, SandboxClient, WorkspaceClient
from openshell._proto import datamodel_pb2 as data
from openshell._proto import openshell_pb2 as pb
from openshell._proto import sandbox_pb2 as policies

address, name = sys.argv[1:3]
newer = "workspace_scope" in pb.GetSandboxRequest.DESCRIPTOR.fields_by_name
scope = {"workspace_scope": {"workspace": "default"}} if newer else {"workspace": "default"}
STORIES = []


def story(play):
    STORIES.append(play)
    return play


def only_newer(play):
    if newer:
        STORIES.append(play)
    return play


# ---- what stories share ----

def call(method, **fields):
    """A call with the workspace where its message has one, and with the sandbox by its name."""
    kind = getattr(pb, method + "Request", None) or getattr(policies, method + "Request")
    known = kind.DESCRIPTOR.fields_by_name
    for key in scope:
        if key in known:
            fields.setdefault(key, scope[key])
    if "sandbox" in fields and "sandbox" not in known:
        fields["sandbox_id" if "sandbox_id" in known else "name"] = fields.pop("sandbox")
    return getattr(client._stub, method)(kind(**fields), timeout=60)


def refused(code, fn, *words):
    """The error of a call that ends with this code and a text that has these words."""
    try:
        fn()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        for word in words:
            assert word in error.details(), error.details()
        return error
    raise AssertionError(f"it was not refused with {code}")


def run(command, **options):
    if newer:
        return client.exec(name, command, workspace="default", **options)
    return client.exec(client.get(name, workspace="default").id, command, **options)


def until(fn):
    for _ in range(1200):
        found = fn()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def rule(host, port=443):
    return policies.NetworkPolicyRule(endpoints=[policies.NetworkEndpoint(host=host, port=port)],
                                      binaries=[policies.NetworkBinary(path="/usr/bin/curl")])


def add_rule(key, host, **more):
    operation = pb.PolicyMergeOperation(add_rule=pb.AddNetworkRule(rule_name=key, rule=rule(host)))
    return call("UpdateConfig", **named, merge_operations=[operation], **more)


def submit(key, host):
    """A proposed rule, as a person asks for it: by a call of the gateway's own API."""
    connection = http.client.HTTPConnection(address)
    connection.request("POST", f"/v1/sandboxes/{name}/drafts", json.dumps({"proposals": [
        {"rule_name": key, "rationale": "wanted", "rule": {
            "endpoints": [{"host": host, "port": 443}], "binaries": [{"path": "/usr/bin/curl"}]}}]}),
        {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["chunks"][0]["id"]


def chunks(status="pending"):
    return {each.id: each for each in call("GetDraftPolicy", **named, status_filter=status).chunks}


def list_names(**options):
    if newer:
        return [each.name for each in client.list_all(workspace="default", **options)]
    return [each.name for each in client.list(workspace="default", limit=1000, **options)]


client = SandboxClient(address)
named = {"sandbox": name}


# ---- the gateway ----

@story
def a_gateway_is_known_by_its_files():
    with tempfile.TemporaryDirectory() as home:
        folder = os.path.join(home, "openshell/gateways/sl")
        os.makedirs(folder)
        os.environ["XDG_CONFIG_HOME"] = home
        with open(os.path.join(home, "openshell/active_gateway"), "w") as file:
            file.write("sl\n")
        with open(os.path.join(folder, "metadata.json"), "w") as file:
            json.dump({"name": "sl", "gateway_endpoint": f"http://{address}", "is_remote": False,
                       "gateway_port": int(address.split(":")[1]), "auth_mode": "plaintext"}, file)
        with Sandbox(workspace="default", name=f"{name}-with") as sandbox:
            assert sandbox.sandbox.phase == pb.SANDBOX_PHASE_READY
            inside = sandbox._session.exec(["echo", "inside"])
            assert inside.stdout == "inside\n" and inside.exit_code == 0, inside
        refused(grpc.StatusCode.NOT_FOUND, lambda: client.get(f"{name}-with", workspace="default"),
                "sandbox not found")


@story
def a_gateway_says_what_it_is():
    info = call("GetGatewayInfo")
    assert info.compute_drivers[0].name == "sluice", info
    assert "openshell-user" in call("GetCurrentUser").roles


@story
def settings_that_nobody_set_are_told_as_unset():
    settings = call("GetGatewayConfig").settings
    assert len(settings) == 4 and all(each.WhichOneof("value") is None for each in settings.values())


@story
def what_is_not_offered_says_so():
    error = refused(grpc.StatusCode.UNIMPLEMENTED, lambda: client._stub.IssueSandboxToken(pb.IssueSandboxTokenRequest()))
    assert error.details().startswith("this gateway does not offer the method IssueSandboxToken"), error.details()
    refused(grpc.StatusCode.UNIMPLEMENTED, lambda: call("ImportProviderProfiles"), "the profiles of this gateway are built in")
    assert client.health().status == pb.SERVICE_STATUS_HEALTHY


@story
def global_changes_are_not_offered():
    refused(grpc.StatusCode.UNIMPLEMENTED, lambda: call("UpdateConfig", **{"global": True}, setting_key="proposal_approval_mode",
            setting_value=policies.SettingValue(string_value="auto")), "no global")
    assert not call("ListSandboxPolicies", **{"global": True}).revisions
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("GetSandboxPolicyStatus", **{"global": True}),
            "no global policy revision found")


@story
def workspaces_are_made_found_and_deleted():
    workspaces = WorkspaceClient.from_sandbox_client(client)
    names = lambda: [each.name for each in (workspaces.list_all() if newer else workspaces.list())]
    mine = f"{name}-ws"
    assert workspaces.get("default").name == "default"
    made = workspaces.create(mine, labels={"team": name})
    assert (made.name, made.phase, made.labels["team"]) == (mine, "WORKSPACE_PHASE_ACTIVE", name), made
    assert workspaces.get(mine) == made and {"default", mine} <= set(names())
    found = call("ListWorkspaces", label_selector=f"team={name}").workspaces
    assert [each.metadata.name for each in found] == [mine]
    assert found[0].metadata.resource_version and found[0].metadata.id
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: workspaces.create(mine), "workspace already exists")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: workspaces.create("w" * 20), "name exceeds maximum length (20 > 19)")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: workspaces.create("No_Name"),
            "name must contain only lowercase alphanumeric characters or hyphens")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: workspaces.delete("default"),
            "the default workspace cannot be deleted")
    workspaces.delete(mine)
    refused(grpc.StatusCode.NOT_FOUND, lambda: workspaces.get(mine), f"workspace '{mine}' not found")
    refused(grpc.StatusCode.NOT_FOUND, lambda: workspaces.delete(mine), f"workspace '{mine}' not found")
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.get(name, workspace="other"), "workspace 'other' not found")


@story
def a_sandbox_is_in_one_workspace():
    workspaces = WorkspaceClient.from_sandbox_client(client)
    mine, inside = f"{name}-in", f"{name}-it"
    workspaces.create(mine)
    made = client.create(workspace=mine, name=inside, spec=pb.SandboxSpec())
    ids = lambda **where: {each.metadata.id for each in call("ListSandboxes", **where).sandboxes}
    there = {"workspace_scope": {"workspace": mine}} if newer else {"workspace": mine}
    everywhere = {"workspace_scope": {"all_workspaces": {}}} if newer else {"workspace": "", "all_workspaces": True}
    assert client.get(inside, workspace=mine).id == made.id
    assert ids(**there) == {made.id} and made.id not in ids() and made.id in ids(**everywhere)
    assert [each.metadata.workspace for each in call("ListSandboxes", **there).sandboxes] == [mine]
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.get(inside, workspace="default"), "sandbox not found")
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.get(name, workspace=mine), "sandbox not found")
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.delete(inside, workspace="default"), "sandbox not found")
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: client.create(workspace=mine, name=name, spec=pb.SandboxSpec()), "already exists")
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.create(workspace="nowhere", name=f"{name}-no", spec=pb.SandboxSpec()),
            "workspace 'nowhere' not found")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: workspaces.delete(mine),
            f"workspace '{mine}' still contains resources: sandbox")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: call("CreateProvider", provider=provider(f"{mine}-p", "generic", A="x"), **there),
            "providers of this gateway are in the workspace 'default'")
    client.wait_ready(inside, workspace=mine)
    ran = client.exec(inside, ["true"], workspace=mine) if newer else client.exec(made.id, ["true"])
    assert ran.exit_code == 0
    client.delete(inside, workspace=mine)
    client.wait_deleted(inside, workspace=mine)
    workspaces.delete(mine)


# ---- sandboxes ----

@story
def a_watcher_that_waits_for_ready_sees_it_come():
    made = call("CreateSandbox", name=f"{name}-new", spec=pb.SandboxSpec()).sandbox
    phases = [made.status.phase]
    where = {"sandbox": f"{name}-new", **scope} if newer else {"id": made.metadata.id}
    watch = client._stub.WatchSandbox(pb.WatchSandboxRequest(**where, follow_status=True, stop_on_terminal=True), timeout=60)
    phases += [event.sandbox.status.phase for event in watch if event.WhichOneof("payload") == "sandbox"]
    assert phases[0] != pb.SANDBOX_PHASE_READY and phases[-1] == pb.SANDBOX_PHASE_READY, phases
    client.delete(f"{name}-new", workspace="default")


@story
def a_sandbox_without_a_name_gets_two_words():
    made = client.create(workspace="default", spec=pb.SandboxSpec())
    words = made.name.split("-")
    assert len(words) == 2 and all(each.isalpha() and each.islower() for each in words), made.name
    client.delete(made.name, workspace="default")
    client.wait_deleted(made.name, workspace="default")


@story
def a_name_is_taken_once():
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: client.create(workspace="default", name=name, spec=pb.SandboxSpec()),
            f"sandbox '{name}' already exists")


@story
def sandboxes_are_found_by_label():
    assert list_names(label_selector=f"story={name}") == [name]
    assert list_names(label_selector=f"story={name},other=x") == []
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: list_names(label_selector="story"), "expected 'key=value'")
    assert client.get(name, workspace="default").labels["story"] == name


@story
def a_list_comes_in_pages():
    first = call("ListSandboxes", **{"page_size" if newer else "limit": 1})
    assert len(first.sandboxes) == 1
    if newer:
        found = [each.metadata.name for each in first.sandboxes]
        token, seen = first.next_page_token, set()
        while token:
            assert token not in seen
            seen.add(token)
            page = call("ListSandboxes", page_size=1, page_token=token)
            found += [each.metadata.name for each in page.sandboxes]
            token = page.next_page_token
        assert name in found, found
        refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("ListSandboxes", page_size=-1), "page_size")
        refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("ListSandboxes", page_token="nonsense"), "page_token")
    else:
        rest = call("ListSandboxes", limit=1000, offset=1)
        assert first.sandboxes[0].metadata.name not in [each.metadata.name for each in rest.sandboxes]


@story
def a_sandbox_that_is_stopped_runs_nothing():
    made = client.create(workspace="default", name=f"{name}-off", spec=pb.SandboxSpec())
    client.wait_ready(made.name, workspace="default")
    assert client.stop(made.name, workspace="default").phase == pb.SANDBOX_PHASE_STOPPED
    where = {"sandbox": made.name} if newer else {"sandbox": made.id}
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: list(call("ExecSandbox", **where, command=["true"])), "sandbox is not ready")
    client.start(made.name, workspace="default")
    assert client.wait_ready(made.name, workspace="default").phase == pb.SANDBOX_PHASE_READY
    client.delete(made.name, workspace="default")


@only_newer
def what_is_gone_may_be_deleted_again():
    gone = client.delete("nobody", workspace="default", allow_missing=True)
    assert gone.outcome.name == "ALREADY_ABSENT", gone
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.delete("nobody", workspace="default"), "sandbox not found")


# ---- commands ----

@story
def a_command_has_streams_environment_folder_and_code():
    done = run(["sh", "-c", "cat; echo $A; pwd; echo oops >&2; exit 3"], stdin=b"in\n", env={"A": "b"}, workdir="/tmp")
    assert (done.stdout, done.stderr, done.exit_code) == ("in\nb\n/tmp\n", "oops\n", 3), done
    assert run(["true"]).exit_code == 0
    assert run(["sh", "-c", "kill -9 $$"]).exit_code == 137
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: run(["true"], env={"A B": "c"}))


@story
def a_command_that_takes_too_long_ends_with_124():
    assert run(["sleep", "60"], timeout_seconds=1).exit_code == 124


@story
def much_output_comes_in_small_pieces():
    sandbox = {"sandbox": name} if newer else {"sandbox": client.get(name, workspace="default").id}
    events = list(call("ExecSandbox", **sandbox, command=["head", "-c", "1000000", "/dev/zero"]))
    kinds = [each.WhichOneof("payload") for each in events]
    assert kinds[-1] == "exit" and kinds.count("exit") == 1
    sizes = [len(each.stdout.data) for each in events[:-1]]
    assert sum(sizes) == 1000000 and max(sizes) <= 65536, (sum(sizes), max(sizes))


@story
def a_terminal_takes_input_until_it_is_closed():
    ident = {"sandbox": name, **scope} if newer else {"sandbox_id": client.get(name, workspace="default").id}
    start = pb.ExecSandboxRequest(**ident, command=["sh", "-c", "stty size; cat"], tty=True, cols=90, rows=20)
    inputs = [pb.ExecSandboxInput(start=start), pb.ExecSandboxInput(stdin=b"hello\n\x04")]
    events = list(client._stub.ExecSandboxInteractive(iter(inputs), timeout=60))
    text = b"".join(each.stdout.data for each in events).decode()
    assert "20 90" in text and "hello" in text and events[-1].exit.exit_code == 0, text
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: list(client._stub.ExecSandboxInteractive(
        iter([pb.ExecSandboxInput(stdin=b"x")]), timeout=60)), "first message must be a start payload")


@story
def a_deadline_ends_a_call():
    ident = {"sandbox": name, **scope} if newer else {"sandbox_id": client.get(name, workspace="default").id}
    refused(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(client._stub.ExecSandbox(
        pb.ExecSandboxRequest(**ident, command=["sleep", "60"]), timeout=0.5)))


# ---- repeated requests ----

@only_newer
def a_request_that_is_repeated_is_answered_again():
    ident = str(uuid.uuid4())

    def create(like, spec=None):
        kind = pb.CreateSandboxRequest(name=like, spec=spec or pb.SandboxSpec(), request_id=ident, **scope)
        answer, of = client._stub.CreateSandbox.with_call(kind, timeout=60)
        return answer.sandbox.metadata.id, dict(of.initial_metadata()).get("openshell-replayed")
    first, replayed = create(f"{name}-once")
    assert replayed is None
    assert create(f"{name}-once") == (first, "true")
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: create(f"{name}-twice"), "request_id")
    assert openshell.errors.from_grpc_error(error).error_info.reason == "REQUEST_ID_PAYLOAD_MISMATCH"
    ident = str(uuid.uuid4())
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: create(name))
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: create(name), "still running, or has failed")
    assert openshell.errors.from_grpc_error(error).error_info.reason == "REQUEST_OUTCOME_UNCERTAIN"
    ident = "nonsense"
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: create(f"{name}-never"), "request_id must be a UUID")
    client.delete(f"{name}-once", workspace="default")


@only_newer
def a_command_is_never_repeated():
    ident = str(uuid.uuid4())
    once = lambda: list(call("ExecSandbox", **named, command=["true"], request_id=ident))
    assert once()[-1].exit.exit_code == 0
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, once, "take a new request_id")
    assert openshell.errors.from_grpc_error(error).error_info.reason == "REQUEST_STREAM_UNAVAILABLE"


# ---- policies ----

@story
def a_policy_is_replaced_and_loaded():
    policy = call("GetSandboxConfig", sandbox=client.get(name, workspace="default").id if not newer else name).policy
    policy.network_policies["api"].CopyFrom(rule("api.example.com"))
    first = call("UpdateConfig", **named, policy=policy)
    assert len(first.policy_hash) == 64
    again = call("UpdateConfig", **named, policy=policy)
    assert (again.version, again.policy_hash) == (first.version, first.policy_hash)
    status = until(lambda: [each for each in [call("GetSandboxPolicyStatus", **named, version=first.version)]
                            if each.revision.status == pb.POLICY_STATUS_LOADED])[0]
    assert status.active_version == first.version
    revisions = [each.version for each in call("ListSandboxPolicies", **named).revisions]
    assert revisions == sorted(revisions, reverse=True) and first.version in revisions


@story
def operations_change_a_part_of_it():
    before = call("GetSandboxPolicyStatus", **named).revision.version
    after = add_rule("two", "two.example.com")
    assert after.version == before + 1
    removal = pb.PolicyMergeOperation(remove_rule=pb.RemoveNetworkRule(rule_name="two"))
    call("UpdateConfig", **named, merge_operations=[removal])
    policy = call("GetSandboxPolicyStatus", **named).revision.policy
    assert "two" not in policy.network_policies


@story
def an_update_that_comes_too_late_is_told():
    now = call("GetSandboxPolicyStatus", **named).revision.version
    error = refused(grpc.StatusCode.ABORTED, lambda: add_rule("late", "late.example.com", expected_resource_version=now - 1))
    if newer:
        info = openshell.errors.from_grpc_error(error).error_info
        assert info.reason == "RESOURCE_VERSION_CONFLICT", info
        assert dict(info.metadata) == {"recovery": "REFRESH_STATE", "current_resource_version": str(now)}, info


@story
def exactly_one_thing_is_changed():
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("UpdateConfig", **named),
            "one of policy, setting_key, or merge_operations must be provided")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: add_rule("x", "x.example.com", setting_key="proposal_approval_mode"),
            "policy, setting_key, and merge_operations are mutually exclusive")


@story
def every_problem_of_a_policy_is_told():
    wrong = policies.SandboxPolicy(version=1, network_policies={"a": rule("")})
    error = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("UpdateConfig", **named, policy=wrong), "network_policies.a")
    if newer:
        fields = [each.field for each in openshell.errors.from_grpc_error(error).field_violations]
        assert any(each.startswith("policy.network_policies.a.endpoints") for each in fields), fields


@story
def a_refusal_says_who_objects_and_why():
    policy = policies.SandboxPolicy(version=1, filesystem={"read_only": ["/etc"]})
    error = refused(grpc.StatusCode.PERMISSION_DENIED, lambda: call("UpdateConfig", **named, policy=policy), "static_fields: ")
    if newer:
        from google.rpc import error_details_pb2
        told = openshell.errors.from_grpc_error(error)
        objections = []
        for each in told.raw_status.details:
            info = error_details_pb2.ErrorInfo()
            assert each.Unpack(info)
            objections.append(info)
        assert [each.reason for each in objections] == ["VOTER_DENIES"], objections
        assert objections[0].metadata["voter"] == "static_fields", objections
        assert objections[0].metadata["message"] in error.details()


@story
def a_setting_is_set_and_unset():
    def value():
        config = call("GetSandboxConfig", sandbox=client.get(name, workspace="default").id if not newer else name)
        return config.settings["proposal_approval_mode"].value.string_value
    auto = policies.SettingValue(string_value="auto")
    assert value() == "manual"
    call("UpdateConfig", **named, setting_key="proposal_approval_mode", setting_value=auto)
    assert value() == "auto"
    assert call("UpdateConfig", **named, setting_key="proposal_approval_mode", delete_setting=True).deleted
    assert value() == "manual"
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("UpdateConfig", **named, setting_key="colour", setting_value=auto), "unknown setting")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("UpdateConfig", **named, setting_key="proposal_approval_mode"), "setting_value is required")


@story
def settings_with_one_value_here_may_be_set_to_it():
    def change(key, value, **more):
        return call("UpdateConfig", setting_key=key, setting_value=policies.SettingValue(bool_value=value), **more)
    change("providers_v2_enabled", True, **named)
    change("providers_v2_enabled", True, **{"global": True})
    change("ocsf_json_enabled", False, **named)
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: change("providers_v2_enabled", False, **named), "always have profiles")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: change("ocsf_json_enabled", True, **{"global": True}), "keep no log of OCSF records")


# ---- templates and services ----

@story
def an_image_is_on_record_and_said_to_be_unused():
    template = pb.SandboxTemplate(image="ghcr.io/example/base:1", environment={"A": "t", "B": "t"})
    template.resources.update({"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m"}})
    spec = pb.SandboxSpec(template=template, environment={"A": "own"})
    call("CreateSandbox", name=f"{name}-image", spec=spec)
    sandbox = call("GetSandbox", name=f"{name}-image").sandbox
    assert sandbox.spec.template.image == "ghcr.io/example/base:1"
    told = {each.type: each for each in sandbox.status.conditions}
    assert told["ImageUsed"].status == "False" and "files of the gateway's host" in told["ImageUsed"].message, told
    output = b"".join(each.stdout.data for each in call("ExecSandbox", sandbox=f"{name}-image", command=["sh", "-c", "echo $A $B"]))
    assert output == b"own t\n", output
    client.delete(f"{name}-image", workspace="default")

    def wanted(**fields):
        template = pb.SandboxTemplate(**{key: value for key, value in fields.items() if key not in ("resources", "driver_config")})
        for key in "resources", "driver_config":
            getattr(template, key).update(fields.get(key, {}))
        return lambda: call("CreateSandbox", name=f"{name}-never", spec=pb.SandboxSpec(template=template))
    refused(grpc.StatusCode.FAILED_PRECONDITION, wanted(runtime_class_name="kata"), "one kind of isolation")
    refused(grpc.StatusCode.FAILED_PRECONDITION, wanted(driver_config={"docker": {"privileged": True}}), "no compute driver")
    refused(grpc.StatusCode.FAILED_PRECONDITION, wanted(resources={"limits": {"example.com/fpga": "1"}}), "no limit that this gateway can set")
    refused(grpc.StatusCode.INVALID_ARGUMENT, wanted(resources={"limits": {"memory": "much"}}), "is no amount")


SERVER = r"""cat >echo.py <<'END'
import http.server
class Echo(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"{self.command} {self.path} {self.headers.get('Authorization')} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "wide=1; Domain=sluice.localhost")
        self.send_header("Set-Cookie", "own=1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
    do_GET = do_POST = do_HEAD = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8123), Echo).serve_forever()
END
setsid python3 echo.py >/dev/null 2>&1 </dev/null &"""


def visit(url, path="", method="GET", body=None, **headers):
    """The answer of an exposed service, whose name no resolver needs to know."""
    authority = url.split("/")[2]
    connection = http.client.HTTPConnection(address.rsplit(":", 1)[0], int(authority.rsplit(":", 1)[1]), timeout=60)
    connection.request(method, "/" + path, body, {"Host": authority, **{key.replace("_", "-"): value for key, value in headers.items()}})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer


@story
def a_service_is_exposed_found_visited_and_deleted():
    key = "name" if newer else "service"
    list(call("ExecSandbox", **named, command=["sh", "-c", SERVER]))
    made = call("ExposeService", **named, **{key: "web"}, target_port=8123)
    assert made.url.startswith(f"http://default--{name}--web.sluice.localhost:"), made.url
    assert made.endpoint.target_port == 8123 and made.endpoint.metadata.id
    again = call("GetService", **named, **{key: "web"})
    assert again.url == made.url and again.endpoint.metadata.id == made.endpoint.metadata.id
    assert [each.url for each in call("ListServices", **named).services] == [made.url]
    assert made.url in [each.url for each in call("ListServices").services]
    until(lambda: visit(made.url)[0] == 200)
    status, body, answer = visit(made.url, "a/b?c=%20d", Authorization="Basic c2VjcmV0")
    assert status == 401, (status, body)
    status, body, answer = visit(made.url, "a/b?c=%20d")
    assert body == b"GET /a/b?c=%20d None 0", body
    assert answer.headers.get_all("Set-Cookie") == ["own=1"], answer.headers
    assert visit(made.url, "x", "POST", b"z" * 300000)[1] == b"POST /x None 300000"
    assert visit(made.url, "x", "POST", iter([b"z" * 1000] * 100))[1] == b"POST /x None 100000"
    assert visit(made.url, "x", "HEAD")[:2] == (200, b"")
    assert visit(made.url, "", Sec_Fetch_Site="cross-site")[0] == 403
    assert visit(made.url, "", Sec_Fetch_Site="same-site")[0] == 403
    assert visit(made.url.replace("--web.", "--none."))[0] == 404
    call("ExposeService", **named, **{key: "dead"}, target_port=9)
    status, body, _ = visit(made.url.replace("--web.", "--dead."))
    assert status == 502 and b"nothing listens on the port" in body, (status, body)
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("ExposeService", **named, **{key: "web"}, target_port=70000), "from 1 to 65535")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("ExposeService", **named, **{key: "A--b"}, target_port=80), "no name of a service")
    assert call("DeleteService", **named, **{key: "dead"})
    call("DeleteService", **named, **{key: "web"})
    assert visit(made.url)[0] == 404
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("GetService", **named, **{key: "web"}), "service endpoint not found")


@only_newer
def services_are_exposed_with_a_new_sandbox():
    exposures = [pb.SandboxServiceExposure(service="web", target_port=8080), pb.SandboxServiceExposure(target_port=8081)]
    made = call("CreateSandbox", name=f"{name}-served", spec=pb.SandboxSpec(), service_exposures=exposures)
    port = address.rsplit(":", 1)[1]
    assert dict(made.service_urls) == {"web": f"http://default--{name}-served--web.sluice.localhost:{port}/",
                                       "": f"http://default--{name}-served.sluice.localhost:{port}/"}, made.service_urls
    assert visit(made.service_urls[""])[0] == 502
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: call("ExposeService", sandbox=f"{name}-served", name="x", target_port=80,
            authorization_mode=pb.SERVICE_AUTHORIZATION_MODE_BEARER_PASSTHROUGH), "takes Authorization out")
    client.delete(f"{name}-served", workspace="default")
    assert visit(made.service_urls["web"])[0] in (403, 404)


# ---- drafts ----

@story
def a_stale_review_is_repeated_with_a_fresh_token():
    ident = submit("fresh", "fresh.example.com")
    chunk = chunks()[ident]
    stale = chunk.review_token
    add_rule("between", "between.example.com")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: call("ApproveDraftChunk", **named, chunk_id=chunk.id, review_token=stale), "refetch")
    fresh = chunks()[chunk.id]
    assert fresh.review_token != stale
    answer = call("ApproveDraftChunk", **named, chunk_id=chunk.id, review_token=fresh.review_token)
    assert answer.policy_version and chunk.id not in chunks()


@story
def a_rejected_rule_may_be_approved_later():
    chunk = submit("reject", "reject.example.com")
    call("RejectDraftChunk", **named, chunk_id=chunk, reason="not now")
    told = chunks("rejected")[chunk]
    assert told.status == "rejected" and told.rejection_reason == "not now", told
    call("ApproveDraftChunk", **named, chunk_id=chunk, review_token=told.review_token)
    call("UndoDraftChunk", **named, chunk_id=chunk)
    assert "reject" not in call("GetSandboxPolicyStatus", **named).revision.policy.network_policies
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("RejectDraftChunk", **named, chunk_id=str(uuid.uuid4())), "chunk not found")


@story
def all_that_wait_are_approved_or_cleared():
    call("ClearDraftChunks", **named)
    for key in "one", "two":
        submit(f"all-{key}", f"{key}.all.example.com")
    approvals = [pb.DraftChunkApproval(chunk_id=each.id, review_token=each.review_token) for each in chunks().values()]
    answer = call("ApproveAllDraftChunks", **named, approvals=approvals)
    assert answer.chunks_approved == 2, answer
    submit("left", "left.example.com")
    assert call("ClearDraftChunks", **named).chunks_cleared == 1
    assert not chunks()
    events = [each.event_type for each in call("GetDraftHistory", **named).entries]
    assert "approved" in events and "proposed" in events, events


# ---- logs ----

@story
def logs_are_kept_and_filtered():
    run(["curl", "-sS", "-m", "5", "http://10.77.0.2:9/"])
    ident = {"sandbox": name} if newer else {"sandbox": client.get(name, workspace="default").id}
    kept = until(lambda: [each for each in call("GetSandboxLogs", **ident, lines=50).logs if "10.77.0.2" in each.message])
    assert kept[0].source == "sandbox", kept
    assert len(call("GetSandboxLogs", **ident, lines=1).logs) == 1
    assert not call("GetSandboxLogs", **ident, sources=["gateway"]).logs


@only_newer
def a_watcher_goes_on_after_the_last_event_it_saw():
    def events(most, **more):
        watch = client._stub.WatchSandbox(pb.WatchSandboxRequest(**named, **scope, follow_events=True, **more), timeout=60)
        seen = []
        for each in watch:
            if each.WhichOneof("payload") == "event":
                seen.append((each.cursor, each.event.message))
            if len(seen) == most:
                break
        watch.cancel()
        return seen
    add_rule("watched", "watched.example.com")
    kept = events(2, event_tail=2)
    assert kept[0][0] < kept[1][0], kept
    assert events(1, resume_after_cursor=kept[0][0]) == kept[1:]
    refused(grpc.StatusCode.OUT_OF_RANGE, lambda: events(1, resume_after_cursor="f" * 16), "begin without one")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: events(1, resume_after_cursor="nonsense"), "resume_after_cursor")


# ---- providers ----

def provider(of, kind, **values):
    return data.Provider(metadata=data.ObjectMeta(name=of), type=kind, credentials=values)


@story
def a_provider_is_kept_without_showing_its_value():
    mine = f"{name}-gh"
    made = call("CreateProvider", provider=provider(mine, "github", GITHUB_TOKEN="ghp_secret")).provider
    assert (made.metadata.name, made.type, dict(made.credentials)) == (mine, "github", {"GITHUB_TOKEN": ""}), made
    got = call("GetProvider", name=mine).provider
    assert got == made and got.metadata.id
    assert mine in [each.metadata.name for each in call("ListProviders").providers]
    changed = call("UpdateProvider", provider=provider(mine, "", GITHUB_TOKEN="ghp_other")).provider
    assert changed.metadata.resource_version == made.metadata.resource_version + 1
    assert b"ghp_" not in changed.SerializeToString()
    refused(grpc.StatusCode.ALREADY_EXISTS, lambda: call("CreateProvider", provider=provider(mine, "github", GITHUB_TOKEN="x")))
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("CreateProvider", provider=provider("other", "nothing", A="x")), "profile 'nothing'")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: call("CreateProvider"), "provider is required")
    assert call("DeleteProvider", name=mine).deleted if not newer else call("DeleteProvider", name=mine).outcome == 1
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("GetProvider", name=mine), f"provider '{mine}' not found")
    if newer:
        assert call("DeleteProvider", name=mine, allow_missing=True).outcome == 3


@story
def a_provider_keeps_labels_and_config():
    mine = f"{name}-notes"
    wanted = provider(mine, "claude", ANTHROPIC_API_KEY="sk-secret")
    wanted.metadata.labels["for"] = name
    made = call("CreateProvider", provider=wanted).provider
    assert (made.type, dict(made.metadata.labels), dict(made.config)) == ("claude-code", {"for": name}, {}), made
    changed = provider(mine, "claude-code")
    changed.config["note"] = "updated"
    assert call("UpdateProvider", provider=changed).provider.metadata.resource_version > made.metadata.resource_version
    got = call("GetProvider", name=mine).provider
    assert (dict(got.metadata.labels), dict(got.config), list(got.credentials)) == \
        ({"for": name}, {"note": "updated"}, ["ANTHROPIC_API_KEY"]), got
    if newer:
        found = call("ListProviders", label_selector=f"for={name}").providers
        assert [each.metadata.name for each in found] == [mine]
    call("DeleteProvider", name=mine)


@story
def a_sandbox_uses_a_provider_that_is_attached():
    mine = f"{name}-key"
    call("CreateProvider", provider=provider(mine, "generic", STORY_KEY="very-secret"))
    where = {"sandbox": name} if newer else {"sandbox_name": name}
    key = {"provider": mine} if newer else {"provider_name": mine}
    assert call("AttachSandboxProvider", **where, **key).attached
    assert not call("AttachSandboxProvider", **where, **key).attached
    assert [each.metadata.name for each in call("ListSandboxProviders", **where).providers] == [mine]
    assert run(["printenv", "STORY_KEY"]).stdout.startswith("openshell:resolve:env:")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: call("DeleteProvider", name=mine), "attached")
    assert call("DetachSandboxProvider", **where, **key).detached
    assert not call("DetachSandboxProvider", **where, **key).detached
    assert not call("ListSandboxProviders", **where).providers
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("AttachSandboxProvider", **where, **{next(iter(key)): "nobody"}), "provider 'nobody' not found")
    call("DeleteProvider", name=mine)


@story
def a_sandbox_is_made_with_providers():
    mine = f"{name}-own"
    call("CreateProvider", provider=provider(mine, "generic", OWN_KEY="very-secret"))
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: client.create(
        workspace="default", name=f"{name}-p", spec=pb.SandboxSpec(providers=["nobody"])), "provider 'nobody' not found")
    made = client.create(workspace="default", name=f"{name}-p", spec=pb.SandboxSpec(providers=[mine]))
    client.wait_ready(made.name, workspace="default")
    shown = client.exec(made.name if newer else made.id, ["printenv", "OWN_KEY"], **({"workspace": "default"} if newer else {}))
    assert shown.stdout.startswith("openshell:resolve:env:"), shown
    client.delete(made.name, workspace="default")
    client.wait_deleted(made.name, workspace="default")
    call("CreateProvider", provider=provider(f"{mine}-2", "generic", OWN_KEY="another"))
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: client.create(
        workspace="default", name=f"{name}-p2", spec=pb.SandboxSpec(providers=[mine, f"{mine}-2"])), "OWN_KEY")
    refused(grpc.StatusCode.NOT_FOUND, lambda: client.get(f"{name}-p2", workspace="default"), "sandbox not found")
    call("DeleteProvider", name=mine)
    call("DeleteProvider", name=f"{mine}-2")


class Tokens(http.server.BaseHTTPRequestHandler):
    """A server of tokens, which counts them."""
    def do_POST(self):
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        text = json.dumps({"access_token": f"fetched-{len(self.server.asked)}", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@story
def credentials_of_a_provider_are_fetched():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mine, key, client_credentials = f"{name}-fetch", "FETCHED", 4
    material = {"token_url": f"http://127.0.0.1:{server.server_port}/token", "client_id": "me", "client_secret": "very-secret"}
    configure = lambda **more: call("ConfigureProviderRefresh", **{"provider": mine, "credential_key": key, "strategy": client_credentials,
                                                                   "material": material, "secret_material_keys": ["client_secret"], **more})
    call("CreateProvider", provider=provider(mine, "generic", FETCHED="given"))
    assert not call("GetProviderRefreshStatus", provider=mine).credentials
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("RotateProviderCredential", provider=mine, credential_key=key), "fetches no credential FETCHED")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: configure(material={}), "needs token_url")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: configure(strategy=2), "the strategy of a refresh is one of")
    refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: configure(credential_key=""), "credential_key is required")
    refused(grpc.StatusCode.NOT_FOUND, lambda: configure(provider="nobody"), "provider 'nobody' not found")
    made = configure().status
    assert (made.credential_key, made.strategy, made.status, made.last_error) == (key, client_credentials, "refreshed", ""), made
    assert made.provider_id == call("GetProvider", name=mine).provider.metadata.id
    assert len(server.asked) == 1 and "client_id=me" in server.asked[0], server.asked
    again = call("RotateProviderCredential", provider=mine, credential_key=key).status
    assert again.status == "refreshed" and len(server.asked) == 2, (again, server.asked)
    told = call("GetProviderRefreshStatus", provider=mine, credential_key=key).credentials
    assert len(told) == 1 and b"secret" not in told[0].SerializeToString()
    ended = call("DeleteProviderRefresh", provider=mine, credential_key=key)
    assert ended.outcome == 1 if newer else ended.deleted
    assert not call("GetProviderRefreshStatus", provider=mine).credentials
    assert list(call("GetProvider", name=mine).provider.credentials) == [key]
    call("DeleteProvider", name=mine)
    server.shutdown()


@story
def profiles_of_providers_say_where_credentials_go():
    profile = call("GetProviderProfile", id="github").profile
    assert "GITHUB_TOKEN" in [each.name for each in profile.credentials]
    assert "api.github.com" in [each.host for each in profile.endpoints]
    assert "generic" in [each.id for each in call("ListProviderProfiles").profiles]
    refused(grpc.StatusCode.NOT_FOUND, lambda: call("GetProviderProfile", id="nothing"), "provider profile 'nothing' not found")


# ---- all of them ----

wanted = sys.argv[3:]
client.create(workspace="default", name=name, spec=pb.SandboxSpec(), labels={"story": name})
client.wait_ready(name, workspace="default")
for play in STORIES:
    if wanted and play.__name__ not in wanted:
        continue
    try:
        play()
        print("ok", play.__name__, flush=True)
    except Exception as error:                      # of a story, whatever it is: the others go on
        line = traceback.extract_tb(error.__traceback__)[1].lineno
        why = f"{error.code().name} {error.details()}" if isinstance(error, grpc.RpcError) else repr(error)
        print(f"not ok {play.__name__}, line {line}: {why}", flush=True)
client.delete(name, workspace="default")

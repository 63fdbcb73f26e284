#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""crash.py MODE [--operations N] [--points K|all] [--seed S] [--at POINT]: has a gateway end, or its disk
fail, at calls that change its files, while it serves a scripted run of operations; then starts it again
and checks what it has.  scripts/torture calls it on a stage; SLUICE_BUILD names the build.

A first run without a fault counts the calls.  Each further run fails at one of them.  After the restart
nothing that was answered is missing, nothing is half there, the audit chain is intact, and a running
sandbox enforces its policy.  A run that fails prints the command that repeats it."""
import argparse
import collections
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

BUILD = os.environ["SLUICE_BUILD"]
MODES = ("kill", "torn", "power", "full", "broken", "short")
HOSTS = [f"h{i}.test" for i in range(12)]
STATUSES = {"pending", "approved", "rejected", "superseded"}
PATIENCE = 60


class Wrong(Exception):
    """What must not be."""


class Lost(Exception):
    """No answer: the gateway has ended."""


class Refused(Exception):
    """An answer that says that it was not done."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Gateway:
    def __init__(self, folder, fault=None):
        self.folder, self.socket = folder, folder + "/sluice.sock"
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0")
        if fault:
            environment.update(fault, LD_PRELOAD=f"{BUILD}/tests/torture.so", TORTURE_FOLDER=folder,
                               TORTURE_COUNT=folder + ".count")
        self.log = open(folder + ".log", "ab")
        self.process = subprocess.Popen(
            [f"{BUILD}/bin/sluiced", "--config", folder + ".yaml", "--state-dir", folder, "--log-level", "warn"],
            env=environment, stdout=subprocess.PIPE, stderr=self.log)
        self.ready = b"ready" in self.process.stdout.readline()

    def call(self, method, path, body=None):
        connection = Connection(self.socket)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Lost(str(error)) from error
        finally:
            connection.close()
        document = json.loads(text) if text else {}
        if answer.status >= 400:
            raise Refused(f"{method} {path}: {answer.status} {document.get('detail')}")
        return document

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()
        return code


class Sandbox:
    def __init__(self):
        self.revisions = {}                         # number: hash, as answered
        self.chunks = {}                            # id: status, as answered
        self.maybe = None                           # what was asked last and not answered

    @property
    def newest(self):
        return max(self.revisions)


class Run:
    """What a client knows."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.sandboxes = {}
        self.deleted, self.maybe_made = set(), set()
        self.tokens = {}                            # id: whether it is there
        self.done = collections.Counter()

    def policy(self, hosts):
        return {"version": 1, "network_policies": {
            host.split(".")[0]: self.rule(host) for host in hosts}}

    @staticmethod
    def rule(host):
        return {"endpoints": [{"host": host, "port": 80}], "binaries": [{"path": "/usr/bin/**"}]}

    def hosts(self):
        return self.random.sample(HOSTS[:-1], self.random.randint(0, 4))

    # ---- operations: each is asked, and noted once it is answered ----

    def update(self, gateway, name, what, *call):
        box = self.sandboxes[name]
        box.maybe = what
        answer = gateway.call(*call)
        if answer.get("revision"):
            box.revisions[answer["revision"]] = answer["hash"]
        box.maybe = None
        return answer

    def create(self, gateway, name):
        self.maybe_made.add(name)
        answer = gateway.call("POST", "/v1/sandboxes", {"name": name, "policy": self.policy(self.hosts())})
        box = self.sandboxes[name] = Sandbox()
        box.revisions[answer["update"]["revision"]] = answer["update"]["hash"]
        self.maybe_made.remove(name)

    def delete(self, gateway, name):
        self.maybe_made.add(name)
        box = self.sandboxes.pop(name)
        gateway.call("DELETE", f"/v1/sandboxes/{name}")
        self.maybe_made.remove(name)
        self.deleted.add(name)
        return box

    def replace(self, gateway, name):
        self.update(gateway, name, "replace", "PUT", f"/v1/sandboxes/{name}/policy", self.policy(self.hosts()))

    def merge(self, gateway, name):
        host = self.random.choice(HOSTS[:-1])
        self.update(gateway, name, "merge", "PATCH", f"/v1/sandboxes/{name}/policy", {"operations": [
            {"add_rule": {"rule_name": "m" + host.split(".")[0], "rule": self.rule(host)}}]})

    def rollback(self, gateway, name):
        to = self.random.choice(list(self.sandboxes[name].revisions))
        self.update(gateway, name, "rollback", "POST", f"/v1/sandboxes/{name}/revisions/{to}/rollback", {})

    def propose(self, gateway, name):
        answer = gateway.call("POST", f"/v1/sandboxes/{name}/drafts", {"proposals": [
            {"rule_name": f"p{self.random.randint(0, 10 ** 9)}", "rule": self.rule(self.random.choice(HOSTS[:-1]))}]})
        for chunk in answer["chunks"]:
            self.sandboxes[name].chunks.setdefault(chunk["id"], chunk["status"])

    def chunk(self, name, status):
        return [c for c, s in self.sandboxes[name].chunks.items() if s == status]

    def decide(self, gateway, name, verb, status, becomes, body):
        of = self.chunk(name, status)
        if not of:
            return self.propose(gateway, name)
        chunk = self.random.choice(of)
        self.sandboxes[name].chunks[chunk] = "any"
        self.update(gateway, name, verb, "POST", f"/v1/sandboxes/{name}/drafts/{chunk}/{verb}", body)
        self.sandboxes[name].chunks[chunk] = becomes
        return None

    def approve(self, gateway, name):
        self.decide(gateway, name, "approve", "pending", "approved", {})

    def grant(self, gateway, name):
        self.decide(gateway, name, "approve", "pending", "approved", {"grant": {"for": "1h"}})

    def reject(self, gateway, name):
        self.decide(gateway, name, "reject", "pending", "rejected", {"reason": "no"})

    def undo(self, gateway, name):
        self.decide(gateway, name, "undo", "approved", "pending", {})

    def reload(self, gateway, _):
        gateway.call("POST", "/v1/plugins/reload")

    def token(self, gateway, _):
        there = [i for i, is_there in self.tokens.items() if is_there]
        if there and self.random.random() < 0.5:
            one = self.random.choice(there)
            self.tokens[one] = None
            gateway.call("DELETE", f"/v1/tokens/{one}")
            self.tokens[one] = False
        else:
            made = gateway.call("POST", "/v1/tokens", {"name": f"t{self.random.randint(0, 10 ** 9)}", "role": "viewer"})
            self.tokens[made["id"]] = True

    KINDS = [("replace", 8), ("merge", 6), ("propose", 5), ("approve", 5), ("grant", 2), ("reject", 2),
             ("undo", 3), ("rollback", 4), ("reload", 1), ("token", 2), ("life", 1)]

    def life(self, gateway, name):
        if len(self.sandboxes) > 2:
            self.delete(gateway, name)
        else:
            self.create(gateway, f"s{len(self.deleted) + len(self.sandboxes)}")

    def play(self, gateway, operations):
        """Until the gateway has ended, or did not do what it was asked three times."""
        refused = 0
        try:
            for name in ("s0", "s1"):
                self.create(gateway, name)
            while sum(self.done.values()) < operations and refused < 3:
                kind = self.random.choices([k for k, _ in self.KINDS], [w for _, w in self.KINDS])[0]
                self.done[kind] += 1
                try:
                    getattr(self, kind)(gateway, self.random.choice(sorted(self.sandboxes)))
                except Refused as why:
                    refused += " 5" in str(why).split(":")[1][:3]
                    self.settle_refused(why)
        except Lost:
            pass
        except Refused:
            pass                                    # it cannot even make a sandbox

    def settle_refused(self, why):
        """What was refused for its own sake was not done; what failed may have been."""
        if " 5" not in str(why).split(":")[1][:3]:
            for box in self.sandboxes.values():
                box.maybe = None


# ---- afterwards ----

def check_sandbox(gateway, run, name, box):
    now = gateway.call("GET", f"/v1/sandboxes/{name}/policy")
    newest = box.newest
    allowed = {newest} | ({newest + 1} if box.maybe else set())
    if now["revision"] not in allowed:
        raise Wrong(f"{name} is at revision {now['revision']}, {newest} was answered last; not answered: {box.maybe}")
    listed = {r["revision"]: r for r in gateway.call("GET", f"/v1/sandboxes/{name}/revisions?limit=1000")["revisions"]}
    if sorted(listed) != list(range(1, now["revision"] + 1)):
        raise Wrong(f"{name} has the revisions {sorted(listed)}")
    for number, known in box.revisions.items():
        if listed[number]["hash"] != known:
            raise Wrong(f"revision {number} of {name} is {listed[number]['hash']}, {known} was answered")
    decisions = {d["id"] for d in gateway.call("GET", f"/v1/decisions?sandbox={name}&limit=1000")["decisions"]}
    for number, revision in listed.items():
        if revision["decision"] not in decisions:
            raise Wrong(f"revision {number} of {name} has no decision on record")
    chunks = {c["id"]: c["status"] for c in gateway.call("GET", f"/v1/sandboxes/{name}/drafts")["chunks"]}
    for chunk, status in box.chunks.items():
        after = {"any": STATUSES, "pending": {"pending", "superseded"}}.get(status, {status})
        if chunk not in chunks or (chunks[chunk] not in after and not box.maybe):
            raise Wrong(f"chunk {chunk} of {name} is {chunks.get(chunk)}, {status} was answered")
    return now


def check_enforced(gateway, name, now):
    settled = gateway.call("GET", f"/v1/sandboxes/{name}/revisions/{now['revision']}?wait_ms=30000")
    if settled["status"] != "loaded":
        raise Wrong(f"revision {now['revision']} of {name} is {settled['status']}: {settled['error']}")
    allowed = {e["host"] for r in now["policy"].get("network_policies", {}).values() for e in r["endpoints"]}
    script = "for h in " + " ".join(HOSTS) + "; do curl -s -o /dev/null -w \"$h %{http_code}\\n\" -m 30 http://$h/; done; true"
    said = subprocess.run([f"{BUILD}/bin/sluice", "sandbox", "exec", name, "--", "sh", "-c", script], text=True,
                          env=dict(os.environ, SLUICE_GATEWAY="unix:" + gateway.socket), capture_output=True,
                          timeout=PATIENCE * 2, check=False)
    codes = dict(line.split() for line in said.stdout.splitlines())
    if len(codes) != len(HOSTS):
        raise Wrong(f"{name} runs no command: {said.stdout}{said.stderr}")
    for host, code in codes.items():
        if (code != "403") != (host in allowed):
            raise Wrong(f"{name} answered {code} for {host}, which its policy {'allows' if host in allowed else 'does not allow'}")


def check(gateway, run):
    there = {s["name"] for s in gateway.call("GET", "/v1/sandboxes")["sandboxes"]}
    missing, more = set(run.sandboxes) - there, there - set(run.sandboxes) - run.maybe_made
    if missing or more:
        raise Wrong(f"missing sandboxes: {sorted(missing)}, sandboxes that nobody made: {sorted(more)}")
    for name, box in run.sandboxes.items():
        check_enforced(gateway, name, check_sandbox(gateway, run, name, box))
    tokens = {t["id"] for t in gateway.call("GET", "/v1/tokens")["tokens"] if not t.get("revoked_at")}
    for token, is_there in run.tokens.items():
        if is_there is not None and is_there != (token in tokens):
            raise Wrong(f"token {token} is {'missing' if is_there else 'there again'}")
    audit = gateway.call("GET", "/v1/audit/verify")
    if not audit["intact"]:
        raise Wrong(f"the audit chain is broken at {audit['first_bad']}: {audit['why']}")


def end_supervisors(folder):
    """A store that has lost a sandbox leaves its supervisor to nobody."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if f"\0{folder}/".encode() in line.read():
                    os.kill(int(pid), signal.SIGTERM)
        except OSError:
            pass


def one(mode, at, options):
    """One run: None, or what is wrong; and how many calls there were, where it ended in order."""
    parent = tempfile.mkdtemp(prefix="torture-", dir=options.folder)
    os.chmod(parent, 0o711)
    folder = parent + "/state"
    os.mkdir(folder, 0o711)
    with open(folder + ".yaml", "w", encoding="utf-8") as out:
        out.write("sandboxes: {on_exit: stop}\negress: {hosts: {" + ", ".join(f"{h}: 10.77.0.2" for h in HOSTS) + "}}\n")
    run, wrong = Run(options.seed), None
    try:
        gateway = Gateway(folder, {"TORTURE_MODE": mode, "TORTURE_AT": str(at)})
        if gateway.ready:
            run.play(gateway, options.operations)
        in_order = mode == "none" or (mode == "short" and gateway.process.poll() is None)
        code = gateway.end(signal.SIGTERM if in_order else signal.SIGKILL)
        if in_order and code != 0:
            raise Wrong(f"the gateway ended with {code}")
        gateway = Gateway(folder)
        if not gateway.ready:
            raise Wrong("the gateway does not start again")
        try:
            for name in list(run.sandboxes) if in_order else []:
                gateway.call("POST", f"/v1/sandboxes/{name}/start")
            check(gateway, run)
        finally:
            if gateway.end() != 0 and not wrong:
                raise Wrong("the gateway that started again does not end in order")
    except (Wrong, Lost, Refused) as why:
        wrong = f"{type(why).__name__}: {why}"
    end_supervisors(folder)
    calls = int(open(folder + ".count", encoding="utf-8").read()) if os.path.exists(folder + ".count") else 0
    if wrong:
        wrong += "\n" + open(folder + ".log", encoding="utf-8", errors="replace").read()[-2000:]
    if not wrong or not options.keep:
        shutil.rmtree(parent, ignore_errors=True)
    return wrong, calls, run


def points_of(calls, options):
    if options.points == "all":
        return range(1, calls + 1)
    count = min(int(options.points), calls)
    chosen = random.Random(options.seed)
    return sorted({chosen.randint(1 + calls * i // count, calls * (i + 1) // count) for i in range(count)})


def main():
    arguments = argparse.ArgumentParser(prog="torture crash")
    arguments.add_argument("mode", choices=MODES + ("lies", "every"))
    arguments.add_argument("--operations", type=int, default=1000)
    arguments.add_argument("--points", default="200", help="how many calls, spread over the run, or all")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--at", type=int, help="this call alone")
    arguments.add_argument("--folder", default=None, help="where the gateways keep their state")
    arguments.add_argument("--keep", action="store_true", help="what a failed run left")
    options = arguments.parse_args()
    wrong, calls, run = one("none", 0, options)
    if wrong or not calls:
        sys.exit(f"the run without a fault: {wrong or 'no call was counted'}")
    print(f"{calls} calls in {sum(run.done.values())} operations: " +
          ", ".join(f"{n} {kind}" for kind, n in sorted(run.done.items())), flush=True)
    failed = 0
    for mode in MODES if options.mode == "every" else [options.mode]:
        points = [options.at] if options.at else points_of(calls, options)
        bad = 0
        for at in points:
            wrong, _, _ = one(mode, at, options)
            if wrong:
                bad += 1
                print(f"not ok: crash {mode} --operations {options.operations} --seed {options.seed} --at {at}\n{wrong}", flush=True)
        print(f"{mode}: {len(points)} points, {bad} failed", flush=True)
        failed += bad
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mount_fuzz.py FOLDER SECONDS SEED: random trees and policies, sandboxes of them, and a host that
replaces files, folders and links all the while.

FOLDER/home holds the gateway's own files and the zones z0..z5.  A policy lists each zone read-only,
read-write or not at all, paths below them, links, files that are missing, and home itself; what is
named ro_* in a writable zone is listed read-only.  A sandbox reads and writes whatever it finds.
It must never read a line with SECRET (what links lead to, the gateway's files), and PWNED, which it
writes, must never be in a zone that is not writable, in an ro_* or in a file of the gateway, unless
the sandbox was ended because the host put there what the sandbox may write.
The gateway is the one of $SLUICE_GATEWAY.  Prints a summary, exits 1 after the first violation."""
import ctypes, json, os, random, shutil, subprocess, sys, threading, time

top, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
home, outside = top + "/home", top + "/outside"
os.makedirs(top + "/aside", exist_ok=True)
own = [home + "/sluice.yaml", home + "/rules/strict.lua"]
rng = random.Random(seed)
libc = ctypes.CDLL(None)
client = os.environ.get("SLUICE_CLIENT", "sluice").split()

PROBE = r"""
import os, sys
found = []
for top in sys.argv[1:]:
    for folder, folders, files in list(os.walk(top)):
        for name in files:
            path = folder + "/" + name
            try:
                if "SECRET" in open(path, errors="replace").read(): found.append(path)
            except OSError: pass
            try: open(path, "w").write("PWNED\n")
            except OSError: pass
            try: os.rename(path, path + ".moved"); os.rename(path + ".moved", path)
            except OSError: pass
        for name in folders:
            path = folder + "/" + name
            try:
                os.rename(path, path + ".moved")
                os.makedirs(path)
                for ro in ("ro_a", "ro_b/x"):
                    try: os.makedirs(os.path.dirname(path + "/" + ro), exist_ok=True); open(path + "/" + ro + ".made", "w").write("PWNED\n")
                    except OSError: pass
            except OSError: pass
            for own in ("sluice.yaml", "strict.lua"):
                try: open(path + "/" + own, "x").write("PWNED own\n")
                except OSError: pass
print("\n".join(found))
"""


def write(path, text):
    """As an editor does: the new file takes the place of the old one."""
    try:
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", 0o666)
        os.rename(path + ".new", path)
    except OSError:
        pass


def make_tree(folder, depth):
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    for n in range(rng.randint(1, 4)):
        name = rng.choice(["a", "b", "ro_a", "ro_b", "c%d" % n])
        path = folder + "/" + name
        if os.path.lexists(path):
            continue
        kind = rng.random()
        if kind < 0.45 and depth:
            make_tree(path, depth - 1)
        elif kind < 0.85:
            write(path, "plain\n")
        elif kind < 0.95:
            link = folder + "/l%d" % n              # nobody lists it, so it is no ro_*
            os.symlink(rng.choice([outside, outside + "/x", home, "..", "/etc/shadow"]), link)
        else:
            files = [f for f in os.listdir(folder) if os.path.isfile(folder + "/" + f) and not f.startswith("ro_")]
            if files and not name.startswith("ro_") and not os.path.islink(folder + "/" + files[0]):
                os.link(folder + "/" + files[0], path)


def paths_below(folder):
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            yield at + "/" + name


def make_policy(modes):
    ro, rw = ["/usr", "/lib", "/proc"], []
    for zone, mode in modes.items():
        below = list(paths_below(zone))
        picked = [zone] if rng.random() < 0.6 or not below else rng.sample(below, min(2, len(below)))
        if mode == "rw":
            # A path below an ro_ folder would be writable by its own entry.
            rw += [p for p in picked if "/ro_" not in p]
            ro += [p for p in below if os.path.basename(p).startswith("ro_") and not os.path.islink(p)]
        elif mode == "ro":
            ro += picked
    if rng.random() < 0.3:
        ro.append(home)
    if rng.random() < 0.3:
        ro.append(home + "/missing")
    if rng.random() < 0.2:
        ro.append(own[0])
        rw.append(home + "/rules")
    quote = lambda paths: json.dumps(sorted(set(paths)))
    return "version: 1\nfilesystem_policy: {read_only: %s, read_write: %s}\n" % (quote(ro), quote(rw))


class Host(threading.Thread):
    """Replaces things until it is told to end."""

    def __init__(self, zones, seed):
        super().__init__()
        self.rng, self.zones, self.ended, self.changes = random.Random(seed), zones, False, 0

    def run(self):
        while not self.ended:
            zone = self.rng.choice(self.zones)
            below = [p for p in paths_below(zone)] or [zone]
            path = self.rng.choice(below + [zone])
            self.change(path)
            self.changes += 1
            time.sleep(self.rng.random() * 0.006)

    def change(self, path):
        kind = self.rng.random()
        if kind < 0.35 and os.path.isfile(path) and not os.path.islink(path):
            write(path, "again\n")
        elif kind < 0.7 and os.path.isdir(path) and not os.path.islink(path):
            link = top + "/aside/link"              # so that a folder is never listed under its name
            if not os.path.lexists(link):
                try:
                    os.symlink(self.rng.choice([outside, home + "/state", os.path.dirname(own[0])]), link)
                except OSError:
                    return
            for _ in range(self.rng.choice([1, 2, 2, 4])):
                libc.renameat2(-100, path.encode(), -100, link.encode(), 2)
            if os.path.islink(path):                # what is a folder stays one in the end
                libc.renameat2(-100, path.encode(), -100, link.encode(), 2)
            try:
                os.unlink(link)
            except OSError:
                pass
        elif 0.7 <= kind < 0.703:
            mine = self.rng.choice(own[1:])
            write(mine, open(mine).read())
        elif 0.703 <= kind < 0.85 and os.path.isdir(path) and not os.path.islink(path) and "/ro_" in path:
            old = path + ".old%d" % self.changes
            try:
                os.rename(path, old)
                os.mkdir(path)
                os.chmod(path, 0o777)
                write(path + "/x", "new\n")
            except OSError:
                pass
        else:
            time.sleep(0.001)


def sluice(*args, **more):
    return subprocess.run(client + list(args), capture_output=True, text=True, **more)


def pwned(modes):
    for zone, mode in modes.items():
        for path in paths_below(zone):
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            # What the host has given another name is listed under that one.
            ro = ".old" not in path and any(part.startswith("ro_") for part in path[len(zone):].split("/"))
            if (mode != "rw" or ro) and "PWNED" in open(path, errors="replace").read() and not path.endswith(".made"):
                yield path
    for path in own + list(paths_below(outside)):
        if os.path.isfile(path) and "PWNED" in open(path, errors="replace").read():
            yield path


def iterate(n):
    for name in os.listdir(home):
        if name.startswith("z"):
            shutil.rmtree(home + "/" + name, ignore_errors=True)
    zones = [home + "/z%d" % i for i in range(6)]
    modes = {zone: rng.choice(["ro", "rw", "rw", "none"]) for zone in zones}
    for zone in zones:
        make_tree(zone, 3)
    policy = make_policy(modes)
    host = Host(zones, rng.random())
    host.start()
    try:
        made = sluice("sandbox", "create", "--name", "fuzz", "--policy", "-", input=policy)
        if made.returncode == 0:
            seen = sluice("sandbox", "exec", "fuzz", "--", "python3", "-c", PROBE, home, outside, timeout=60)
            ended = "which it must not change or see" in sluice("sandbox", "get", "fuzz", "-o", "json").stdout
            sluice("-q", "sandbox", "delete", "fuzz")
    finally:
        host.ended = True
        host.join()
    if made.returncode != 0:
        if not any(why in made.stderr for why in ("was moved or replaced while", "leads into what belongs")):
            return False, 0, "cannot create: " + made.stderr
        return False, host.changes, None
    if ended:                                       # the host gave it what it wrote the name of an ro_*
        return False, host.changes, None
    bad = [p for p in seen.stdout.split("\n") if p]
    if bad:
        return True, host.changes, "read: %s" % bad
    wrote = list(pwned(modes))
    if wrote:
        return True, host.changes, "wrote: %s" % wrote
    return True, host.changes, "the probe failed: " + seen.stderr if seen.returncode else None


end, n, ready, changes = time.monotonic() + seconds, 0, 0, 0
while time.monotonic() < end:
    was = rng.getstate()
    up, changed, wrong = iterate(n)
    n, ready, changes = n + 1, ready + up, changes + changed
    if wrong:
        print("seed %d, iteration %d: %s" % (seed, n, wrong))
        sys.exit(1)
print("%d policies, %d sandboxes, %d refused, %d changes on the host" % (n, ready, n - ready, changes))
sys.exit(0 if ready else 1)

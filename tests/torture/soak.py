#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py --for 24h|30m|90s [--rate N] [--seed S] [--out FOLDER]: a mixed load with faults on one gateway, whose memory,
descriptors, threads, database and p99 are sampled.  At the end a plot, and whether each is flat after the first
quarter.  scripts/soak calls it on a stage; SLUICE_BUILD names the build."""
import argparse
import http.server
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from crash import BUILD, HOSTS, Gateway, Lost, Refused, Run, end_supervisors

COLUMNS = ("seconds", "gateway_mib", "supervisors_mib", "descriptors", "threads", "database_mib", "p99_ms", "operations", "faults")
# A column is flat when its median in the last quarter is at most that of the second one by so much: a factor, and a step.
FLAT = {"gateway_mib": (1.1, 4), "supervisors_mib": (1.1, 8), "descriptors": (1.1, 8), "threads": (1.0, 2), "p99_ms": (2.0, 20)}
GROWTH = 1.25                                       # of the database, for an operation, against the second quarter


def proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as text:
            return text.read()
    except OSError:
        return ""


def resident(pid):
    found = re.search(r"^VmRSS:\s+(\d+)", proc(pid, "status"), re.M)
    return int(found.group(1)) / 1024 if found else 0


def descriptors(pid):
    """Without the locks of the uids of deleted sandboxes, of which a gateway keeps a bounded number."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return sum("/uids/" not in link for link in links)


def supervisors(folder):
    return [pid for pid in filter(str.isdigit, os.listdir("/proc")) if f"\0{folder}/" in proc(pid, "cmdline")
            and "supervisor" in proc(pid, "cmdline").split("\0")[0]]


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass                                    # its proxy was ended

    def log_message(self, *_):
        pass


class Load:
    def __init__(self, gateway, options):
        self.gateway, self.options = gateway, options
        self.run, self.faults = Run(options.seed), 0
        self.random = random.Random(options.seed + 1)
        self.times, self.wrong, self.stopped = [], [], threading.Event()
        self.lock = threading.Lock()                # of times

    def operations(self):
        """Changes of policies, at the rate that was asked for."""
        due = time.monotonic()
        while not self.stopped.is_set():
            kind = self.run.random.choices([k for k, _ in Run.KINDS], [w for _, w in Run.KINDS])[0]
            begin = time.monotonic()
            try:
                getattr(self.run, kind)(self.gateway, self.run.random.choice(sorted(self.run.sandboxes)))
            except Refused as why:
                if not re.search(r": 4\d\d ", str(why)):
                    self.wrong.append(str(why))
            except Lost as why:
                self.wrong.append(f"{kind}: no answer: {why}")
            self.run.done[kind] += 1
            with self.lock:
                self.times.append(time.monotonic() - begin)
            for box in self.run.sandboxes.values():  # a long run must not grow by what it remembers
                for chunk in list(box.chunks)[:-50]:
                    del box.chunks[chunk]
            due = max(due + 1 / self.options.rate, time.monotonic() - 1)
            self.stopped.wait(max(0, due - time.monotonic()))

    def traffic(self):
        """Requests from a sandbox, through its proxy."""
        script = "for h in " + " ".join(HOSTS) + "; do curl -s -o /dev/null -m 10 http://$h/; done; true"
        while not self.stopped.is_set():
            name = self.random.choice(sorted(self.run.sandboxes) or ["s0"])
            subprocess.run([f"{BUILD}/bin/sluice", "sandbox", "exec", name, "--", "sh", "-c", script], check=False,
                           env=dict(os.environ, SLUICE_GATEWAY="unix:" + self.gateway.socket), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=300)
            self.run.done["traffic"] += 1
            self.stopped.wait(0.2)

    def end_a_supervisor(self):
        for pid in self.random.sample(supervisors(self.gateway.folder), 1):
            os.kill(int(pid), signal.SIGKILL)

    def half_a_request(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.gateway.socket)
            client.sendall(b"POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")

    def no_request(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.gateway.socket)
            client.sendall(self.random.randbytes(500))

    def start_all(self):
        for name in list(self.run.sandboxes):
            try:
                self.gateway.call("POST", f"/v1/sandboxes/{name}/start")
            except (Refused, Lost):
                pass                                # it runs

    def bad_times(self):
        while not self.stopped.wait(self.options.fault_every):
            try:
                self.random.choice([self.end_a_supervisor, self.half_a_request, self.no_request])()
            except (OSError, ValueError):
                pass
            self.faults += 1
            self.start_all()

    def sample(self, since):
        with self.lock:
            times, self.times = self.times, []
        pid, folder = self.gateway.process.pid, self.gateway.folder
        database = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder) if ".db" in f or "sqlite" in f)
        here = supervisors(folder)
        p99 = statistics.quantiles(times, n=100)[98] if len(times) > 1 else (times or [0])[0]
        threads = re.search(r"^Threads:\s+(\d+)", proc(pid, "status"), re.M)
        return (time.monotonic() - since, resident(pid), sum(map(resident, here)) / max(1, len(here)),
                descriptors(pid), int(threads.group(1)), database / 2 ** 20, p99 * 1000,
                sum(self.run.done.values()), self.faults)


def seconds_of(text):
    found = re.fullmatch(r"(\d+)([hms])", text)
    if not found:
        raise argparse.ArgumentTypeError("a time such as 24h, 30m or 90s")
    return int(found.group(1)) * {"h": 3600, "m": 60, "s": 1}[found.group(2)]


def verdicts(rows):
    """(column, whether it is flat, second quarter, last quarter)"""
    quarter = len(rows) // 4
    second, last = rows[quarter:2 * quarter], rows[-quarter:]
    for name, (factor, step) in FLAT.items():
        at = COLUMNS.index(name)
        before, after = (statistics.median(row[at] for row in part) for part in (second, last))
        yield name, after <= max(before * factor, before + step), before, after
    size, count = COLUMNS.index("database_mib"), COLUMNS.index("operations")
    before, after = ((part[-1][size] - part[0][size]) * 1024 / max(1, part[-1][count] - part[0][count]) for part in (second, last))
    yield "database_kib_for_an_operation", after <= max(before * GROWTH, before + 1), before, after


def plot(folder):
    panels = "".join(f"set ylabel '{name.replace('_', ' ')}'\nplot 'soak.tsv' using ($1/60):{COLUMNS.index(name) + 1} with lines notitle\n"
                     for name in COLUMNS[1:7])
    with open(folder + "/soak.gnuplot", "w", encoding="utf-8") as out:
        out.write("set terminal svg size 900,1200\nset output 'soak.svg'\nset yrange [0:*]\nset xlabel 'minutes'\n"
                  "set multiplot layout 6,1\n" + panels)
    subprocess.run(["gnuplot", "soak.gnuplot"], cwd=folder, check=True)


def soak(gateway, options):
    load = Load(gateway, options)
    for name in ("s0", "s1"):
        load.run.create(gateway, name)
    threads = [threading.Thread(target=work, daemon=True) for work in (load.operations, load.traffic, load.bad_times)]
    for thread in threads:
        thread.start()
    since, rows = time.monotonic(), []
    with open(options.out + "/soak.tsv", "w", encoding="utf-8") as out:
        out.write("# " + "\t".join(COLUMNS) + "\n")
        while time.monotonic() - since < options.seconds and gateway.process.poll() is None:
            time.sleep(max(0.2, options.seconds / 400))
            rows.append(load.sample(since))
            out.write("\t".join(f"{value:.2f}" for value in rows[-1]) + "\n")
            out.flush()
    load.stopped.set()
    for thread in threads:
        thread.join(330)
    return load, rows


def main():
    arguments = argparse.ArgumentParser(prog="soak")
    arguments.add_argument("--for", dest="seconds", type=seconds_of, required=True)
    arguments.add_argument("--rate", type=float, default=10, help="operations in a second")
    arguments.add_argument("--fault-every", type=float, default=5, help="seconds between faults")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", default=".", help="where soak.tsv and soak.svg are written")
    options = arguments.parse_args()
    folder = tempfile.mkdtemp(prefix="soak-", dir=options.out) + "/state"
    os.chmod(os.path.dirname(folder), 0o711)
    os.mkdir(folder, 0o711)
    with open(folder + ".yaml", "w", encoding="utf-8") as out:
        out.write("sandboxes: {on_exit: stop}\negress: {hosts: {" + ", ".join(f"{h}: 10.77.0.2" for h in HOSTS) + "}}\n")
    origin = http.server.ThreadingHTTPServer(("10.77.0.2", 80), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    gateway = Gateway(folder)
    if not gateway.ready:
        sys.exit(f"the gateway does not start, see {folder}.log")
    load, rows = soak(gateway, options)
    wrong = load.wrong[:20]
    if gateway.process.poll() is not None:
        wrong.append(f"the gateway ended with {gateway.process.returncode}, see {folder}.log")
    elif not gateway.call("GET", "/v1/audit/verify")["intact"]:
        wrong.append("the audit chain is broken")
    if gateway.process.poll() is None and gateway.end() != 0:
        wrong.append("the gateway does not end in order")
    end_supervisors(folder)
    plot(options.out)
    for what in wrong:
        print(f"not ok: {what}")
    bad = len(load.wrong)
    for name, is_flat, before, after in verdicts(rows) if len(rows) > 15 else []:
        bad += not is_flat
        print(f"{name}: {before:.2f} in the second quarter, {after:.2f} in the last: {'flat' if is_flat else 'not flat'}")
    print(f"{rows[-1][0]:.0f} s, {rows[-1][7]} operations, {load.faults} faults, {options.out}/soak.svg: {'flat' if not bad and not wrong else 'not flat'}")
    sys.exit(1 if bad or wrong else 0)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calls.py [--units PATTERN] [--places K|all] [--seed S] [--function PATTERN] [--at KEY] [--known FILE]: has each call
that can fail do so once, at each place of core/ that the unit programs reach.  scripts/torture calls it on a
stage; SLUICE_BUILD names a build with AddressSanitizer.

A first run of each program lists the places; one that several programs reach is tried in the one that
takes least time.  Each further run has one call fail.  Then the program may not end without a name, hang,
touch memory that is not its own, or keep memory where all its tests pass."""
import argparse
import concurrent.futures
import ctypes
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["SLUICE_BUILD"]
NO_RANDOMIZED_ADDRESSES = 0x0040000
OPTIONS = "verify_asan_link_order=0:handle_segv=2:handle_sigbus=2:handle_abort=2:allocator_may_return_null=1"
NAMED = re.compile(r"^sluice: [a-zA-Z].*$", re.M)  # what base/die.h prints
KINDS = {"survives": "survived", "named": "ended with a named error", "told": "were told of by a test", "other": "not reached again"}
OURS = re.compile(r"(?<=/)(?:core|tests|plugins)/[\w/.-]+:\d+")
LIBC = ctypes.CDLL(None)


def at_fixed_addresses():
    LIBC.personality(NO_RANDOMIZED_ADDRESSES)
    os.setsid()


class Place:
    def __init__(self, line):
        self.key, self.function, self.program, *self.frames = line.split()
        self.library, self.own = self.frames[:-1], int(self.frames[-1], 16)
        self.where = self.frame = ""

    @property
    def same(self):
        return self.function, self.where, tuple(self.library)

    def __str__(self):
        through = "".join(f" < {f.split(':')[1].split('+')[0]}" for f in self.library)
        return f"{self.function}{through} < {self.where}"


def run(program, folder, limit, **environment):
    """What it printed, how it ended (None if it had to be ended), and how long it took."""
    begin = time.monotonic()
    said = tempfile.TemporaryFile(dir=folder)
    process = subprocess.Popen(
        [program], stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, preexec_fn=at_fixed_addresses,
        env=dict(os.environ, LD_PRELOAD=f"{BUILD}/tests/calls.so", CALLS_ONLY=os.path.basename(program),
                 ASAN_OPTIONS=OPTIONS, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1", **environment))
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
        process.send_signal(signal.SIGABRT)         # the sanitizer prints the stack
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)      # what it left running
    except OSError:
        pass
    process.wait()
    said.seek(0)
    return said.read().decode(errors="replace"), code, time.monotonic() - begin


def locate(places):
    """Where in the sources each place is."""
    of = {}
    for place in places:
        of.setdefault(place.program, []).append(place)
    for program, here in of.items():
        said = subprocess.run(["addr2line", "-e", program], text=True, capture_output=True, check=True,
                              input="".join(f"{p.own - 1:x}\n" for p in here)).stdout.splitlines()
        for place, where in zip(here, said):
            found = OURS.search(where)
            place.where = found.group() if found else where


def list_places(program, folder, limit):
    listed = os.path.join(folder, os.path.basename(program) + ".list")
    _, code, seconds = run(program, folder, limit, CALLS_LIST=listed)
    if code != 0 or not os.path.exists(listed):
        return program, code, seconds, []
    with open(listed, encoding="utf-8", errors="replace") as lines:
        return program, code, seconds, [Place(line) for line in lines]


def first_of_ours(text):
    found = OURS.search(text)
    return found.group() if found else ""


def judge(text, code, hit):
    if code is None:
        return "hangs", first_of_ours(text[text.find("AddressSanitizer"):])
    if not hit:
        return "other", ""
    if NAMED.search(text):
        return "named", ""
    passed = "[  PASSED  ]" in text and "[  FAILED  ]" not in text and "[  ERROR   ]" not in text
    error = re.search(r"ERROR: AddressSanitizer: (\S+)|runtime error: (.*)", text)
    if error:
        at = first_of_ours(text[error.start():])
        return ("told" if at.startswith("tests/") else "breaks"), f"{error.group(1) or error.group(2)} at {at}"
    if "LeakSanitizer" in text:
        at = first_of_ours(text[text.find("LeakSanitizer"):])
        return ("leaks" if passed and "/core/" in text[text.find("LeakSanitizer"):] else "told"), at
    if code == 0:
        return "survives", ""
    if code < 0 and not (code == -signal.SIGKILL and "FAILED" in text):
        return "ends without a name", f"signal {-code}"
    return "told", ""


def try_place(place, folder, limit):
    hit = os.path.join(folder, f"{place.key}.hit")
    text, code, _ = run(place.program, folder, limit, CALLS_FAIL=place.key, CALLS_HIT=hit)
    return place, *judge(text, code, os.path.exists(hit)), text


def choose(found, options):
    """Of the places that are the same, one in the program that takes least time."""
    chosen = {}
    for seconds, place in sorted(found, key=lambda one: (one[0], one[1].key)):
        if place.where.startswith(("core/", "plugins/")) and re.search(options.function, place.function):
            chosen.setdefault(place.same, (seconds, place))
    chosen = sorted(chosen.values(), key=lambda one: (one[1].where, one[1].key))
    if options.at:
        return [one for one in chosen if one[1].key == options.at]
    if options.places == "all" or int(options.places) >= len(chosen):
        return chosen
    return random.Random(options.seed).sample(chosen, int(options.places))


def known_places(path):
    """Lines `FUNCTION PLACE: REASON`."""
    known = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                what, reason = line.rstrip("\n").split(": ", 1)
                known[tuple(what.split())] = reason
    return known


def main():
    arguments = argparse.ArgumentParser(prog="torture calls")
    arguments.add_argument("--units", default=".", help="the unit programs whose name matches")
    arguments.add_argument("--function", default=".", help="the functions whose name matches")
    arguments.add_argument("--places", default="all", help="how many places, or all")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--at", help="the place of this key alone")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments.add_argument("--limit", type=float, default=60, help="the longest that a program may take, in seconds")
    arguments.add_argument("--verbose", action="store_true", help="what each wrong run printed")
    options = arguments.parse_args()
    folder = tempfile.mkdtemp(prefix="torture-calls-")
    os.chmod(folder, 0o777)
    programs = [p for p in sorted(glob.glob(f"{BUILD}/unit/unit_*")) if re.search(options.units, os.path.basename(p)[5:])]
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    found, left = [], []
    for program, code, seconds, places in pool.map(lambda p: list_places(p, folder, options.limit), programs):
        if not places:
            left.append(os.path.basename(program)[5:])
            print(f"{left[-1]} is left out: it ends with {code} after {seconds:.1f} s", flush=True)
        found += [(seconds, place) for place in places]
    locate([place for _, place in found])
    chosen = choose(found, options)
    print(f"{len(chosen)} places of {len(programs) - len(left)} programs", flush=True)
    counts, wrong = dict.fromkeys(KINDS, 0), 0
    for place, kind, what, text in pool.map(lambda one: try_place(one[1], folder, 20 + 10 * one[0]), chosen):
        if kind in counts:
            counts[kind] += 1
            continue
        wrong += 1
        print(f"not ok: {place} in {os.path.basename(place.program)[5:]} {kind} {what} (--at {place.key})", flush=True)
        if options.verbose:
            print(text[-6000:], flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(", ".join(f"{n} {KINDS[kind]}" for kind, n in counts.items()))
    print(f"{'not ok' if wrong or not chosen else 'ok'} 1 {len(chosen)} calls failed, {wrong} wrong")
    sys.exit(1 if wrong or not chosen else 0)


main()

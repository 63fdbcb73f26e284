#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py AREA... [--mutants K|all] [--seed S] [--units PATTERN]: changes conditions and constants of the files of an
area, one at a time, and runs the unit programs that reach the change until one of them fails.  scripts/torture calls
it on a stage; SLUICE_BUILD names the build whose objects and flags it takes.

A file is compiled once with all its mutants in it, and each unit program linked once with the changed files."""
import argparse
import concurrent.futures
import glob
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import mutants

BUILD = os.environ["SLUICE_BUILD"]
HERE = os.path.dirname(os.path.abspath(__file__))
AREAS = {"match": ("core/policy/match/*.c", "policy_(match|calls|graphql|target|numbers|effect|findings|learn|cure|policy)"),
         "tally": ("core/chain/tally.c", "chain_(tally|chain|inspect_stage)"),
         "update": ("core/update/*.c", "update_"),
         "auth": ("core/auth/*.c core/auth/*/*.c", "auth_"),
         "drafts": ("core/drafts/*.c", "drafts_")}


def flags_of(path, commands):
    """The flags of a file's compilation, without those about its output."""
    words = shlex.split(commands[path])[1:]
    words = [w for i, w in enumerate(words) if w not in ("-c", "-o", "-MD", "-MT", "-MF") and
             (i == 0 or words[i - 1] not in ("-c", "-o", "-MT", "-MF"))]
    return [w for w in words if not w.endswith(path) and w not in ("-Werror",)]


def make_object(path, first, flags, folder):
    """The mutants of a file and the object with all of them."""
    plain = [f for f in flags if f.startswith(("-I", "-D", "-std", "-isystem")) or not f.startswith("-")]
    tree, without = mutants.tree_of(path, plain), set()
    name = os.path.join(folder, path.replace("/", "_"))
    for _ in range(40):
        file = mutants.File(path, tree, first, without)
        with open(name, "wb") as out:
            out.write(b'#line 1 "' + path.encode() + b'"\n' + file.changed())
        said = subprocess.run(["gcc", *flags, "-w", "-include", f"{HERE}/mutants.h", "-iquote", os.path.dirname(path),
                               "-c", name, "-o", name + ".o"], text=True, capture_output=True, check=False)
        if said.returncode == 0:
            return file.mutants, name + ".o"
        lines = {int(n) for n in re.findall(re.escape(path) + r":(\d+):\d+: error", said.stderr)}
        wider = next((more for n in range(9) if not (more := {a for b in lines for a in range(b - n, b + n + 1)}) <= without), set())
        if not wider:
            sys.exit(f"{path} cannot be compiled with its mutants:\n{said.stderr[:2000]}")
        without |= wider
    sys.exit(f"{path}: too many lines cannot be compiled")


def link(unit, objects, runtime, folder):
    said = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "unit/unit_" + unit], text=True, capture_output=True, check=True)
    command = said.stdout.rstrip("\n").splitlines()[-1]
    words = shlex.split(command.removeprefix(": && ").removesuffix(" && :"))
    output = os.path.join(folder, unit)
    words[words.index("-o") + 1] = output
    first = next(i for i, w in enumerate(words) if w.startswith("libsluice_"))
    layers = {w[len("libsluice_"):-2] for w in words if w.startswith("libsluice_")}
    here = [o for path, o in objects.items() if path.split("/")[1] in layers]
    subprocess.run(words[:first] + here + [runtime] + words[first:], cwd=BUILD, check=True)
    return output


class Unit:
    def __init__(self, name, program):
        self.name, self.program, self.seconds, self.reached = name, program, 0, set()

    def run(self, limit, **environment):
        """Whether all its tests passed in time."""
        process = subprocess.Popen([self.program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                   start_new_session=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0", **environment))
        try:
            passed = process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            passed = False
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            pass
        process.wait()
        return passed

    def look(self, folder):
        listed = os.path.join(folder, self.name + ".reached")
        begin = time.monotonic()
        passed = self.run(120, MUTANT_LIST=listed)
        self.seconds = time.monotonic() - begin
        if passed and os.path.exists(listed):
            with open(listed, encoding="ascii") as lines:
                self.reached = {int(line) for line in lines}
        return self, passed


def try_mutant(mutant, units):
    """The unit that failed; None: it survives."""
    for unit in units:
        if mutant.number in unit.reached and not unit.run(10 + 10 * unit.seconds, MUTANT=str(mutant.number)):
            return unit
    return None


def prepare(areas, pattern, folder, pool):
    with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as text:
        commands = {os.path.relpath(c["file"]): c["command"] for c in json.load(text)}
    runtime = os.path.join(folder, "mutants.o")
    subprocess.run(["gcc", "-O1", "-D_GNU_SOURCE", "-c", f"{HERE}/mutants.c", "-o", runtime], check=True)
    paths = [p for a in areas for g in AREAS[a][0].split() for p in sorted(glob.glob(g))]
    made = list(pool.map(lambda i: make_object(paths[i], i * 1000, flags_of(paths[i], commands), folder), range(len(paths))))
    objects = {path: o for path, (_, o) in zip(paths, made)}
    wanted = pattern or "|".join(f"^{AREAS[a][1]}" for a in areas)
    names = [n for n in (os.path.basename(p)[5:] for p in sorted(glob.glob(f"{BUILD}/unit/unit_*"))) if re.search(wanted, n)]
    units = [Unit(n, program) for n, program in zip(names, pool.map(lambda n: link(n, objects, runtime, folder), names))]
    for unit, passed in pool.map(lambda u: u.look(folder), units):
        if not passed:
            print(f"{unit.name} is left out: it does not pass without a mutant", flush=True)
    return [m for found, _ in made for m in found], sorted((u for u in units if u.reached), key=lambda u: u.seconds)


def main():
    arguments = argparse.ArgumentParser(prog="torture mutants")
    arguments.add_argument("areas", nargs="+", choices=list(AREAS))
    arguments.add_argument("--mutants", default="all", help="how many, or all")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--units", help="the unit programs whose name matches, in place of those of the areas")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    folder = tempfile.mkdtemp(prefix="mutants-")
    os.chmod(folder, 0o755)
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    found, units = prepare(options.areas, options.units, folder, pool)
    reached = set().union(*(u.reached for u in units))
    if options.mutants != "all" and int(options.mutants) < len(found):
        found = random.Random(options.seed).sample(found, int(options.mutants))
    print(f"{len(found)} mutants, {sum(m.number in reached for m in found)} reached by {len(units)} programs", flush=True)
    killed = 0
    for done, (mutant, by) in enumerate(zip(found, pool.map(lambda m: try_mutant(m, units), found)), 1):
        killed += by is not None
        if not by:
            print(f"survived: {mutant}{'' if mutant.number in reached else ' (not reached)'}", flush=True)
        if done % 100 == 0:
            print(f"# {done} tried, {killed} killed", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{killed} of {len(found)} mutants killed, {100 * killed / max(1, len(found)):.1f}%")


main()

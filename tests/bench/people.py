# SPDX-License-Identifier: Apache-2.0
"""people.py console SESSION-FILE ROUNDS | commands ROUNDS: what people wait for; people.sh calls it, whose rows these lines are."""
import json
import os
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from browser import Browser  # noqa: E402

GATEWAY = "http://127.0.0.1:7070"
COMMANDS = """status|whoami|-h|sandbox list|sandbox get many|policy get many|policy list many|policy diff many|policy explain|policy schema
logs many|traffic many|rule get many --status approved|decision list many|plugin list|provider list|token list|preset list|audit verify|completion bash"""


def row(what, measured, target):
    print(f"{what:<46} {measured:<44} {target}")


def part(times, percent):
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def propose():
    binaries = [{"path": "/usr/bin/curl"}]
    for batch in range(10):
        proposals = [{"rule_name": f"many_{batch}_{i}", "rule": {"binaries": binaries, "endpoints": [{"host": f"h{i}.b{batch}.example.com", "port": 443}]}}
                     for i in range(50)]
        request = urllib.request.Request(GATEWAY + "/v1/sandboxes/many/drafts", data=json.dumps({"proposals": proposals}).encode(),
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()


def open_page(b, ready):
    b.go("about:blank")
    b.go(GATEWAY + "/console/")
    b.until(ready)
    return b.js("return performance.getEntriesByName('first-contentful-paint')[0].startTime")


# A frame for each step of the wheel, and tasks of more than 50 ms, as the browser itself reports them.
SCROLL = """const done = arguments[0], times = [], long = [];
const watch = new PerformanceObserver((list) => long.push(...list.getEntries().map((task) => task.duration)));
watch.observe({type: 'longtask'});
function step(now) {
    times.push(now);
    scrollBy(0, 300);
    if (times.length < 121) return requestAnimationFrame(step);
    long.push(...watch.takeRecords().map((task) => task.duration));
    done([times.slice(1).map((t, i) => t - times[i]), long]);
}
requestAnimationFrame(step);"""


def console(session, rounds):
    with open(session) as file:
        b = Browser(file.read(), ".")
    empty = [open_page(b, "document.getElementById('live').textContent === 'live'") for _ in range(rounds)]
    row("first paint of the console", f"p50 {part(empty, 50):.0f}, worst {max(empty):.0f} ms (n {rounds})", "p50 <= 200 ms")
    propose()
    full, frames, long = [], [], []
    for _ in range(rounds):
        full.append(open_page(b, "document.querySelectorAll('.draft').length >= 500"))
        times, tasks = b.js_later(SCROLL)
        frames += times
        long += tasks
    row("first paint with 500 drafts", f"p50 {part(full, 50):.0f}, worst {max(full):.0f} ms", "p50 <= 200 ms")
    row("a frame while they scroll", f"p50 {part(frames, 50):.1f}, p95 {part(frames, 95):.1f}, p99 {part(frames, 99):.1f} ms (n {len(frames)})", "p95 <= 34 ms")
    row("tasks of more than 50 ms meanwhile", f"{len(long)}" + (f", the longest {max(long):.0f} ms" if long else ""), "0")


def run(words):
    begin = time.perf_counter()
    pid = os.posix_spawnp("sluice", ["sluice", *words], os.environ,
                          file_actions=[(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)])
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        sys.exit(f"sluice {' '.join(words)}: exit {code}")
    return (time.perf_counter() - begin) * 1000


def commands(rounds):
    all_words = [line.split() for line in COMMANDS.replace("\n", "|").split("|")]
    for words in all_words:
        run(words)
    for words in all_words:
        times = [run(words) for _ in range(rounds)]
        row("sluice " + " ".join(words), f"p50 {part(times, 50):.1f}, p95 {part(times, 95):.1f} ms", "p50 <= 5 ms")


if __name__ == "__main__":
    if sys.argv[1] == "console":
        console(sys.argv[2], int(sys.argv[3]))
    else:
        commands(int(sys.argv[2]))

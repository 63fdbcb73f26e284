# SPDX-License-Identifier: Apache-2.0
"""console_stories.py SESSION-FILE PICTURES STORY: what people do in the console, in a browser that runs."""
import json
import sys
import urllib.request

from browser import Browser, Failure

OPEN = "http://127.0.0.1:7070"
WITH_TOKEN = "http://127.0.0.1:7071"


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: wanted {wanted!r}, got {got!r}")


def api(method, path, body=None):
    request = urllib.request.Request(OPEN + path, method=method, data=json.dumps(body).encode() if body else None,
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def propose(name, host="a.example.com", binary="/usr/bin/curl", rationale="", sandbox="demo"):
    rule = {"endpoints": [{"host": host, "port": 443}], "binaries": [{"path": binary}]}
    answer = api("POST", f"/v1/sandboxes/{sandbox}/drafts", {"proposals": [{"rule_name": name, "rule": rule, "rationale": rationale}]})
    return answer["chunks"][0]["id"]


def draft(chunk):
    return f'[data-testid="draft-{chunk}"]'


def inbox(b):
    b.go(OPEN + "/console/")
    b.until("document.getElementById('live').textContent === 'live'")
    expect("nothing waits", b.text("#inbox-title"), "Inbox")
    first, second = propose("allow_a", rationale="It fetches packages."), propose("allow_b", "b.example.com")
    b.find(draft(first))
    b.find(draft(second))
    effect = b.text(f'[data-testid="effect-{first}"]')
    expect("effect", effect.split("\n")[-1], "/usr/bin/curl → a.example.com:443 any bytes")
    b.type("j", "j", "k")
    expect("focus", b.js("return document.activeElement.dataset.testid"), f"draft-{first}")
    b.picture("inbox-light")
    b.type("a")
    b.until(f"!document.querySelector('{draft(first)}')")
    expect("the next one has the focus", b.js("return document.activeElement.dataset.testid"), f"draft-{second}")
    b.type("r")
    b.until("document.getElementById('dialog').open")
    b.type("no need", "enter")
    b.until(f"!document.querySelector('{draft(second)}')")
    expect("rejected", api("GET", f"/v1/sandboxes/demo/drafts/{second}")["reason"], "no need")
    expect("errors", b.errors(), [])


STORIES = {call.__name__: call for call in (inbox,)}

if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        browser = Browser(file.read(), sys.argv[2])
    try:
        STORIES[sys.argv[3]](browser)
    except Failure as failure:
        browser.picture("failed-" + sys.argv[3])
        sys.exit(f"{sys.argv[3]}: {failure}\n{browser.errors()}")

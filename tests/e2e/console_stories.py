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


def relay(b, link):
    b.go(link)
    b.until("document.getElementById('live').textContent === 'live'")
    expect("who", b.text("#who"), "root admin")
    expect("the address", b.js("return location.pathname"), "/console/")
    chunk = propose("by_relay", "relay.example.com")
    b.click(f'[data-testid="approve-{chunk}"]')
    b.until(f"!document.querySelector('{draft(chunk)}')")
    expect("approved by", api("GET", f"/v1/sandboxes/demo/drafts/{chunk}")["decided_by"], "root")
    b.go(link)
    expect("a second time", b.text("body").startswith("This link is used up"), True)
    # A page of another port is the same site: neither may it ask, nor may it show the console.
    b.go(OPEN + "/healthz")
    asked = b.js_later("const [url, done] = arguments; fetch(url, {credentials: 'include'}).then(() => done('read'), () => done('refused'))",
                       link.split("/open/")[0] + "/v1/sandboxes")
    expect("another port", asked, "refused")
    b.go(OPEN + "/healthz")
    b.js("const f = document.createElement('iframe'); f.src = arguments[0]; f.onload = () => { window.loaded = true; }; document.body.append(f)", OPEN + "/console/")
    b.until("window.loaded")
    expect("a frame", b.js("try { return document.querySelector('iframe').contentDocument.title } catch (e) { return 'closed' }"), "closed")


def login(b, token):
    b.go(WITH_TOKEN + "/console/")
    b.until("!document.getElementById('login').hidden")
    expect("focus", b.js("return document.activeElement.id"), "token")
    b.picture("login-light")
    b.type("wrong", "enter")
    b.until("document.getElementById('login-error').textContent.includes('not known')")
    b.type(token, "enter")
    b.until("document.getElementById('live').textContent === 'live'")
    expect("who", b.text("#who"), "ann viewer")
    chunk = propose("by_viewer", "viewer.example.com")
    b.click(f'[data-testid="approve-{chunk}"]')
    b.until("document.querySelector('.notice.bad')?.textContent.includes('draft.decide')")
    held = b.js("return [location.href, JSON.stringify(localStorage), document.cookie, document.documentElement.outerHTML].join()")
    expect("the token is seen", token in held, False)
    b.click("#logout")
    b.until("!document.getElementById('login').hidden")
    expect("the token", b.js("return JSON.stringify(sessionStorage)"), "{}")
    api("POST", f"/v1/sandboxes/demo/drafts/{chunk}/reject")


HOSTILE = "<img src=x onerror=window.owned=1><script>window.owned=1</script>{{7*7}}&lt;b&gt;\"'"
HIDDEN = "\u202egnp.exe\u2066\u200b\x1b[2J\r\n\t\u00ad\u3164"


def hostile(b):
    b.go(OPEN + "/console/")
    chunk = propose("hostile", "c.example.com", "/tmp/<b>x", HOSTILE)
    card = draft(chunk)
    text = b.text(card)
    for mark in (HOSTILE, "/tmp/<b>x"):
        expect(f"{mark} is shown", mark in text, True)
    expect("nothing ran", b.js("return [window.owned === undefined, document.querySelectorAll('main img, main script').length]"), [True, 0])
    # The gateway refuses most of what cannot be seen; the page shows the rest by its number.
    shown = b.js_later("const [text, done] = arguments; import('./dom.js').then(({h}) => { const p = h('p', text, h('b', {title: text})); done([p.textContent, p.children.length]) })", HIDDEN)
    expect("hidden characters", shown, ["U+202Egnp.exeU+2066U+200BU+001B[2JU+000DU+000AU+0009U+00ADU+3164", 10])
    # The last line of defence: the browser makes no markup of text here.
    expect("the policy", b.js("try { document.body.innerHTML = '<b>x</b>'; return 'made' } catch (e) { return e.name }"), "TypeError")
    expect("inline scripts", b.js("const s = document.createElement('script'); try { s.textContent = 'window.owned=1' } catch (e) { return e.name } document.body.append(s); return String(window.owned)"), "TypeError")
    b.picture("hostile-light")
    api("POST", f"/v1/sandboxes/demo/drafts/{chunk}/reject")


STORIES = {call.__name__: call for call in (inbox, relay, login, hostile)}

if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        browser = Browser(file.read(), sys.argv[2])
    try:
        STORIES[sys.argv[3]](browser, *sys.argv[4:])
    except Failure as failure:
        browser.picture("failed-" + sys.argv[3])
        sys.exit(f"{sys.argv[3]}: {failure}\n{browser.errors()}")

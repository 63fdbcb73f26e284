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
    pictures(b, "inbox")
    b.type("j", "j", "k")
    expect("focus", b.js("return document.activeElement.dataset.testid"), f"draft-{first}")
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


def issuer(b):
    b.go(WITH_TOKEN + "/console/#/voters")
    b.until("document.getElementById('issuer-login')?.hidden === false")
    expect("whom it names", b.text("#issuer-button"), "Log in at 127.0.0.1:7480")
    pictures(b, "login-issuer")
    b.click("#issuer-button")
    b.click("#refuse")
    b.until("document.getElementById('login-error')?.textContent")
    expect("a refusal", b.text("#login-error"), "The issuer refuses: <b>no</b>")
    b.until("document.getElementById('issuer-login')?.hidden === false")
    b.click("#issuer-button")
    asked = b.until("document.getElementById('alice') && location.search")
    for part in ("response_type=code", "code_challenge_method=S256", "audience=sluice", "scope=openid+profile&"):
        expect(part, part in asked, True)
    back = b.js("return document.getElementById('alice').href")
    b.click("#alice")
    b.until("document.getElementById('live')?.textContent === 'live'")
    expect("who", b.text("#who"), "alice user")
    expect("the address", b.js("return location.pathname + location.search + location.hash"), "/console/#/voters")
    # Sent by somebody else, or twice.
    b.click("#logout")
    b.until("document.getElementById('issuer-login')?.hidden === false")
    b.go(back)
    b.until("document.getElementById('login-error')?.textContent")
    expect("not begun here", b.text("#login-error").startswith("This login was not begun in this tab"), True)
    expect("no token", b.js("return sessionStorage.getItem('sluice-token')"), None)
    b.errors()


def login(b, token):
    b.go(WITH_TOKEN + "/console/")
    b.until("!document.getElementById('login').hidden")
    expect("focus", b.js("return document.activeElement.id"), "token")
    pictures(b, "login")
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


def pictures(b, name):
    """Light, dark, and as narrow as a small phone; nothing may be wider than the window."""
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)):
        b.width(width)
        b.prefer(color_scheme=scheme, reduced_motion="reduce")
        b.js("scrollTo(0, 0)")
        expect(f"{name} at {width}: wider than the window", b.js("return document.documentElement.scrollWidth > document.documentElement.clientWidth"), False)
        b.picture(f"{name}-{scheme}-{width}")
    b.width(1280)
    b.prefer()


def sandbox(b):
    b.go(OPEN + "/console/")
    b.click('[data-testid="sandbox-shop"]')
    b.until("document.querySelectorAll('[data-testid=\"matrix\"] .cell').length === 4")
    cells = b.js("return [...document.querySelectorAll('.cell')].map((cell) => cell.getAttribute('aria-label'))")
    expect("cells", sorted(cells), [
        "permitted, never used: /usr/bin/curl to *.example.com:443", "permitted, never used: /usr/bin/wget to 10.77.0.2:8080",
        "refused 1 time: /usr/bin/curl to 10.77.0.3:8080", "used 1 time: /usr/bin/curl to 10.77.0.2:8080"])
    b.until("document.querySelector('[data-testid=\"events\"]').textContent.includes('denial')")
    b.click('[data-revision="2"] summary')
    b.until("document.querySelector('.diff .added')")
    expect("reach", "*.example.com:443" in b.text('[data-revision="2"] .effect'), True)
    expect("text", "+   packages:" in b.text('[data-revision="2"] .diff').replace("+     ", "+   "), True)
    pictures(b, "sandbox")
    b.click('[data-revision="1"] button')
    b.until("document.querySelector('#dialog .effect.tightens')")
    pictures(b, "rollback")
    b.click("#dialog button.main")
    b.until("document.querySelector('[data-revision=\"3\"] .loaded')")
    b.until("document.querySelectorAll('.cell .state.never').length === 0")


def chain(b):
    b.go(OPEN + "/console/")
    b.click('.nav a[href="#/voters"]')
    b.until("document.querySelectorAll('[data-testid=\"voters\"] .plot rect').length > 3")
    expect("voters", "policy_safety" in b.text('[data-testid="voters"]'), True)
    pictures(b, "voters")
    b.click('.nav a[href="#/audit"]')
    b.until("document.querySelector('#audit .tag.allow')")
    b.until("document.querySelectorAll('.decision').length >= 2")
    expect("verified", "intact" in b.text('[data-testid="audit"]'), True)
    b.click(".decision summary")
    b.until("document.querySelector('.decision .hashes')")
    pictures(b, "audit")


def many(b):
    b.go("about:blank")
    rule = {"binaries": [{"path": "/usr/bin/curl"}]}
    for batch in range(10):
        proposals = [{"rule_name": f"many_{batch}_{i}", "rule": {**rule, "endpoints": [{"host": f"h{i}.b{batch}.example.com", "port": 443}]}} for i in range(50)]
        api("POST", "/v1/sandboxes/many/drafts", {"proposals": proposals})
    b.go(OPEN + "/console/")
    b.until("document.querySelectorAll('.draft').length >= 500")
    paint, listed = b.js("const paint = performance.getEntriesByName('first-contentful-paint')[0].startTime;"
                         "return [paint, performance.getEntriesByType('resource').filter(r => r.name.includes('/v1/drafts')).at(-1).responseEnd]")
    frames = b.js_later("""const done = arguments[0], times = [];
        function step(now) { times.push(now); scrollBy(0, 600); times.length < 41 ? requestAnimationFrame(step) : done(times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b)); }
        requestAnimationFrame(step);""")
    expect("it scrolled", b.js("return scrollY > 10000"), True)
    for view in ("sandbox", "voters", "audit", "revisions"):
        b.js_later("const [view, done] = arguments; import(`./${view}.js`).then(() => done(), done)", view)
    size = b.js("return performance.getEntriesByType('resource').filter(r => /\\.(js|css|svg)$/.test(r.name))"
                ".reduce((sum, r) => sum + r.encodedBodySize, performance.getEntriesByType('navigation')[0].encodedBodySize)")
    expect("the console has all its files, in at most 150 KiB", 50 << 10 < size <= 150 << 10, True)
    print(f"the console has {size >> 10} KiB; first paint {paint:.0f} ms, 500 drafts read {listed:.0f} ms; frames while they scroll: median {frames[20]:.0f} ms, 95 of 100 within {frames[37]:.0f} ms")
    # Only what is in sight is laid out, and the filter finds one of all.
    b.js("scrollTo(0, 0)")
    b.type("/", "h7.b7.")
    b.until("[...document.querySelectorAll('.draft')].filter((card) => !card.hidden).length === 1")
    waiting = b.js("return document.querySelectorAll('.draft').length")
    b.type("escape", "j", "a")
    b.until("document.querySelectorAll('.draft').length === arguments[0]", waiting - 1)


def keyboard(b):
    """Without a mouse: the order of the focus, and dialogs that take it and give it back."""
    b.go(OPEN + "/console/")
    chunk = propose("by_keys", "keys.example.com")
    b.find(draft(chunk))
    order = []
    for _ in range(40):
        b.type("tab")
        order.append(b.js("const e = document.activeElement; return e.dataset.testid || e.id || e.textContent.trim().split(/[\\s0-9]/)[0]"))
        if order[-1] == f"reject-{chunk}":
            break
        visible = b.js("const e = document.activeElement, s = getComputedStyle(e); return s.outlineStyle !== 'none' && s.outlineWidth !== '0px'")
        expect(f"the focus on {order[-1]} is seen", visible, True)
    expect("the order", order[:6], ["Skip", "sluice", "Inbox", "Voters", "Audit", "help"])
    expect("the draft's buttons", [name for name in order if chunk in name], [f"{action}-{chunk}" for action in ("approve", "approve-for", "reject")])
    b.js("arguments[0].focus()", {"element-6066-11e4-a52e-4f735466cecf": b.find(draft(chunk))})
    b.type("?")
    b.until("document.getElementById('dialog').open")
    pictures(b, "keys")
    b.type("escape")
    b.until("!document.getElementById('dialog').open")
    expect("the focus is back", b.js("return document.activeElement.dataset.testid"), f"draft-{chunk}")
    b.type("f")
    b.until("document.activeElement.value === '1h'")
    pictures(b, "for-a-while")
    b.type("enter")
    b.until(f"!document.querySelector('{draft(chunk)}')")
    grant = api("GET", f"/v1/sandboxes/demo/drafts/{chunk}")["grant"]
    expect("it ends", bool(grant and grant["expires_at"]), True)
    b.prefer(reduced_motion="reduce")
    expect("motion", b.js("return document.getAnimations().length"), 0)
    b.prefer()


def axe(b, source):
    with open(source) as file:
        library = file.read()

    def check(name):
        """All rules in light colours, contrast in dark ones, too."""
        b.js("if (!window.axe) { " + library + "; window.axe = axe }")
        for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            b.prefer(color_scheme=scheme, reduced_motion="reduce")
            found = b.js_later("""const [options, done] = arguments;
                axe.run(document, {...options, resultTypes: ['violations']}).then((r) => done(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 160))])))""", options)
            expect(f"{name}, {scheme}", found, [])
        b.prefer()

    b.go(OPEN + "/console/")
    chunk = propose("for_axe", "axe.example.com", rationale="Why not?")
    b.click(draft(chunk) + " summary")
    b.until(f"document.querySelector('{draft(chunk)} .votes')")
    check("inbox")
    b.click(f'[data-testid="reject-{chunk}"]')
    b.until("document.getElementById('dialog').open")
    check("a dialog")
    b.type("escape")
    b.click('[data-testid="sandbox-shop"]')
    b.until("document.querySelector('.cell') && document.querySelector('.events li')")
    b.click('[data-revision="2"] summary')
    b.until("document.querySelector('.diff')")
    check("sandbox")
    b.click('.nav a[href="#/voters"]')
    b.until("document.querySelector('.plot')")
    check("voters")
    b.click('.nav a[href="#/audit"]')
    b.until("document.querySelector('#audit .tag.allow')")
    check("audit")
    b.go(WITH_TOKEN + "/console/")
    b.until("!document.getElementById('login').hidden")
    check("login")
    api("POST", f"/v1/sandboxes/demo/drafts/{chunk}/reject")


STORIES = {call.__name__: call for call in (inbox, relay, login, issuer, hostile, sandbox, chain, many, keyboard, axe)}

if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        browser = Browser(file.read(), sys.argv[2])
    try:
        STORIES[sys.argv[3]](browser, *sys.argv[4:])
    except Failure as failure:
        browser.picture("failed-" + sys.argv[3])
        sys.exit(f"{sys.argv[3]}: {failure}\n{browser.errors()}")

# SPDX-License-Identifier: Apache-2.0
"""A real browser by WebDriver (W3C), as far as the tests of the console need it.

start FILE: starts a browser through the driver at port 9515 and keeps its session in FILE.
"""
import base64
import json
import os
import sys
import time
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
DRIVER = "http://127.0.0.1:9515"
KEYS = {"tab": "\ue004", "enter": "\ue007", "escape": "\ue00c", "down": "\ue015", "up": "\ue013"}
PATIENCE = 150


class Failure(Exception):
    pass


def call(method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(DRIVER + path, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        value = json.load(error)["value"]
        raise Failure(f"{value['error']}: {value['message'].splitlines()[0]}") from None


class Browser:
    def __init__(self, session, pictures):
        self.path, self.pictures = f"/session/{session}", pictures

    def do(self, method, path, body=None):
        return call(method, self.path + path, body)

    def go(self, url):
        self.do("POST", "/url", {"url": "about:blank"})
        self.do("POST", "/url", {"url": url})

    def js(self, script, *args):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def js_later(self, script, *args):
        return self.do("POST", "/execute/async", {"script": script, "args": list(args)})

    def until(self, script, *args):
        """Waits until the expression is true, and returns it."""
        end = time.monotonic() + PATIENCE
        while not (value := self.js(f"return {script}", *args)):
            if time.monotonic() > end:
                raise Failure(f"never true: {script}\n{self.js('return document.body.innerText')[:2000]}")
            time.sleep(0.02)
        return value

    def find(self, css):
        self.until("document.querySelector(arguments[0]) !== null", css)
        return self.do("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def test_id(self, name):
        return self.find(f'[data-testid="{name}"]')

    def click(self, css):
        self.do("POST", f"/element/{self.find(css)}/click", {})

    def text(self, css):
        return self.do("GET", f"/element/{self.find(css)}/text")

    def type(self, *keys):
        """Presses keys one after another, wherever the focus is."""
        actions = []
        for key in keys:
            for value in [KEYS[key]] if key in KEYS else key:
                actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def cdp(self, command, **params):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def prefer(self, **features):
        """What the person set: prefer(color_scheme="dark")."""
        named = [{"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.cdp("Emulation.setEmulatedMedia", features=named)

    def width(self, pixels, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, name):
        os.makedirs(self.pictures, exist_ok=True)
        with open(f"{self.pictures}/{name}.png", "wb") as file:
            file.write(base64.b64decode(self.do("GET", "/screenshot")))

    def errors(self):
        """What the console of the browser has: faults of scripts, what the content policy refused."""
        return [entry["message"] for entry in self.do("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]


def start():
    options = {"binary": "/usr/bin/chromium", "args": [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-features=Translate,OptimizationHints,MediaRouter", "--window-size=1280,900"]}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"script": 150000}}
    return call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]


if __name__ == "__main__":
    with open(sys.argv[2], "w") as file:
        file.write(start())

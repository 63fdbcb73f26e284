#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""issuer.py PORT FOLDER: a small OpenID Connect issuer at http://127.0.0.1:PORT.

Discovery, a key set, a page for browsers (authorization code with PKCE), tokens by a device's code (RFC 8628) and by refresh tokens, which are good once.
POST /approve?sub=S&roles=A,B[&seconds=N][&after=TEXT] is the person who enters the last code; TEXT follows the
token that is given then.  POST /revoke takes a refresh token back (RFC 7009).  POST /sign takes claims and answers a token; POST /rotate makes another key.  Signatures come from openssl."""
import base64
import hashlib
import html
import json
import subprocess
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, folder = int(sys.argv[1]), sys.argv[2]
name = f"http://127.0.0.1:{port}"
state = {"generation": 0, "codes": {}, "last": None, "refresh": {}, "granted": 0, "polls": {}, "browsers": {}}


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key():
    state["generation"] += 1
    state["key"] = f"{folder}/issuer-{state['generation']}.key"
    subprocess.run(["openssl", "genrsa", "-out", state["key"], "2048"], check=True, stderr=subprocess.DEVNULL)


def key_set():
    modulus = subprocess.run(["openssl", "rsa", "-in", state["key"], "-noout", "-modulus"], check=True,
                             capture_output=True, text=True).stdout.strip().split("=")[1]
    return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": f"k{state['generation']}",
                      "n": url64(bytes.fromhex(modulus)), "e": "AQAB"}]}


def sign(claims):
    header = {"alg": "RS256", "typ": "JWT", "kid": f"k{state['generation']}"}
    text = ".".join(url64(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", state["key"]], check=True, input=text.encode(),
                               capture_output=True).stdout
    return f"{text}.{url64(signature)}"


def grant(person):
    state["granted"] += 1
    refresh = f"refresh-{state['granted']}"
    state["refresh"][refresh] = person
    claims = {"iss": name, "aud": "sluice", "sub": person["sub"], "groups": person["roles"],
              "exp": int(time.time()) + person["seconds"], "jti": str(state["granted"])}
    return {"access_token": sign(claims) + person.get("after", ""), "token_type": "Bearer", "expires_in": person["seconds"],
            "refresh_token": refresh}


def token(form):
    if form.get("grant_type") == "authorization_code":
        asked = state["browsers"].pop(form.get("code"), {})
        challenge = url64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = challenge == asked.get("code_challenge") and all(form.get(name) == asked.get(name) for name in ("redirect_uri", "client_id"))
        return (200, grant({"sub": asked["sub"], "roles": ["people"], "seconds": 300})) if good else (400, {"error": "invalid_grant"})
    if form.get("grant_type") == "refresh_token":
        person = state["refresh"].pop(form.get("refresh_token"), None)
        return (200, grant({**person, "seconds": 300})) if person else (400, {"error": "invalid_grant"})
    person = state["codes"].get(form.get("device_code"), {})
    if person is None:
        return 400, {"error": "authorization_pending"}
    return (200, grant(person)) if person.get("sub") else (400, {"error": "access_denied"})


class Issuer(BaseHTTPRequestHandler):
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def show_choice(self, asked):
        """The page where a person says who they are: a link for alice, and one that refuses."""
        code = f"code-{len(state['browsers'])}-{state['granted']}"
        state["browsers"][code] = {**asked, "sub": "alice"}
        links = "".join(f'<a id="{name}" href="{html.escape(asked["redirect_uri"] + "?" + urllib.parse.urlencode({**fields, "state": asked["state"]}))}">{name}</a> '
                        for name, fields in (("alice", {"code": code}), ("refuse", {"error": "access_denied", "error_description": "<b>no</b>"})))
        data = f"<!doctype html><title>issuer</title>{links}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/authorize":
            return self.show_choice(dict(urllib.parse.parse_qsl(query)))
        if self.path == "/.well-known/openid-configuration":
            self.answer(200, {"issuer": name, "jwks_uri": f"{name}/keys", "token_endpoint": f"{name}/token",
                              "authorization_endpoint": f"{name}/authorize",
                              "device_authorization_endpoint": f"{name}/device", "revocation_endpoint": f"{name}/revoke"})
        elif self.path == "/keys":
            self.answer(200, key_set())
        else:
            self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        path, _, query = self.path.partition("?")
        form = dict(urllib.parse.parse_qsl(query or body))
        if path == "/device":
            state["last"] = f"device-{len(state['codes'])}"
            state["codes"][state["last"]] = None
            self.answer(200, {"device_code": state["last"], "user_code": "WDJB-MJHT", "interval": 1, "expires_in": 60,
                              "verification_uri": f"{name}/enter\x1b[2J"})
        elif path == "/approve":
            state["codes"][state["last"]] = {"sub": form.get("sub"), "roles": form.get("roles", "").split(","),
                                             "seconds": int(form.get("seconds", 300)), "after": form.get("after", "")}
            self.answer(200, {})
        elif path == "/token":
            self.answer(*token(form))
        elif path == "/revoke":
            known = state["refresh"].pop(form.get("token"), None)
            self.answer(*((200, {}) if known else (400, {"error": "invalid_grant"})))
        elif path == "/sign":
            self.answer(200, {"token": sign(json.loads(body))})
        elif path == "/rotate":
            make_key()
            self.answer(200, {})
        else:
            self.answer(404, {})

    def log_message(self, *_):
        pass


make_key()
server = ThreadingHTTPServer(("127.0.0.1", port), Issuer)
print("bound", flush=True)
server.serve_forever()

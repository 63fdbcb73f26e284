# SPDX-License-Identifier: Apache-2.0
"""A receiver of exports: receiver.py PORT FOLDER [KEY], with TLS where FOLDER/both.pem has a certificate and its key.
Each record that it takes becomes a line of FOLDER/received.  FOLDER/mode says what it does with the next request: ok; a
status and, after it, Retry-After; "longer N", 413 where the body has more than N bytes; stall, no answer; die, and
drop, which takes it first; partial, an answer of success that names a dropped record; long, an answer of a megabyte.
With KEY it takes documents that KEY signed."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import ssl
import sys
import threading
import time

port, folder, key = int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None


def plain(value):
    (kind, inner), = value.items() or (("none", None),)
    if kind == "kvlistValue":
        return {item["key"]: plain(item["value"]) for item in inner["values"]}
    if kind == "arrayValue":
        return [plain(item) for item in inner["values"]]
    return int(inner) if kind == "intValue" else inner


def of_otlp(document):
    resource, = document["resourceLogs"]
    scope, = resource["scopeLogs"]
    for log in scope["logRecords"]:
        attributes = {a["key"]: plain(a["value"]) for a in log["attributes"]}
        assert int(log["timeUnixNano"]) > 0 and log["severityNumber"] in (9, 13)
        yield {"kind": attributes["sluice.record"], "seq": attributes["sluice.sequence"], "record": plain(log["body"])}


def of_webhook(document):
    for item in document["items"]:
        seq = item["seq"] if document["format"] == "native" else item["metadata"]["sequence"]
        assert document["first"] <= seq <= document["last"]
        yield {"kind": document["records"], "seq": seq, "record": item}


def is_signed(headers, body):
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()
    return abs(time.time() - int(headers["webhook-timestamp"])) < 300 and \
        hmac.compare_digest(headers["webhook-signature"], "v1," + mac)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text=b"{}", **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def keep(self, body):
        document = json.loads(body)
        items = of_otlp(document) if "resourceLogs" in document else of_webhook(document)
        about = {"path": self.path, "type": self.headers["Content-Type"], "auth": self.headers["Authorization"],
                 "tenant": self.headers["X-Tenant"], "id": self.headers["webhook-id"], "connection": self.client_address[1]}
        lines = "".join(json.dumps({**about, **item}) + "\n" for item in items)
        with open(folder + "/received", "a") as received:
            received.write(lines)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode, *more = open(folder + "/mode").read().split()
        with open(folder + "/asked", "a") as asked:
            asked.write(f"{time.time()} {mode} {len(body)}\n")
        if key and not is_signed(self.headers, body):
            return self.answer(403, b"not signed")
        if mode.isdigit():
            return self.answer(int(mode), b"not\x1b[31m now\xff", **({"Retry_After": more[0]} if more else {}))
        if mode == "longer" and len(body) > int(more[0]):
            return self.answer(413, b"too long")
        if mode == "stall":
            return threading.Event().wait(60)
        if mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        self.keep(body)
        if mode == "drop":
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "partial":
            return self.answer(200, b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}')
        self.answer(200, b"x" * 1000000 if mode == "long" else b"{}")

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


server = Server(("127.0.0.1", port), Handler)
if os.path.exists(folder + "/both.pem"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/both.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("up", flush=True)
server.serve_forever()

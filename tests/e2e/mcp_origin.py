# SPDX-License-Identifier: Apache-2.0
"""An MCP server over streamable HTTP, within TLS:

    mcp_origin.py ADDRESS PORT COUNT-FILE CERTIFICATE-AND-KEY GATE

It has the tools read_status, submit_report and drop_all, and answers POST with JSON, below /sse with
server-sent events.  GET opens a stream with one event, and a second one once the file GATE is there.
It appends "METHOD PATH RPC-METHOD TOOL" of each request to COUNT-FILE and writes "up" when it
listens."""
import http.server
import json
import os
import socketserver
import ssl
import sys
import time

address, port, counts, both, gate = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
TOOLS = [{"name": name, "description": "It says \u00e9.", "inputSchema": {"type": "object", "maximum": 12345678901234567890}}
         for name in ("read_status", "submit_report", "drop_all")]


def result_of(call):
    method, params = call.get("method"), call.get("params") or {}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "called " + params["name"]}]}
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "origin", "version": "1"}}
    return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def note(self, call):
        params = call.get("params") or {}
        with open(counts, "a") as out:
            out.write(f"{self.command} {self.path} {call.get('method', '-')} {params.get('name', '-')}"
                      f" {self.headers.get('Accept-Encoding', '-')}\n")

    def start(self, kind, length):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Mcp-Session-Id", "s1")
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def chunk(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text.encode()), text.encode()))
        self.wfile.flush()

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.note(call)
        if "id" not in call:
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result_of(call)})
        if self.path.startswith("/sse"):
            self.start("text/event-stream", None)
            self.chunk(": hello\r\n\r\nevent: message\r\nid: 7\r\n")
            self.chunk("data: " + answer + "\r\n\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.start("application/json", len(answer))
            self.wfile.write(answer.encode())

    def do_GET(self):
        self.note({})
        self.start("text/event-stream", None)
        request = {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "Which?"}}
        self.chunk("data: " + json.dumps(request) + "\n\n")
        while not os.path.exists(gate):
            time.sleep(0.02)
        self.chunk("data: second\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def do_DELETE(self):
        self.note({})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 128                        # connections that come at once
    daemon_threads = True

    def finish_request(self, request, client):
        try:
            super().finish_request(context.wrap_socket(request, server_side=True), client)
        except OSError:
            pass


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(both)
server = Server((address, port), Handler)
print("up", flush=True)
server.serve_forever()

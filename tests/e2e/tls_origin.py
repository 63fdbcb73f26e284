# SPDX-License-Identifier: Apache-2.0
"""An origin that speaks HTTP, within TLS where it has a certificate:

    tls_origin.py ADDRESS PORT COUNT-FILE [CERTIFICATE-AND-KEY [FOLDER]]

It answers each request with a line "METHOD TARGET", keeps connections alive and appends the line to
COUNT-FILE, with the number of the connection.  With FOLDER, GET answers with its files.  It writes
"up" when it listens."""
import http.server
import itertools
import os
import socketserver
import ssl
import sys

address, port, counts = sys.argv[1], int(sys.argv[2]), sys.argv[3]
folder = sys.argv[5] if len(sys.argv) > 5 else None
numbers = itertools.count(1)


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.number = next(numbers)

    def note(self):
        with open(counts, "a") as out:
            out.write(f"{self.number} {self.command} {self.path}\n")

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.note()
        body = f"{self.command} {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if folder:
            self.note()
            super().do_GET()
        else:
            self.answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 128                        # connections that come at once
    daemon_threads = True
    context = None

    def finish_request(self, request, client):
        if self.context:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client)

    def handle_error(self, request, client):
        pass                                        # a client that does not trust the certificate


if folder:
    os.chdir(folder)
server = Server((address, port), Handler)
if len(sys.argv) > 4 and sys.argv[4]:
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(sys.argv[4])
print("up", flush=True)
server.serve_forever()

# SPDX-License-Identifier: Apache-2.0
"""An origin that writes down all that it gets and says nothing of it:

    credential_origin.py ADDRESS PORT FILE CERTIFICATE-AND-KEY

Each whole request becomes a line of JSON in FILE: target, fields, body.  It writes "up" when it listens."""
import http.server
import json
import socketserver
import ssl
import sys

address, port, path, certificate = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def answer(self):
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        length = int(self.headers.get("Content-Length") or 0)
        body = b"".join(self.chunks()) if chunked else self.rfile.read(length)
        if len(body) < length:
            return                                  # the connection broke: that is no request
        with open(path, "a") as out:
            json.dump({"target": self.path, "fields": {k.lower(): v for k, v in self.headers.items()},
                       "body": body.decode("latin-1")}, out)
            out.write("\n")
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client):
        pass


server = Server((address, port), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("up", flush=True)
server.serve_forever()

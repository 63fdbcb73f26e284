#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# echo_origin.py ADDRESS PORT: answers each request with its headers and its body; a path names the answer to
# /answer/WORD.  One line on stdout when it listens.
import http.server
import sys


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = str(self.headers).encode() + body
        if self.path.startswith("/answer/"):
            text = self.path.removeprefix("/answer/").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server((sys.argv[1], int(sys.argv[2])), Echo)
print("listening", flush=True)
server.serve_forever()

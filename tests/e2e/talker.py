# SPDX-License-Identifier: Apache-2.0
"""talker.py ADDRESS PORT: a server that speaks first and repeats each line that it hears."""
import socketserver
import sys


class Talker(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 ready\n")
        for line in self.rfile:
            self.wfile.write(b"heard " + line)


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128                        # connections that come at once
    allow_reuse_address = True
    daemon_threads = True


with Server((sys.argv[1], int(sys.argv[2])), Talker) as server:
    print("bound", flush=True)
    server.serve_forever()

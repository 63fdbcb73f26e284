# SPDX-License-Identifier: Apache-2.0
"""A server of Git repositories over HTTPS, as git http-backend serves them:

    git_origin.py ADDRESS PORT CERTIFICATE-AND-KEY FOLDER

Anybody may read and push every repository in FOLDER.  It writes "up" when it listens."""
import http.server
import os
import ssl
import subprocess
import sys
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=sys.argv[4], GIT_HTTP_EXPORT_ALL="1", REMOTE_USER="anybody",
            PATH_INFO=url.path, QUERY_STRING=url.query, REQUEST_METHOD=self.command,
            CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=True)
        head, answer = done.stdout.split(b"\r\n\r\n", 1)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = serve

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128                        # connections that come at once
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request, client_address):
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request, client_address):
        pass                                        # a client that does not trust the certificate


server = Server((sys.argv[1], int(sys.argv[2])), Handler)
server.context.load_cert_chain(sys.argv[3])
print("up", flush=True)
server.serve_forever()

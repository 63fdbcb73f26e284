# SPDX-License-Identifier: Apache-2.0
"""A server of OAuth tokens: token_origin.py HOST PORT FILE.  What it is asked becomes a line of FILE; the
first answer is a refusal, the next ones give tokens that are numbered."""
import http.server
import json
import sys

asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global asked
        asked += 1
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[3], "a") as seen:
            seen.write(form + "\n")
        answer = {"error": "invalid_grant", "error_description": form} if asked == 1 else \
            {"access_token": f"at-{asked}", "expires_in": 3600, "refresh_token": f"rt-{asked}"}
        text = json.dumps(answer).encode()
        self.send_response(400 if asked == 1 else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
print("up", flush=True)
server.serve_forever()

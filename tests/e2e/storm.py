# SPDX-License-Identifier: Apache-2.0
"""storm.py SOCKET PID CONFIG COUNT CHAIN...: has a gateway reload its chain COUNT times, from each CHAIN in
turn, which takes the place of CONFIG; each seventh time by SIGHUP.  A reload is over before the next begins.
Prints which chain has which digest: {"DIGEST": "CHAIN", ...}."""
import http.client
import json
import os
import shutil
import signal
import socket
import sys


class Gateway(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def digest(self, method, path):
        self.request(method, path)
        answer = self.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            sys.exit(f"{method} {path} answered {answer.status}: {body}")
        return json.loads(body)["digest"]


def put(chain, config):
    shutil.copyfile(chain, config + ".new")
    os.replace(config + ".new", config)


def main(path, pid, config, count, *chains):
    gateway, digests = Gateway(path), {}
    for i in range(int(count)):
        chain = chains[i % len(chains)]
        put(chain, config)
        if i % 7 == 6 and chain in digests:
            os.kill(int(pid), signal.SIGHUP)
            while gateway.digest("GET", "/v1/plugins") != digests[chain]:
                pass
        else:
            digest = gateway.digest("POST", "/v1/plugins/reload")
            if digests.setdefault(chain, digest) != digest:
                sys.exit(f"reload {i} of {chain}: digest {digest}, it was {digests[chain]}")
    print(json.dumps({digest: os.path.basename(chain) for chain, digest in digests.items()}))


main(*sys.argv[1:])

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# stamps_origin.py ADDRESS PORT: answers each GET, and counts what its stamps say: the values of the headers
# x-openshell-middleware-first and -second in one text, "-" for one that is missing.  /counts answers with the
# counts so far as JSON.  One line on stdout when it listens.
import asyncio
import collections
import json
import sys

PREFIX = "x-openshell-middleware-"
counts = collections.Counter()


def stamps(head):
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    return " ".join(fields.get(PREFIX + name, "-") for name in ("first", "second"))


class Origin(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.bytes = transport, b""

    def data_received(self, data):
        self.bytes += data
        while b"\r\n\r\n" in self.bytes:
            head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
            self.answer(head.decode())

    def answer(self, head):
        body = b"ok"
        if head.startswith("GET /counts "):
            body = json.dumps(counts).encode()
        else:
            counts[stamps(head)] += 1
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def serve():
    server = await asyncio.get_running_loop().create_server(Origin, sys.argv[1], int(sys.argv[2]), backlog=128)
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(serve())

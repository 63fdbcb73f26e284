# SPDX-License-Identifier: Apache-2.0
"""A gateway whose answers have no end: endless_gateway.py SOCKET KIND.  Writes "ready" to stdout."""
import socket
import sys

PART = 256 * 1024
CHUNK = b"%x\r\n" % PART + b"[" * PART + b"\r\n"
BEGIN = {                                           # KIND: how the answer begins, and what is repeated
    "body": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK),
    "untilclose": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b"[" * PART),
    "announced": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n", b"[" * PART),
    "refusal": (b"HTTP/1.1 422 No\r\nContent-Type: application/problem+json\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK),
    "line": (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK),
    "header": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 4096),
    "field": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * PART),
    "refused": (b"HTTP/1.1 422 No\r\n\r\n", b"[" * PART),
}


def main(path, kind):
    begin, part = BEGIN[kind]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    print("ready", flush=True)
    while True:
        peer, _ = listener.accept()
        peer.recv(65536)
        try:
            peer.sendall(begin)
            while True:
                peer.sendall(part)
        except OSError:
            pass
        peer.close()


main(sys.argv[1], sys.argv[2])

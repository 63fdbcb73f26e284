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
    # These end, but are read by no simple reader of lines.
    "chunks": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 No\r\ncontent-type: application/problem+json\r\n"
               b"transfer-encoding: chunked\r\n\r\nf\r\n{\"detail\":\"what\r\n"
               b"f\r\n is wrong is x\"\r\n1\r\n}\r\n0\r\n\r\n", b""),
    "escapes": (b"HTTP/1.1 200 \x1b]0;pwned\x07\r\nContent-Length: 2\r\n\r\n{}", b""),
    "noise": (b"HTTP/1.1 101 \r\nUpgrade : sluice-exec\r\n\r\n", b""),
}


def main(path, kind):
    begin, part = BEGIN[kind]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    print("ready", flush=True)
    while True:
        peer, _ = listener.accept()
        request = peer.recv(65536)
        try:
            if kind == "line" and request.startswith(b"GET /v1/sandboxes/demo HTTP"):
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            else:
                peer.sendall(begin)
                while part:
                    peer.sendall(part)
        except OSError:
            pass
        peer.close()


main(sys.argv[1], sys.argv[2])

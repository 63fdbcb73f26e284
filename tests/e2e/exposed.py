# SPDX-License-Identifier: Apache-2.0
"""A service in a sandbox, for tests/security/services.bats: exposed.py PORT.

Its answers try what a hostile one can: bytes without end, a head without end, two lengths, a switch of protocols that nobody
asked for, cookies and fields that are not its own.  /ws is a WebSocket's echo without its frames.  It prints "bound", and then
the head of each request."""
import socket
import sys
import threading


def serve(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    print(head.decode("latin-1").replace("\r\n", " | "), flush=True)
    path = head.split()[1]
    try:
        ANSWERS.get(path, plain)(client, rest)
    except OSError:
        pass
    finally:
        client.close()


def plain(client, rest):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: X-Secret\r\nX-Secret: hop\r\nStrict-Transport-Security: max-age=9\r\n"
                   b"Set-Cookie: wide=1; dOmAiN = localhost\r\nSet-Cookie: own=1\r\nX-Own: yes\r\n\r\nhello")


def endless(client, rest):
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        client.sendall(b"x" * 65536)


def endless_head(client, rest):
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.sendall(b"X-A: " + b"x" * 60000 + b"\r\n")


def two_lengths(client, rest):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")


def switch(client, rest):
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw")


def websocket(client, rest):
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: yes\r\n\r\nready")
    while data := client.recv(65536):
        client.sendall(data)


def short(client, rest):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def silent(client, rest):
    client.recv(1)


ANSWERS = {b"/endless": endless, b"/head": endless_head, b"/lengths": two_lengths, b"/switch": switch, b"/ws": websocket, b"/short": short,
           b"/silent": silent}
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
print("bound", flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

# SPDX-License-Identifier: Apache-2.0
"""Held requests, measured (agent.sh).

Outside of the sandbox:
    agent.py approve SOCKET SANDBOX N     is the origin, approves N held requests one after another and
                                          prints how long each took from the call to the origin
    agent.py expire SOCKET SANDBOX N      is the origin, approves N held tunnels for 300 ms each and prints
                                          how long after its end each was closed
    agent.py waiting SOCKET SANDBOX N     returns when N requests wait
In the sandbox:
    agent.py ask N                        sends N requests, each when the one before is answered
    agent.py open N                       opens N tunnels, each when the one before is closed
    agent.py tunnels N                    asks for N tunnels at once, and waits
    agent.py requests N                   sends N requests at once, of which two are the same each, as a
                                          sandbox has 500 chunks at most; and waits"""
import datetime
import http.client
import json
import os
import socket
import sys
import threading
import time

ORIGIN = ("10.77.0.2", 8091)
TUNNELS = ("10.77.0.2", 8092)


class Gateway(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, target, body=None):
        self.request(method, target, json.dumps(body) if body else None,
                     {"Content-Type": "application/json"} if body else {})
        answer = json.loads(self.getresponse().read())
        self.close()                                # the gateway ends those that are idle
        return answer


def held(path, sandbox):
    """The event held of the sandbox, one after another."""
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(path)
    stream.sendall(f"GET /v1/events?sandbox={sandbox} HTTP/1.1\r\nHost: localhost\r\n"
                   "Last-Event-ID: 0\r\n\r\n".encode())
    kind = None
    for line in stream.makefile():
        if line.startswith("event: "):
            kind = line[7:].strip()
        elif line.startswith("data: ") and kind == "held":
            yield json.loads(line[6:])


def serve(arrived):
    listener = socket.create_server(ORIGIN, backlog=64)
    while True:
        client, _ = listener.accept()
        head = client.recv(65536)
        arrived[head.split(b" ")[1].decode()] = time.monotonic()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.close()


def approve(path, sandbox, n):
    arrived, times = {}, []
    threading.Thread(target=serve, args=(arrived,), daemon=True).start()
    gateway = Gateway(path)
    for event in held(path, sandbox):
        if event["waiting"] == 0 or event["path"] in arrived:
            continue
        chunk = gateway.ask("GET", f"/v1/sandboxes/{sandbox}/drafts/{event['draft']}")
        begun = time.monotonic()
        gateway.ask("POST", f"/v1/sandboxes/{sandbox}/drafts/{event['draft']}/approve",
                    {"review_token": chunk["review_token"]})
        while event["path"] not in arrived:
            time.sleep(0.0001)
        times.append(1000 * (arrived[event["path"]] - begun))
        if len(times) == n:
            break
    print_times(times)


def print_times(times):
    n = len(times)
    times.sort()
    print(f"p50 {times[(n - 1) // 2]:.1f} ms  p99 {times[(n * 99 - 1) // 100]:.1f} ms (n {n})")


def expire(path, sandbox, n):
    listener, times, seen = socket.create_server(TUNNELS), [], set()
    gateway = Gateway(path)
    for event in held(path, sandbox):
        if event["waiting"] == 0 or event["draft"] in seen:
            continue
        seen.add(event["draft"])
        draft = f"/v1/sandboxes/{sandbox}/drafts/{event['draft']}"
        token = gateway.ask("GET", draft)["review_token"]
        gateway.ask("POST", f"{draft}/approve", {"review_token": token, "grant": {"for": "300ms"}})
        client, _ = listener.accept()
        end = datetime.datetime.fromisoformat(gateway.ask("GET", draft)["grant"]["expires_at"].replace("Z", "+00:00"))
        client.recv(1)                              # nothing comes but the end
        times.append(1000 * (time.time() - end.timestamp()))
        client.close()
        if len(times) == n:
            break
    print_times(times)


def waiting(path, sandbox, n):
    gateway = Gateway(path)
    while True:
        time.sleep(0.5)
        total, target = 0, f"/v1/sandboxes/{sandbox}/drafts"
        page = gateway.ask("GET", target)
        total = sum(chunk["waiting"] for chunk in page["chunks"])
        while "next" in page:
            page = gateway.ask("GET", f"{target}?after={page['next']}")
            total += sum(chunk["waiting"] for chunk in page["chunks"])
        if total >= n:
            return


def proxy():
    return socket.create_connection(("10.200.0.1", 3128))


def head(i, method="GET"):
    return (f"{method} http://10.77.0.2:8091/{i} HTTP/1.1\r\nHost: 10.77.0.2:8091\r\n"
            "User-Agent: curl/7.88.1\r\nAccept: */*\r\nProxy-Connection: Keep-Alive\r\n\r\n").encode()


def ask(n):
    for i in range(n):
        connection = proxy()
        connection.sendall(head(i))
        connection.recv(65536)


def open_tunnels(n):
    for _ in range(n):
        connection = proxy()
        connection.sendall(b"CONNECT 10.77.0.2:8092 HTTP/1.1\r\nHost: 10.77.0.2:8092\r\n\r\n")
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass


def at_once(n, text):
    """In processes of 250 each, as a program of a sandbox has few descriptors."""
    connections, first = [], 0
    while n - first > 250 and os.fork():
        first += 250
    for i in range(first, min(first + 250, n)):
        connections.append(proxy())
        connections[-1].sendall(text(i))
    for connection in connections:
        connection.recv(65536)


kind, rest = sys.argv[1], sys.argv[2:]
if kind == "approve":
    approve(rest[0], rest[1], int(rest[2]))
elif kind == "expire":
    expire(rest[0], rest[1], int(rest[2]))
elif kind == "open":
    open_tunnels(int(rest[0]))
elif kind == "waiting":
    waiting(rest[0], rest[1], int(rest[2]))
elif kind == "ask":
    ask(int(rest[0]))
elif kind == "tunnels":
    at_once(int(rest[0]), lambda i: b"CONNECT 10.77.0.2:9 HTTP/1.1\r\nHost: 10.77.0.2:9\r\n\r\n")
elif kind == "requests":
    at_once(int(rest[0]), lambda i: head(i // 2))
os._exit(0)

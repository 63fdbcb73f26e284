# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and the gateway, and stops at one stage of the conversation:

    stage_proxy.py OWN-SOCKET GATEWAY-SOCKET before|after METHOD PATH-SUFFIX

Before: the request was read and is not passed on yet.  After: its answer has begun and is not passed
on yet.  There it writes "at" to stdout, and goes on when a line comes on stdin.  First it writes "up"."""
import select
import socket
import sys
import threading

own, gateway, when, method, suffix = sys.argv[1:]


def stop():
    print("at", flush=True)
    sys.stdin.readline()


def pump(client, server, ours):
    answered = False
    while True:
        ready, _, _ = select.select([client, server], [], [])
        for end in ready:
            data = end.recv(65536)
            if not data:
                return
            if end is server and ours and when == "after" and not answered:
                answered = True
                stop()
            (server if end is client else client).sendall(data)


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            client.close()
            return
        head += data
    words = head.decode("latin-1").split()
    ours = words[0] == method and words[1].endswith(suffix)
    if ours and when == "before":
        stop()
    server = socket.socket(socket.AF_UNIX)
    server.connect(gateway)
    try:
        server.sendall(head)
        pump(client, server, ours)
    except OSError:
        pass
    server.close()
    client.close()


listener = socket.socket(socket.AF_UNIX)
listener.bind(own)
listener.listen(8)
print("up", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

# SPDX-License-Identifier: Apache-2.0
"""A connection by OpenShell's ForwardTcp, with a stock gRPC client: standard input goes there, and
what comes back to standard output.

    openshell_forward.py GATEWAY SANDBOX TOKEN ssh|HOST:PORT [WORKSPACE]

GATEWAY is what gRPC calls a target; GATEWAY_TOKEN of the environment says who asks.  Where the call fails, code and text are on standard error."""
import os
import queue
import sys
import threading

import grpc

gateway, sandbox, token, to = sys.argv[1:5]
workspace = sys.argv[5] if sys.argv[5:] else ""


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content if content or number == 5 else b""


def target():
    if to == "ssh":
        return field(5, b"")
    host, port = to.rsplit(":", 1)
    return field(6, field(1, host.encode()) + b"\x10" + varint(int(port)))


def frames():
    yield field(1, field(1, sandbox.encode()) + field(3, workspace.encode()) + target() + field(7, token.encode()))
    while True:
        data = os.read(0, 16384)
        if not data:
            return
        yield field(2, data)


def data_of(frame):
    at = 1
    while frame[at] & 128:
        at += 1
    assert frame[0] == 2 << 3 | 2
    return frame[at + 1:]


def write_all(data):
    while data:
        data = data[os.write(1, data):]


def feed(waiting):                                  # gRPC asks for the next frame in a thread that may not block
    for frame in frames():
        waiting.put(frame)
    waiting.put(None)


waiting = queue.Queue(16)
threading.Thread(target=feed, args=(waiting,), daemon=True).start()
try:
    call = grpc.insecure_channel(gateway).stream_stream("/openshell.v1.OpenShell/ForwardTcp")
    bearer = os.environ.get("GATEWAY_TOKEN")
    who = [("authorization", "Bearer " + bearer)] if bearer else None
    for frame in call(iter(waiting.get, None), timeout=120, metadata=who):
        write_all(data_of(frame))
except grpc.RpcError as error:
    print(error.code().name, error.details(), file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)
os._exit(0)

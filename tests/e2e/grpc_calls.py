# SPDX-License-Identifier: Apache-2.0
"""Calls of a stock gRPC client to the gateway, each told on a line of its own:

    grpc_calls.py TARGET CALL...

CALL is check, gzip, unknown (a service), missing (a method), long (a message), bomb (one that
inflates to too much), watch (until it is cancelled), deadline (of a watch), many (a thousand calls
at once on one connection), streams (a hundred watches on it, and a call beside them).  With TOKEN in
the environment each call has it."""
import os
import sys

import grpc

HEALTH = "/grpc.health.v1.Health/"
channel = grpc.insecure_channel(sys.argv[1])
metadata = [("authorization", "Bearer " + os.environ["TOKEN"])] if "TOKEN" in os.environ else []


def unary(name, path, message=b"", **options):
    try:
        print(name, channel.unary_unary(path)(message, timeout=60, metadata=metadata, **options).hex())
    except grpc.RpcError as error:
        print(name, error.code().name, error.details())


def watch(timeout=60):
    return channel.unary_stream(HEALTH + "Watch")(b"", timeout=timeout, metadata=metadata)


def cancelled():
    call = watch()
    print("watch", next(call).hex())
    call.cancel()
    print("watch", call.code().name)


def deadline():
    call = watch(0.2)
    try:
        for message in call:
            print("deadline", message.hex())
    except grpc.RpcError as error:
        print("deadline", error.code().name)


def refused():
    try:
        next(watch())
    except grpc.RpcError as error:
        print("watch", error.code().name)


def many():
    waiting = [channel.unary_unary(HEALTH + "Check").future(b"", timeout=60) for _ in range(1000)]
    print("many", sum(each.result() == b"\x08\x01" for each in waiting))


def streams():
    calls = [watch() for _ in range(99)]
    print("streams", sum(next(call) == b"\x08\x01" for call in calls))
    unary("beside", HEALTH + "Check")
    for call in calls:
        call.cancel()


def services(version):
    """What the reflection service lists, that it has the descriptor of OpenShell's service, and of no other."""
    asked = iter([b"\x3a\x01*", b"\x22\x15grpc.health.v1.Health", b"\x22\x16openshell.v1.OpenShell",
                  b"\x1a\x0fopenshell.proto"])
    call = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
    listed, none, service, file = call(asked, timeout=60, metadata=metadata)
    print(version, b"grpc.health.v1.Health" in listed, listed.count(b"openshell.v1.OpenShell"),
          b"openshell.v1 alone" in none, b"WatchSandbox" in service and b"PolicyMergeOperation" in file)


GZIP = grpc.Compression.Gzip
CALLS = {
    "services": lambda: services("v1"),
    "services-alpha": lambda: services("v1alpha"),
    "check": lambda: unary("check", HEALTH + "Check"),
    "gzip": lambda: unary("gzip", HEALTH + "Check", b"\x0a\x15grpc.health.v1.Health", compression=GZIP),
    "unknown": lambda: unary("unknown", "/some.Service/Call"),
    "missing": lambda: unary("missing", HEALTH + "List"),
    "long": lambda: unary("long", HEALTH + "Check", b"x" * 5000),
    "bomb": lambda: unary("bomb", HEALTH + "Check", b"\0" * 3000000, compression=GZIP),
    "watch": cancelled,
    "refused": refused,
    "deadline": deadline,
    "many": many,
    "streams": streams,
}
for call in sys.argv[2:]:
    CALLS[call]()

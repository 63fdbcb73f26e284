# SPDX-License-Identifier: Apache-2.0
"""One call of OpenShell's gRPC service by a stock gRPC client:

    openshell_call.py TARGET READER WIRE METHOD [JSON [ANSWERS]]

READER is the program message_reader, which turns JSON into messages and back; WIRE is texts (0.0.x)
or enums (0.1.x).  Each answer is printed as JSON on a line of its own, at most ANSWERS of a stream;
then, where the call failed, its code and text.  TOKEN of the environment says who asks."""
import os
import subprocess
import sys

import grpc

target, reader, wire, method = sys.argv[1:5]
request = sys.argv[5] if len(sys.argv) > 5 else "{}"
most = int(sys.argv[6]) if sys.argv[6:] and sys.argv[6] else None
ANSWERS = {"ExposeService": "ServiceEndpointResponse", "GetService": "ServiceEndpointResponse",
           "ExecSandbox": "ExecSandboxEvent", "ExecSandboxInteractive": "ExecSandboxEvent",
           "WatchSandbox": "SandboxStreamEvent", "CreateSandbox": "SandboxResponse",
           "GetSandbox": "SandboxResponse", "StopSandbox": "SandboxResponse",
           "StartSandbox": "SandboxResponse"}
REQUESTS = {"ExecSandboxInteractive": "ExecSandboxInput"}
STREAMS = {"ExecSandbox", "WatchSandbox"}


def ask(line):
    run = subprocess.run([reader], input=line + "\n", capture_output=True, text=True, check=True)
    answer = run.stdout.rstrip("\n")
    if answer.startswith("refused"):
        sys.exit(answer)
    return answer


def encode(json):
    json = json.replace("\n", " ")
    return bytes.fromhex(ask(f"encode {REQUESTS.get(method, method + 'Request')} {wire} {json}"))


def show(message):
    print(ask(f"decode {ANSWERS.get(method, method + 'Response')} {message.hex()}"), flush=True)


channel = grpc.insecure_channel(target)
path = f"/openshell.v1.OpenShell/{method}"
who = [("authorization", "Bearer " + os.environ["TOKEN"])] if os.environ.get("TOKEN") else None
try:
    if method in REQUESTS:                          # a message a line
        inputs = iter([encode(line) for line in request.splitlines()])
        for i, message in enumerate(channel.stream_stream(path)(inputs, timeout=60, metadata=who)):
            show(message)
    elif method in STREAMS:
        stream = channel.unary_stream(path)(encode(request), timeout=60, metadata=who)
        for i, message in enumerate(stream, 1):
            show(message)
            if i == most:
                stream.cancel()
                break
    else:
        show(channel.unary_unary(path)(encode(request), timeout=60, metadata=who))
except grpc.RpcError as error:
    print(error.code().name, error.details())

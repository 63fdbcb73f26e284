# SPDX-License-Identifier: Apache-2.0
"""Watches a sandbox and does not read: watch_unread.py TARGET READER SANDBOX MARK.  Writes "ready" after the first
message, waits for a line of stdin, then reads up to a message with MARK and writes how many bytes came by then."""
import subprocess
import sys

import grpc

target, reader, sandbox, mark = sys.argv[1:]
json = '{"sandbox": "%s", "follow_status": true}' % sandbox
encoded = subprocess.run([reader], input=f"encode WatchSandboxRequest texts {json}\n", capture_output=True, text=True, check=True)
# A window that does not grow with what comes.
channel = grpc.insecure_channel(target, options=[("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)])
stream = channel.unary_stream("/openshell.v1.OpenShell/WatchSandbox")(bytes.fromhex(encoded.stdout), timeout=170)
next(stream)
print("ready", flush=True)
sys.stdin.readline()
total = 0
for message in stream:
    total += len(message)
    if mark.encode() in message:
        break
print(total, flush=True)

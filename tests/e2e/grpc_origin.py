# SPDX-License-Identifier: Apache-2.0
"""A gRPC server whose messages are bytes:

    grpc_origin.py ADDRESS PORT [CERTIFICATE KEY]

Without a certificate it speaks HTTP/2 without TLS.  It writes "up" when it listens.
    /test.Service/Echo      answers with what it was sent
    /test.Service/Fail      ends with FAILED_PRECONDITION and a text
    /test.Service/Watch     a number every 50 ms, without end; /test.Service/Feed likewise
    /test.Service/Chat      a stream each way: an answer for each message"""
import sys
import time
from concurrent import futures

import grpc


def fail(request, context):
    context.set_trailing_metadata((("why", "test"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: 100 %")


def count(request, context):
    n = 0
    while context.is_active():
        n += 1
        yield str(n).encode()
        time.sleep(0.05)


def chat(requests, context):
    for request in requests:
        yield b"you said " + request


service = grpc.method_handlers_generic_handler("test.Service", {
    "Echo": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
    "Drop": grpc.unary_unary_rpc_method_handler(lambda request, context: b"dropped"),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Watch": grpc.unary_stream_rpc_method_handler(count),
    "Feed": grpc.unary_stream_rpc_method_handler(count),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
})
server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
server.add_generic_rpc_handlers((service,))
place = f"{sys.argv[1]}:{sys.argv[2]}"
if len(sys.argv) > 3:
    pair = [open(name, "rb").read() for name in (sys.argv[4], sys.argv[3])]
    server.add_secure_port(place, grpc.ssl_server_credentials([pair]))
else:
    server.add_insecure_port(place)
server.start()
print("up", flush=True)
server.wait_for_termination()

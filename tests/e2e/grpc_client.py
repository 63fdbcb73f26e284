# SPDX-License-Identifier: Apache-2.0
"""Calls of a stock gRPC client, one after the other on one channel, each told on a line of its own:

    grpc_client.py TARGET tls|plain CALL...

CALL is Echo, Drop, Fail, Missing, Chat, Many (fifty Echos at once), or Both: Watch and Feed at the
same time, with a line whenever one begins or ends, and the end after "Watch goes on"."""
import sys
import threading

import grpc

target, security = sys.argv[1:3]
if security == "tls":
    with open("/etc/sluice-tls/ca-bundle.pem", "rb") as file:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))
else:
    channel = grpc.insecure_channel(target)


def say(*words):
    print(*words, flush=True)


def call(name):
    return channel.unary_unary(f"/test.Service/{name}")


def one(name):
    try:
        answer, end = call(name).with_call(b"hello" * 20000, timeout=60)
        say(name, end.code().name, len(answer))
    except grpc.RpcError as error:
        say(name, error.code().name, error.details(), dict(error.trailing_metadata() or ()).get("why"))


def many():
    waiting = [call("Echo").future(str(i).encode(), timeout=60) for i in range(50)]
    say("Many", sum(int(each.result()) for each in waiting))


def chat():
    answers = channel.stream_stream("/test.Service/Chat")(iter([b"a", b"b"]), timeout=60)
    say("Chat", b", ".join(answers).decode())


def watch(name, ended, others_end):
    stream = channel.unary_stream(f"/test.Service/{name}")(b"")
    after = 0
    try:
        for number in stream:
            if number == b"1":
                say(name, "began")
            after += others_end.is_set()
            if after == 3:
                say(name, "goes on")
                return
    except grpc.RpcError as error:
        say(name, "ended", error.code().name)
    finally:
        ended.set()


def both():
    ends = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=watch, args=("Watch", ends[0], ends[1])),
               threading.Thread(target=watch, args=("Feed", ends[1], ends[0]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for name in sys.argv[3:]:
    {"Many": many, "Chat": chat, "Both": both}.get(name, lambda: one(name))()

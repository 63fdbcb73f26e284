# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that sends back what it gets:

    websocket_server.py ADDRESS PORT LOG [CERTIFICATE-AND-KEY]

It appends "text TEXT", "binary LENGTH" and "closed CODE REASON" to LOG, and "extensions NAMES" for
each connection.  It writes "up" when it listens."""
import asyncio
import ssl
import sys

import websockets

address, port, log = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def note(line):
    with open(log, "a") as out:
        out.write(line + "\n")


async def echo(socket):
    note("extensions " + " ".join(e.name for e in socket.extensions))
    try:
        async for message in socket:
            note(f"text {message}" if isinstance(message, str) else f"binary {len(message)}")
            await socket.send(message)
    except websockets.ConnectionClosedError:
        pass
    note(f"closed {socket.close_code} {socket.close_reason}")


async def main():
    context = None
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4])
    async with websockets.serve(echo, address, port, ssl=context, max_size=None):
        print("up", flush=True)
        await asyncio.Future()


asyncio.run(main())

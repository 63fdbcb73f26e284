# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that sends back what it gets, by HTTP/2 (RFC 8441) and HTTP/1.1 within TLS:

    websocket_http2_server.py ADDRESS PORT LOG CERTIFICATE KEY

It appends "HTTP-VERSION text TEXT" and "closed CODE" to LOG."""
import asyncio
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

address, port, log, certificate, key = sys.argv[1:]


def note(line):
    with open(log, "a") as out:
        out.write(line + "\n")


async def echo(scope, receive, send):
    if scope["type"] != "websocket":
        return
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            note(f"{scope['http_version']} text {event['text']}")
            await send({"type": "websocket.send", "text": event["text"]})
    note(f"closed {event.get('code')}")


config = Config()
config.bind = [f"{address}:{port}"]
config.certfile, config.keyfile = certificate, key
config.errorlog = None
asyncio.run(serve(echo, config))

# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client:

    websocket_client.py [--proxy] [--compress | --plain] [--wait] URL MESSAGE...

It sends each message and prints the answer; one that begins with "binary:" as bytes, one that begins
with "parts:" in fragments of one character, "long:N" as N letters, of which it prints the number.
--proxy: through the tunnel of http_proxy.  --compress: asks for permessage-deflate without context
takeover; --plain: for no compression; else for what the library asks for.  --wait: waits for the end
after the last answer.  When the connection ends early it prints "closed CODE REASON"; when the
upgrade is refused, "refused STATUS".  It prints the extensions in use first, if there are any."""
import argparse
import asyncio
import os
import socket
import sys
import urllib.parse

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

options = argparse.ArgumentParser()
for name in ("proxy", "compress", "plain", "wait"):
    options.add_argument("--" + name, action="store_true")
options.add_argument("url")
options.add_argument("messages", nargs="*")
options = options.parse_args()
url = urllib.parse.urlsplit(options.url)


def tunnel():
    proxy = urllib.parse.urlsplit(os.environ["http_proxy"])
    host = f"{url.hostname}:{url.port or {'ws': 80, 'wss': 443}[url.scheme]}"
    tube = socket.create_connection((proxy.hostname, proxy.port))
    tube.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += tube.recv(1)
    if b" 200 " not in answer:
        sys.exit(answer.decode())
    tube.setblocking(False)
    return tube


async def talk(end):
    if end.extensions:
        print("extensions", *(e.name for e in end.extensions), flush=True)
    for message in options.messages:
        kind, _, rest = message.partition(":")
        await end.send(rest.encode() if kind == "binary" else list(rest) if kind == "parts"
                       else "x" * int(rest) if kind == "long" else message)
        answer = await end.recv()
        print(len(answer) if kind == "long" else answer, flush=True)
    if options.wait:
        await end.recv()


async def main():
    how = {}
    if options.proxy:
        how["sock"] = tunnel()
        if url.scheme == "wss":
            how["server_hostname"] = url.hostname
    if options.plain or options.compress:
        how["compression"] = None
    if options.compress:
        how["extensions"] = [ClientPerMessageDeflateFactory(client_no_context_takeover=True, client_max_window_bits=None)]
    try:
        async with websockets.connect(options.url, max_size=None, open_timeout=30, **how) as end:
            await talk(end)
    except websockets.ConnectionClosed as closed:
        print("closed", closed.rcvd.code if closed.rcvd else "-", closed.rcvd.reason if closed.rcvd else "")
    except websockets.InvalidStatusCode as refused:
        print("refused", refused.status_code)


asyncio.run(main())

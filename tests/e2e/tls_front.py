# SPDX-License-Identifier: Apache-2.0
"""TLS in front of a Unix socket: tls_front.py ADDRESS PORT CERTIFICATE-AND-KEY SOCKET.  Writes "ready" to stdout."""
import asyncio
import ssl
import sys


async def relay(source, sink):
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    sink.close()


async def main(address, port, certificate, path):
    async def serve(reader, writer):
        inner, outer = await asyncio.open_unix_connection(path)
        await asyncio.gather(relay(reader, outer), relay(inner, writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, address, int(port), ssl=context)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""An MCP server made with the official SDK, over streamable HTTP within TLS:

    mcp_server.py ADDRESS PORT CERTIFICATE KEY

It has the tools read_status, submit_report and drop_all, and writes "up" when it listens."""
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

address, port, certificate, key = sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]
server = MCPServer("origin")


@server.tool()
def read_status() -> str:
    return "all is well"


@server.tool()
def submit_report(text: str) -> str:
    return "got " + text


@server.tool()
def drop_all() -> str:
    return "dropped"


class Announced(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("up", flush=True)


app = server.streamable_http_app(transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False))
Announced(uvicorn.Config(app, host=address, port=port, ssl_certfile=certificate, ssl_keyfile=key, log_level="warning")).run()

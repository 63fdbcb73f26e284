# SPDX-License-Identifier: Apache-2.0
"""WebSockets over one connection of HTTP/2 (RFC 8441), through the tunnel of http_proxy:

    websocket_http2_client.py URL PATH=MESSAGE...

Each path is a stream, opened when it is first named.  Each message is sent when the answer to the one
before it is there; it prints "PATH ANSWER", "PATH closed CODE REASON" or "PATH refused STATUS"."""
import os
import socket
import ssl
import sys
import urllib.parse

import h2.config
import h2.connection
import h2.events
import h2.settings
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

url = urllib.parse.urlsplit(sys.argv[1])
host = f"{url.hostname}:{url.port or 443}"


def connect():
    proxy = urllib.parse.urlsplit(os.environ["http_proxy"])
    tube = socket.create_connection((proxy.hostname, proxy.port), timeout=30)
    tube.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += tube.recv(1)
    if b" 200 " not in answer:
        sys.exit(answer.decode())
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(tube, server_hostname=url.hostname)


class Stream:
    def __init__(self, path, number):
        self.path, self.number, self.status = path, number, None
        self.frames, self.said = Connection(ConnectionType.CLIENT), []

    def take(self, data):
        self.frames.receive_data(data)
        for event in self.frames.events():
            if isinstance(event, TextMessage):
                self.said.append(event.data)
            elif isinstance(event, CloseConnection):
                self.said.append(f"closed {event.code} {event.reason}")


class Client:
    def __init__(self):
        self.socket, self.streams = connect(), {}
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http2.initiate_connection()
        self.until(lambda: self.http2.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL))

    def until(self, condition):
        while not condition():
            self.socket.sendall(self.http2.data_to_send())
            data = self.socket.recv(65536)
            if not data:
                sys.exit("the connection has ended")
            for event in self.http2.receive_data(data):
                self.have(event)
        self.socket.sendall(self.http2.data_to_send())

    def have(self, event):
        stream = next((s for s in self.streams.values() if s.number == getattr(event, "stream_id", None)), None)
        if isinstance(event, h2.events.ResponseReceived):
            stream.status = dict(event.headers)[":status"]
        elif isinstance(event, h2.events.DataReceived):
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream.status == "200":
                stream.take(event.data)
        elif isinstance(event, h2.events.StreamReset):
            stream.said.append(f"reset {event.error_code}")

    def open(self, path):
        stream = self.streams[path] = Stream(path, self.http2.get_next_available_stream_id())
        self.http2.send_headers(stream.number, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", host),
            (":path", path), ("sec-websocket-version", "13")])
        self.until(lambda: stream.status)
        return stream

    def say(self, path, message):
        stream = self.streams.get(path) or self.open(path)
        if stream.status != "200":
            return f"refused {stream.status}"
        self.http2.send_data(stream.number, stream.frames.send(TextMessage(data=message)))
        self.until(lambda: stream.said)
        return stream.said.pop(0)


client = Client()
for argument in sys.argv[2:]:
    path, _, message = argument.partition("=")
    print(path, client.say(path, message), flush=True)

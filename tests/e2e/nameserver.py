# SPDX-License-Identifier: Apache-2.0
"""nameserver.py ADDRESS LOG: a DNS server whose answers depend on the name; each question is a line of LOG.

NAME.silent.test gets no answer, dead.test an address that drops connections before one that works,
every other name below open.test and evil.test the origin, and the rest NXDOMAIN."""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
deaf = socket.socket()
deaf.bind(("10.77.0.7", 8080))
deaf.listen(0)
fill = [socket.socket() for _ in range(8)]
for one in fill:
    one.setblocking(False)
    one.connect_ex(("10.77.0.7", 8080))
print("bound", flush=True)


def read_name(question):
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels), at + 1


def addresses_of(name):
    if name == "dead.test":
        return ["10.77.0.7", "10.77.0.2"]
    return ["10.77.0.2"] if name.endswith((".open.test", ".evil.test")) else None


with open(sys.argv[2], "w", buffering=1, encoding="ascii") as log:
    while True:
        question, client = server.recvfrom(512)
        name, at = read_name(question)
        kind = question[at + 1]
        print(name, "A" if kind == 1 else "AAAA", file=log)
        if name.endswith("silent.test"):
            continue
        found = addresses_of(name)
        listed = found if found and kind == 1 else []
        answer = question[:2] + (b"\x81\x80" if found else b"\x81\x83") + b"\0\1\0" + bytes([len(listed)])
        answer += b"\0\0\0\0" + question[12:at + 4]
        for address in listed:
            answer += b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address)
        server.sendto(answer, client)

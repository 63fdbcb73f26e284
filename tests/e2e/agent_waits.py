# SPDX-License-Identifier: Apache-2.0
"""agent_waits CHUNK: 60 requests at once that wait for a decision.  Says "refused" as soon as 28 of them are refused, and at the
end how many of them were refused and how many got a decision."""
import collections
import select
import socket
import sys

REQUESTS = 60
counts = collections.Counter()
open_ones = []
for i in range(REQUESTS):
    s = socket.create_connection(("10.200.0.1", 3128))
    s.sendall(f"GET http://policy.local/v1/proposals/{sys.argv[1]}/wait?timeout=200 HTTP/1.1\r\nHost: policy.local\r\n\r\n".encode())
    open_ones.append(s)
while open_ones:
    for s in select.select(open_ones, [], [])[0]:
        answer = b""
        while part := s.recv(65536):
            answer += part
        counts[answer.split()[1].decode()] += 1
        open_ones.remove(s)
        if counts["429"] == REQUESTS - 32:
            print("refused", flush=True)
            counts["429"] += REQUESTS                  # said once
print(counts["429"] - REQUESTS, counts["200"], flush=True)

# SPDX-License-Identifier: Apache-2.0
"""A gateway that answers every request with the same document, each text of which tries to take over
the terminal.  Writes "ready", then every request that it gets, to stdout."""
import json
import socket
import sys

TEXT = ("E\x1b]0;pwned\x07 C1\x9b31m DEL\x7f BS\x08\x08 CR\rsluice: forged LF\nsluice: forged "
        "RLO\u202egnp ISO\u2066x LS\u2028PS\u2029 ZW\u200b TAG\U000e0041 VS\ufe0f SHY\u00ad BOM\ufeff ALM\u061c IA\ufff9")


LINE = TEXT.replace("\n", " ")                      # where a line is the gateway's own


def document():
    texts = """name id title detail phase network error host path message code verdict voter version level outcome summary
        rationale security_notes status source rule_name would_be decided_by decided_at reason first_seen last_seen sandbox
        policy_hash hash created_at at started_at kind why key before after relation example head isolation type actor_name
        time text event warning author reviewer doc_path via role by""".split()
    one = {t: TEXT for t in texts}
    one |= {"labels": {TEXT: TEXT}, "actor": {"name": TEXT, "role": TEXT}, "revision": 7, "hits": 3, "confidence": 0.5}
    rule = {"endpoints": [one | {"ports": [443], "protocol": TEXT}], "binaries": [one], "name": TEXT}
    lists = "votes errors warnings sandboxes chunks decisions revisions voters events skipped notes history facts lost gained".split()
    full = dict(one)
    for name in lists:
        full[name] = [one | {"rule": rule, "votes": [one], "policy": {TEXT: TEXT}, "effect": {"relation": TEXT, "lost": [one], "gained": [one]}}]
    full["policy"] = {"network_policies": {TEXT: rule}}
    full["rule"] = rule
    full["effect"] = {"relation": TEXT, "lost": [one], "gained": [one]}
    return full


def answer(status, head):
    body = {} if status == 202 else document()      # 202 lacks all that is asked for
    if "/events" in head:
        return "text/event-stream", f"event: x{LINE}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n"
    if "/logs" in head:
        return "text/plain", f"2026-01-01T00:00:00Z info {LINE}\n"
    if "application/yaml" in head:
        return "application/yaml", f"version: 1\nx: \"{LINE}\"\n"
    if status == 599:
        return "text/plain", TEXT
    return "application/problem+json" if status >= 400 else "application/json", json.dumps(body | {"status": status}, ensure_ascii=False)


def main(path, status):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    print("ready", flush=True)
    while True:
        peer, _ = listener.accept()
        head = peer.recv(65536).decode("latin-1")
        print(head, flush=True)
        kind, text = answer(status, head)
        body = text.encode()
        reply = f"HTTP/1.1 {200 if status == 202 else status} E\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        try:
            peer.sendall(reply.encode() + body)
        except OSError:
            pass
        peer.close()


main(sys.argv[1], int(sys.argv[2]))

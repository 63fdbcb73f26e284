# SPDX-License-Identifier: Apache-2.0
"""Fails where a file has what a terminal obeys or does not show, or a line that was forged."""
import re
import sys
import unicodedata

COLOURS = re.compile("\x1b\\[[0-9;]*m")
PROGRESS = re.compile("\r\x1b\\[K(… sluice [a-z -]+: [0-9]+ s)?")                 # of sluice itself, on a slow machine


def hidden(c):
    return c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") or 0xfe00 <= ord(c) <= 0xfe0f or 0xe0000 <= ord(c) <= 0xe0fff)


bad = 0
for name in sys.argv[1:]:
    text = PROGRESS.sub("", COLOURS.sub("", open(name, encoding="utf-8", errors="surrogateescape", newline="").read()).replace("\r\n", "\n"))
    bad_characters = set(filter(hidden, set(text)))
    for number, line in enumerate(text.split("\n"), 1):
        if not bad_characters.isdisjoint(line) or line.startswith("sluice: forged"):
            bad += 1
            print(f"{name}:{number}: {line[:120]!r}")
sys.exit(bad != 0)

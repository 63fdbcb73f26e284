#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""swapper.py FOLDER SECRET: what a process that may write FOLDER does to the paths below it while
sandboxes are started from there.  FOLDER/shown is a folder of its own, a link to SECRET, or SECRET's
parent's neighbour in turns, by renames that leave no moment without something there.  Ends with its
standard input."""
import os, select, sys

folder, secret = sys.argv[1:]
shown, aside = folder + "/shown", folder + "/aside"
turns = 0


def exchange(a, b):
    """Both names exist all the time (renameat2 with RENAME_EXCHANGE)."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.renameat2(-100, a.encode(), -100, b.encode(), 2)


os.symlink(secret, aside)
print("swapping", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(1 + turns % 7):
        exchange(shown, aside)
    # The folder is also replaced as a whole, so that a parent that was checked leads elsewhere.
    if turns % 3 == 0:
        exchange(folder + "/deep", folder + "/deep.aside")
    turns += 1
print(turns, flush=True)

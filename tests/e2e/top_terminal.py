# SPDX-License-Identifier: Apache-2.0
"""A terminal of so many columns and rows for sluice top: sends keys when the screen shows what they wait for.

top_terminal.py COLUMNS ROWS STEP... -- COMMAND...
STEP: see:TEXT (the screen shows it), gone:TEXT, key:CHARACTERS, size:COLUMNSxROWS, kill:SIGNAL (the process), kill-child:SIGNAL.
Prints the screen after the last step; then, after the end, "exit CODE", "alternate on|off" and "echo on|off".
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata

PATIENCE = 120


class Screen:
    """What a terminal shows that obeys the few sequences that curses uses."""

    def __init__(self, columns, rows):
        self.alternate = False
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        self.top, self.bottom = 0, rows - 1
        self.rest = b""

    def scroll(self, top, by):
        """Rows of the region below top move up, or down."""
        for _ in range(abs(by) if top <= self.bottom else 0):
            row = self.cells.pop(top if by > 0 else self.bottom)
            row[:] = [" "] * self.columns
            self.cells.insert(self.bottom if by > 0 else top, row)

    def put(self, c):
        if self.x < self.columns and self.y < self.rows:
            self.cells[self.y][self.x] = c
        self.x += 2 if unicodedata.east_asian_width(c) in "WF" else 1

    def obey(self, parameters, final):
        n = [int(p) if p.isdigit() else 0 for p in parameters.lstrip("?").split(";")]
        first = n[0] or 1
        if final in "hl" and parameters in ("?1049", "?47"):
            self.alternate = final == "h"
        elif final == "H":
            self.y, self.x = first - 1, (n[1] if len(n) > 1 and n[1] else 1) - 1
        elif final == "d":
            self.y = first - 1
        elif final == "G":
            self.x = first - 1
        elif final == "A":
            self.y -= first
        elif final == "B":
            self.y += first
        elif final == "C":
            self.x += first
        elif final == "D":
            self.x -= first
        elif final == "K":
            span = range(self.x, self.columns) if n[0] == 0 else range(0, self.x + 1)
            for x in span:
                self.cells[self.y][x] = " "
        elif final == "J":
            if n[0] == 2:
                self.cells = [[" "] * self.columns for _ in range(self.rows)]
            else:
                self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
                for y in range(self.y + 1, self.rows):
                    self.cells[y] = [" "] * self.columns
        elif final == "X":
            for x in range(self.x, min(self.x + first, self.columns)):
                self.cells[self.y][x] = " "
        elif final in "LM":
            self.scroll(self.y, first if final == "M" else -first)
        elif final in "ST":
            self.scroll(self.top, first if final == "S" else -first)
        elif final == "r":
            self.top, self.bottom = first - 1, min(n[1] if len(n) > 1 and n[1] else self.rows, self.rows) - 1
            self.x = self.y = 0
        elif final in "P@":
            row = self.cells[self.y]
            for _ in range(min(first, self.columns - self.x)):
                row.pop(self.columns - 1 if final == "@" else self.x)
                row.insert(self.x if final == "@" else self.columns - 1, " ")
        elif final == "b":
            for _ in range(first):
                self.put(self.last)
        elif final not in "mtnchl":
            sys.exit(f"not known here: CSI {parameters} {final}")
        # What was drawn before the program knew that the terminal became smaller stays on its last row.
        self.y = max(0, min(self.y, self.rows - 1))

    def feed(self, data):
        text = (self.rest + data).decode("utf-8", "ignore")
        self.rest = b""
        while text:
            found = re.match("\x1b\\[([0-9;?>]*)([@-~])", text) or re.match("\x1b([()].|[=>78M])", text)
            if found:
                if found.lastindex == 2:
                    self.obey(found.group(1), found.group(2))
                elif found.group() == "\x1bM" and self.y == self.top:
                    self.scroll(self.top, -1)
                elif found.group() == "\x1bM":
                    self.y -= 1
                text = text[found.end():]
            elif text[0] == "\x1b" and len(text) < 16:
                self.rest = text.encode()
                return
            else:
                c, text = text[0], text[1:]
                if c == "\r":
                    self.x = 0
                elif c == "\n":
                    if self.y == self.bottom:
                        self.scroll(self.top, 1)
                    self.y = min(self.y + (self.y != self.bottom), self.rows - 1)
                elif c == "\b":
                    self.x = max(self.x - 1, 0)
                elif c >= " ":
                    self.last = c
                    self.put(c)

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


columns, rows = int(sys.argv[1]), int(sys.argv[2])
steps = sys.argv[3:sys.argv.index("--")]
command = sys.argv[sys.argv.index("--") + 1:]
screen = Screen(columns, rows)
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.environ["TERM"] = "xterm-256color"
    os.execvp(command[0], command)


def read(timeout):
    """Whether there was something to read; None: the end."""
    if not select.select([fd], [], [], timeout)[0]:
        return False
    try:
        data = os.read(fd, 65536)
    except OSError:
        return None
    screen.feed(data)
    return True if data else None


def wait(holds, what):
    until = time.monotonic() + PATIENCE
    while not holds():
        if read(0.2) is None or time.monotonic() > until:
            sys.exit(f"never: {what}\n{screen.text()}")


for step in steps:
    kind, text = step.split(":", 1)
    if kind == "see":
        wait(lambda: text in screen.text(), step)
    elif kind == "gone":
        wait(lambda: text not in screen.text(), step)
    elif kind == "key":
        os.write(fd, text.encode())
    elif kind == "size":
        columns, rows = map(int, text.split("x"))
        screen.resize(columns, rows)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    elif kind == "kill":
        os.kill(pid, getattr(signal, text))
    elif kind == "kill-child":
        child = open(f"/proc/{pid}/task/{pid}/children").read().split()[0]
        os.kill(int(child), getattr(signal, text))
print(screen.text())
flags = termios.tcgetattr(fd)[3]
ended = 0
while read(0.2) is not None:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        flags = termios.tcgetattr(fd)[3]
        while read(0.2):
            pass
        ended = os.waitstatus_to_exitcode(status)
        break
else:
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    flags = termios.ECHO
print("exit", ended)
print("alternate", "on" if screen.alternate else "off")
print("echo", "on" if flags & termios.ECHO else "off")

# SPDX-License-Identifier: Apache-2.0
"""press_keys.py SESSION-FILE PICTURES LINK: opens the link of sluice console in a browser that runs, and presses the keys of its
standard input there: one at the start of each line, and what it does."""
import sys

from browser import Browser, Failure

DRAFTS = "document.querySelectorAll('.draft').length"


def follow(b, link, lines):
    b.go(link)
    b.until("document.getElementById('live')?.textContent === 'live'")
    waiting = b.until(DRAFTS)
    b.picture("tutorial")
    for line in lines:
        key, text = line.split(None, 1)
        b.type(key)
        print(f"{key}: {text.strip()}", flush=True)
        if key == "j":
            b.until("document.activeElement.classList.contains('draft')")
        elif key == "a":
            b.until(f"{DRAFTS} < arguments[0]", waiting)
            b.until("document.querySelector('.notice.good')?.textContent.startsWith('Approved')")
        else:
            raise Failure(f"nobody knows what {key} is to do")
    b.go("about:blank")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        browser = Browser(file.read(), sys.argv[2])
    try:
        follow(browser, sys.argv[3], sys.stdin.read().splitlines())
    except Failure as failure:
        browser.picture("failed-tutorial")
        sys.exit(f"{failure}\n{browser.errors()}")

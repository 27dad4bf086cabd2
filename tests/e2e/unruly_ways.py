"""What an unruly agent can do: stands before the few lines of a test, as one program. It is never imported."""

import json
import os
import signal  # noqa: F401 - this and the next are for what follows
import subprocess  # noqa: F401
import sys
import time  # noqa: F401
import urllib.error
import urllib.request
from pathlib import Path

URL, KEY = os.environ["PENSTOCK_GATEWAY_URL"], os.environ["PENSTOCK_GATEWAY_KEY"]
STEP, NAME = sys.argv[1].split()
PROMPT = Path(sys.argv[2]).read_text()


def ask(text="[[play:text,usage=100.50]]", *, key=KEY, model="scripted-model", path="/v1/chat/completions", **more):
    """The status and the text of one call's answer."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=100) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def spend():
    """A call that uses 1,000 tokens, and reserves a little more."""
    return ask("[[play:text,usage=100.900]]", max_tokens=900)


def sip():
    """A call that reserves as much and uses 50."""
    return ask("[[play:text,usage=10.40]]", max_tokens=900)


def write(path, text="done\n"):
    """Write a file of the worktree."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def work():
    """What it was asked for."""
    write(f"src/{NAME}.txt")

"""Counts tokens by one tokenizer that brings its vocabulary, in an environment made for it and thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

PACKAGE, VOCABULARY = "bpe-openai==0.1.4", "o200k_base"
_PROGRAM = f"""
import json, sys
import bpe_openai
encoding = bpe_openai.get_encoding({VOCABULARY!r})
json.dump([len(encoding.encode(text)) for text in json.load(sys.stdin)], sys.stdout)
"""


def counted(texts: Sequence[str]) -> dict[str, int]:
    """The tokens of each text."""
    distinct = list(dict.fromkeys(texts))
    uv = shutil.which(os.environ.get("UV", "uv"))
    if uv is None:
        sys.exit(f"uv is needed to try {PACKAGE} without installing it")
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--with", PACKAGE, "python", "-c", _PROGRAM]
    done = subprocess.run(command, input=json.dumps(distinct), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{PACKAGE} could not count: {done.stderr.strip()[-500:]}")
    return dict(zip(distinct, json.loads(done.stdout), strict=True))

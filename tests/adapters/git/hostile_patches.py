"""Patches that must be refused, each with words of the reason; and a project that they are made for."""

from __future__ import annotations

import base64
import hashlib
import zlib

TEXT = "".join(f"line {number}\n" for number in range(1, 31))
FILES = {
    "src/app.py": TEXT,
    "src/run.sh": "#!/bin/sh\necho run\n",
    "src/ünï.py": "one\n",
    "src/two words.py": "one\n",
    "src/windows.txt": "one\r\ntwo\r\nthree\r\n",
    "src/data.bin": "\0binary\0",
    "other/kept.py": "kept = 1\n",
    ".github/workflows/ci.yml": "on: push\n",
    "conftest.py": "x = 1\n",
    ".gitignore": "*.log\nbuild/\n",
}
EXECUTABLES = ("src/run.sh",)
LINKS = {"src/link": "app.py", "src/outside": "../other"}
ZEROS, ONES, TWOS = "0" * 40, "1" * 40, "2" * 40


def git_header(path: str, *more: str) -> str:
    return "\n".join([f"diff --git a/{path} b/{path}", *more]) + "\n"


def creates(path: str, content: str = "new\n", mode: str = "100644") -> str:
    lines = content.split("\n")[:-1] if content.endswith("\n") else content.split("\n")
    body = "".join(f"+{line}\n" for line in lines) + (
        "" if content.endswith("\n") else "\\ No newline at end of file\n"
    )
    head = git_header(path, f"new file mode {mode}", f"index {ZEROS[:7]}..1234567", "--- /dev/null", f"+++ b/{path}")
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}"


def creates_quoted(name: str) -> str:
    """The same for a name that is written as git quotes it."""
    return creates("x").replace("a/x b/x", f'"a/{name}" "b/{name}"').replace("+++ b/x", f'+++ "b/{name}"')


def moves(old: str, new: str, word: str = "rename", alike: int = 100) -> str:
    head = f"diff --git a/{old} b/{new}\nsimilarity index {alike}%\n"
    return f"{head}{word} from {old}\n{word} to {new}\n"


def deletes(path: str, content: str, mode: str = "100644") -> str:
    lines = content.split("\n")[:-1]
    head = git_header(path, f"deleted file mode {mode}", "--- a/" + path, "+++ /dev/null")
    return f"{head}@@ -1,{len(lines)} +0,0 @@\n" + "".join(f"-{line}\n" for line in lines)


def changes(path: str = "src/app.py", line: int = 5, to: str = "changed", at: int | None = None) -> str:
    """One changed line of the text of numbered lines, with three lines of context; `at` names another place."""
    before = "".join(f" line {number}\n" for number in range(line - 3, line))
    after = "".join(f" line {number}\n" for number in range(line + 1, line + 4))
    place = line - 3 if at is None else at
    hunk = f"@@ -{place},7 +{place},7 @@\n{before}-line {line}\n+{to}\n{after}"
    return f"{git_header(path)}--- a/{path}\n+++ b/{path}\n{hunk}"


def binary(path: str, content: bytes, kind: str = "literal", size: int | None = None) -> str:
    packed = zlib.compress(content)
    rows = ""
    for begin in range(0, len(packed), 52):
        part = packed[begin : begin + 52]
        length = chr(ord("A") + len(part) - 1) if len(part) <= 26 else chr(ord("a") + len(part) - 27)
        rows += length + base64.b85encode(part + b"\0" * (-len(part) % 4)).decode() + "\n"
    name = hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()
    head = git_header(path, "new file mode 100644", f"index {ZEROS}..{name}", "GIT binary patch")
    return f"{head}{kind} {len(content) if size is None else size}\n{rows}\nliteral 0\nHcmV?d00001\n\n"


CONFLICT = "one\n<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
PLAIN = changes()

REFUSED: dict[str, tuple[str | bytes, str]] = {
    # paths
    "climbs out": (creates("../evil.py"), "climbs"),
    "climbs out from within": (creates("src/../../evil.py"), "climbs"),
    "climbs in octal letters": (creates_quoted("src/\\056\\056/\\056\\056/evil"), "climbs"),
    "absolute": (creates("x").replace("b/x", "/etc/cron.d/evil"), "absolute"),
    "absolute without git's header": ("--- /dev/null\n+++ /tmp/evil.py\n@@ -0,0 +1 @@\n+new\n", "absolute"),
    "absolute in quotes": ('--- /dev/null\n+++ "/tmp/evil.py"\n@@ -0,0 +1 @@\n+new\n', "absolute"),
    "git's folder": (creates(".git/config"), "git refuses it"),
    "git's folder in capitals": (creates(".GIT/config"), "git refuses it"),
    "a hook": (creates(".git/hooks/pre-commit", mode="100755"), "git refuses it"),
    "git's folder below": (creates("src/.git/config"), "git refuses it"),
    "git's folder by its short name": (creates("git~1/config"), "git refuses it"),
    "git's folder with a dot": (creates("src/.git./config"), "git refuses it"),
    "git's folder with a space": (creates("src/.git /config"), ""),
    "git's folder with an invisible letter": (creates("src/.g\u200cit/config"), "git refuses it"),
    "git's folder as a stream": (creates("src/.git::$INDEX_ALLOCATION/config"), "git refuses it"),
    "a name with a line end": (creates_quoted("src/two\\nlines.py"), "control"),
    "a name with a tab": (creates_quoted("src/two\\tparts.py"), "control"),
    "a name that is no text": (creates_quoted("src/\\377\\376.py"), "UTF-8"),
    "a name that ends with a dot": (creates("src/name."), "ends with a dot"),
    "a name with a backslash": (creates("src\\..\\evil.py"), "climbs"),
    "a name with a colon": (creates("src/app.py:stream"), "colon"),
    "a device": (creates("src/nul.txt"), "device"),
    "letters that turn round": (creates("src/a\u202eyp.py"), "invisible"),
    "a twin by case": (creates("src/APP.py"), "twin"),
    "twins of one another": (creates("src/Twin.py") + creates("src/twin.py"), "twin"),
    "a very long name": (creates("src/" + "x" * 300), "longer than 255"),
    # scope
    "outside the scope": (creates("other/new.py"), "out of scope"),
    "outside the scope by a rename": (
        moves("src/app.py", "other/app.py"),
        "out of scope",
    ),
    "takes from outside by a rename": (
        moves("other/kept.py", "src/kept.py"),
        "other/kept.py",
    ),
    "outside the scope by a copy": (
        moves("src/app.py", "other/app.py", "copy"),
        "out of scope",
    ),
    "deletes outside the scope": (deletes("other/kept.py", "kept = 1\n"), "out of scope"),
    "a workflow": (creates(".github/workflows/evil.yml"), "out of scope"),
    "a test's surroundings": (creates("src/conftest.py"), "protected"),
    "attributes": (creates("src/.gitattributes", "* filter=evil\n"), "tells git how to read"),
    "submodules' file": (creates("src/.gitmodules", "[submodule]\n"), "tells git how to read"),
    # kinds
    "a new symlink": (creates("src/new", "/etc/passwd", "120000"), "symlink"),
    "a symlink turned": (
        git_header("src/link", "index 1234567..2345678 120000", "--- a/src/link", "+++ b/src/link")
        + "@@ -1 +1 @@\n-app.py\n\\ No newline at end of file\n+/etc/passwd\n\\ No newline at end of file\n",
        "symlink",
    ),
    "a symlink removed": (
        git_header("src/link", "deleted file mode 120000", "--- a/src/link", "+++ /dev/null")
        + "@@ -1 +0,0 @@\n-app.py\n\\ No newline at end of file\n",
        "symlink",
    ),
    "through a symlink": (creates("src/outside/evil.py"), "beyond a symbolic link"),
    "a symlink, then through it": (
        creates("src/new", "/tmp", "120000") + creates("src/new/evil.py"),
        "git refuses it",
    ),
    "a file made a symlink": (git_header("src/app.py", "old mode 100644", "new mode 120000"), ""),
    "a new submodule": (creates("src/sub", f"Subproject commit {TWOS}\n", "160000"), "submodule"),
    "a new executable": (creates("src/tool.sh", mode="100755"), "executable"),
    "a file made executable": (git_header("src/app.py", "old mode 100644", "new mode 100755"), "executable"),
    "an executable that is one no more": (
        git_header("src/run.sh", "old mode 100755", "new mode 100644"),
        "executable",
    ),
    "a mode that no file has": (creates("src/suid.sh", mode="104755"), ""),
    "a file made a folder": (deletes("src/app.py", TEXT) + creates("src/app.py/x.py"), "made a folder"),
    "a folder made a file": (creates("src"), ""),
    "an existing file created": (creates("src/app.py"), "already exists"),
    # the patch itself
    "nothing": ("", "empty"),
    "prose": ("Here is the patch that you asked for:\n" + PLAIN, "belongs to no hunk"),
    "fenced": ("```diff\n" + PLAIN + "```\n", "belongs to no hunk"),
    "a closing fence": (PLAIN + "```\n", "belongs to no hunk"),
    "too few lines counted": (PLAIN.replace("-2,7 +2,7", "-2,6 +2,6"), "belongs to no hunk"),
    "too many lines counted": (PLAIN.replace("-2,7 +2,7", "-2,9 +2,9"), "cut off, or counted wrongly"),
    "cut off in a hunk": ("\n".join(PLAIN.split("\n")[:8]) + "\n", "cut off, or counted wrongly"),
    "cut off in a line": (PLAIN[:-4], "middle of a line"),
    "cut off after a header": (PLAIN + "--- a/src/two words.py\n+++ b/src/two words.py\n", "no hunk follows"),
    "cut off before its names": (PLAIN + git_header("src/ünï.py", "index 1234567..2345678 100644"), "cut off"),
    "another place than it says": (changes(line=15, at=11), "names a line that it does not fit"),
    "fits in two places": (
        "--- a/src/app.py\n+++ b/src/app.py\n@@ -99,0 +100 @@\n+anywhere\n",
        "",
    ),
    "another context": (PLAIN.replace(" line 4\n", " line four\n"), "git refuses it"),
    "two names without git's header": (
        "--- a/src/app.py\n+++ b/src/two words.py\n@@ -1 +1 @@\n-one\n+two\n",
        "another file",
    ),
    "two names with git's header": (
        PLAIN.replace("+++ b/src/app.py", "+++ b/other/kept.py"),
        "another file",
    ),
    "nothing on both sides": ("--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+new\n", "both sides"),
    "creates with git's header for another": (
        creates("src/new.py").replace("+++ b/src/new.py", "+++ b/.git/hooks/post-checkout"),
        "another file",
    ),
    "created twice": (creates("src/new.py") + creates("src/new.py", "other\n"), "told of before"),
    "two headers for one file": (changes(line=5) + changes(line=20), "told of before"),
    "moved and created": (
        moves("src/app.py", "src/moved.py") + creates("src/moved.py"),
        "told of before",
    ),
    "moved elsewhere than its hunks": (
        moves("src/app.py", "src/moved.py", alike=90) + PLAIN.partition("\n")[2],
        "another file",
    ),
    "LF on CRLF": (
        "--- a/src/windows.txt\n+++ b/src/windows.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n",
        "git refuses it",
    ),
    "CRLF on LF": (PLAIN.replace("\n", "\r\n"), ""),
    "a NUL in the header": (b"--- /dev/null\n+++ b/src/a\0b.py\n@@ -0,0 +1 @@\n+new\n", "NUL"),
    "says that a binary differs": (
        git_header(
            "src/data.bin", "index 1234567..2345678 100644", "Binary files a/src/data.bin and b/src/data.bin differ"
        ),
        "not how",
    ),
    "binary content": (binary("src/new.bin", b"\0\1\2"), "binary"),
    "binary content as text": (creates("src/new.txt", "a\0b\n"), "binary"),
    "content in no encoding": (creates("src/new.txt", "X\n").encode().replace(b"+X", b"+\xff\xfe"), "UTF-8"),
    # content
    "conflict markers": (creates("src/new.py", CONFLICT), "conflict marker"),
    "left out": (creates("src/new.py", "def a():\n    pass\n\n# ... rest of the file unchanged ...\n"), "left out"),
    "left out in a change": (changes(to="// existing code ..."), "left out"),
    "a fence left in": (creates("src/new.py", "```python\na = 1\n```\n"), "code fence"),
    "huge": (creates("src/new.txt", "x" * (1 << 20) + "\n"), "too large"),
    "huge in all": ("+" * (9 << 20), "too large"),
    "too many files": ("".join(creates(f"src/many/{number}.py") for number in range(501)), "at most 500"),
}

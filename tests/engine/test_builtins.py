"""The sentences of acceptance that Penstock executes itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from deep_folders import DEEP, dig
from penstock import disk
from penstock.domain.plan import Scope
from penstock.domain.sentences import parse_builtin
from penstock.engine import builtins
from penstock.engine.builtins import run_builtin

FILES = {
    "src/a.py": "VALUE = 1\nOTHER = 2\n",
    "src/broken.py": "def f(:\n",
    "data/a.json": '{"a": 1}',
    "data/broken.json": '{"a": ',
    "data/a.yaml": "a: 1\n---\nb: 2\n",
    "data/broken.yml": "a: [1\n",
    "data/a.toml": "a = 1\n",
    "data/broken.toml": "a = \n",
    ".git/config": "secret needle\n",
    "elsewhere.txt": "needle\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "src" / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    return tmp_path


@pytest.mark.parametrize(
    ("sentence", "scope", "fault"),
    [
        ("The file exists", ("src/a.py",), ""),
        ("The files exist", ("src/a.py", "src/b.py", "src/c.py"), "src/b.py, src/c.py does not exist"),
        ("The file exists", ("src/*.py",), ""),
        ("The file exists", ("none/*.py",), "no declared file exists"),
        ("It is valid Python", ("src/a.py",), ""),
        ("It is valid Python", ("src/*.py",), "src/broken.py is not valid Python: "),
        ("It is valid JSON", ("data/a.json",), ""),
        ("It is valid JSON", ("data/",), "data/broken.json is not valid JSON: "),
        ("It is valid YAML", ("data/a.yaml",), ""),
        ("It is valid YAML", ("data/broken.yml",), "data/broken.yml is not valid YAML: "),
        ("It is valid TOML", ("data/a.toml",), ""),
        ("It is valid TOML", ("data/broken.toml",), "data/broken.toml is not valid TOML: "),
        ("It is valid TOML", ("src/a.py",), "no declared file is TOML"),
        ('It contains "OTHER"', ("src/a.py",), ""),
        ('It contains "needle"', ("src/", ".git/"), "no declared file contains 'needle'"),
        ("It has at least 2 lines", ("src/a.py",), ""),
        ("It has at least 3 lines", ("src/a.py",), "the longest declared file has 2 lines, not 3"),
        ('The file exists and contains "OTHER"', ("src/a.py",), ""),
        ('The file exists and contains "THIRD"', ("src/a.py",), "no declared file contains 'THIRD'"),
    ],
)
def test_a_sentence_holds_or_says_why_not(checkout: Path, sentence: str, scope: tuple[str, ...], fault: str) -> None:
    claim = parse_builtin(sentence)
    assert claim is not None
    holds, said = run_builtin(claim, checkout, Scope(files=scope))
    assert holds is not bool(fault)
    assert said.startswith(fault)


def test_a_file_that_is_too_big_is_not_read(checkout: Path) -> None:
    with (checkout / "src" / "a.py").open("r+b") as file:
        file.truncate(builtins.MOST_BYTES + 1)
    claim = parse_builtin('It contains "OTHER"')
    assert claim is not None
    assert not run_builtin(claim, checkout, Scope(files=("src/a.py",)))[0]


def test_no_depth_of_a_folder_is_too_much(tmp_path: Path):
    dig(tmp_path, "d", DEEP)
    found = run_builtin(parse_builtin("The file exists"), tmp_path, Scope(files=("**",)))
    disk.remove(tmp_path / "d")  # pytest could not
    assert found == (True, "")


def test_a_name_that_no_file_can_have_is_not_there(tmp_path: Path):
    name = "/".join(["a" * 255] * 16)  # with the folder before it, longer than a path may be
    found = run_builtin(parse_builtin("The file exists"), tmp_path, Scope(files=(name,)))
    assert found == (False, f"{name} does not exist")


@pytest.mark.parametrize(
    ("name", "content", "is_valid"),
    [
        ("a.py", b"\xef\xbb\xbfx = 1\n", True),
        ("a.py", b'x = "\xe9"\n', False),
        ("a.py", b'# -*- coding: latin-1 -*-\nx = "\xe9"\n', True),
        ("a.py", b"# coding: punycode\n", False),
        ("a.py", b"# coding: no-such\n", False),
        ("a.py", b"x = 1\0\n", False),
        ("a.json", b"\xef\xbb\xbf{}", True),
        ("a.json", b'{"a": "\xe9"}', False),
        ("a.json", b"1" * 5000, True),
        ("a.yaml", b"a: \xe9\n", False),
        ("a.toml", b'a = "\xe9"\n', False),
    ],
)
def test_a_file_is_parsed_as_the_bytes_that_it_is(tmp_path: Path, name: str, content: bytes, is_valid: bool):
    (tmp_path / name).write_bytes(content)
    language = {"py": "Python", "json": "JSON", "yaml": "YAML", "toml": "TOML"}[name.split(".")[1]]
    found, fault = run_builtin(parse_builtin(f"It is valid {language}"), tmp_path, Scope(files=(name,)))
    assert found is is_valid, fault
    assert found or fault.startswith(f"{name} is not valid {language}: ")


def nested(depth: int) -> bytes:
    """A file whose code doubles with each line of its depth."""
    lines = [f"{' ' * level}{word}" for level in range(depth) for word in ("try: f()", "finally:")]
    return "\n".join([*lines, f"{' ' * depth}f()", ""]).encode()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (nested(4), ""),
        (b"try: f()\nfinally: f()\nreturn 1\n", "'return' outside function (file, line 3)"),
        (b"try: f()\nfinally:\n", "expected an indented block after 'finally' statement on line 2 (file, line 2)"),
        (nested(40), "it takes too much time or memory to be compiled"),
    ],
)
def test_python_that_would_fill_the_memory_is_refused_and_all_other_judged(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    (tmp_path / "a.py").write_bytes(content)
    found = run_builtin(parse_builtin("It is valid Python"), tmp_path, Scope(files=("a.py",)))
    assert found == (not fault, fault and f"a.py is not valid Python: {fault}")


@pytest.mark.parametrize("is_valid", [True, False])
def test_long_python_is_judged_while_everything_else_goes_on(tmp_path: Path, is_valid: bool) -> None:
    (tmp_path / "a.py").write_text(f"f'{'{1}' * 25_000}'\n{'' if is_valid else 'x y'}\n")
    begin = time.process_time()  # of this process alone
    found, fault = run_builtin(parse_builtin("It is valid Python"), tmp_path, Scope(files=("a.py",)))
    assert (found, fault) == (is_valid, "" if is_valid else "a.py is not valid Python: invalid syntax (file, line 2)")
    assert time.process_time() - begin < 0.5


@pytest.mark.parametrize(("name", "language"), [("a.py", "Python"), ("a.yml", "YAML"), ("a.json", "JSON")])
def test_what_is_too_big_to_be_parsed_is_said_and_not_taken_for_valid(tmp_path: Path, name: str, language: str):
    (tmp_path / name).write_bytes(b"# \n" * (builtins.MOST_BYTES // 2))
    found = run_builtin(parse_builtin(f"It is valid {language}"), tmp_path, Scope(files=(name,)))
    assert found[0] is False
    assert f"{language} is looked at only up to" in found[1]

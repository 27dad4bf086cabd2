"""What planners see of the code: what the epic is about first, within its tokens, the same each time, and no secret."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from penstock.adapters.memory import MemoryProject
from penstock.planning.baseline import Baseline, baseline_code
from penstock.planning.bounds import characters_of

FILES = {
    "AGENTS.md": "Write plainly.\nTest everything.\n",
    "README.md": "# Mill\nGrinds.\n",
    "penstock.toml": '[checks]\nlint = "ruff check"\n[checks.unit]\nfast = {command = "pytest -q"}\n',
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "Makefile": "build:\n\ttrue\ntest: build\n\tpytest\ncheck-all:\nVERSION := 1\n",
    "package.json": '{"scripts": {"test": "jest", "start": "node ."}}',
    "src/mill/__init__.py": "",
    "src/mill/flour.py": '"""Makes flour."""\n\n\nclass Flour:\n    def weigh(self, grams: int) -> int: ...\n',
    "src/mill/sacks.py": "from mill.flour import Flour\n\n\ndef fill(flour: Flour) -> None: ...\n",
    "src/mill/far.py": "def nothing_to_do_with_it() -> None: ...\n",
    "tests/test_flour.py": "from mill.flour import Flour\n\n\ndef test_weigh() -> None: ...\n",
    "web/app.ts": 'import { draw } from "./draw";\nexport function start(): void {\n  draw();\n}\n',
    "web/draw.ts": "export const draw = () => 1;\n",
    "uv.lock": "x",
    "logo.png": "x",
    "node_modules/a/index.js": "x",
}
MANY = {**FILES, **{f"src/other/part{number}/module{number}.py": "x = 1\n" for number in range(100)}}


def shown(epic: str, files: dict[str, str] = MANY, *, tokens: int = 4000, redact: Any = lambda text: text) -> Baseline:
    project = MemoryProject(files=files)
    return asyncio.run(baseline_code(project, project.base, epic, max_tokens=tokens, redact=redact))


@pytest.mark.parametrize(
    "epic",
    [
        "Change src/mill/flour.py",
        "Change flour.py please",
        "mill.flour must be quicker",
        "Weigh the flour",
        "Weigh the flours",
    ],
)
def test_what_the_epic_names_comes_first_then_what_imports_it(epic: str) -> None:
    assert shown(epic).shown[0] == "src/mill/flour.py"
    assert {*shown(epic).shown} >= {"src/mill/sacks.py", "tests/test_flour.py"}
    assert "src/mill/far.py" not in shown(epic).shown


def test_a_name_that_is_defined_somewhere_finds_its_file() -> None:
    assert shown("call nothing_to_do_with_it twice").shown == ("src/mill/far.py",)


def test_importers_are_found_in_scripts_too() -> None:
    assert shown("web/draw.ts").shown == ("web/draw.ts", "web/app.ts")


def test_in_a_small_project_everything_is_shown() -> None:
    found = shown("Something else", FILES)
    assert found.shown[:3] == ("web/app.ts", "web/draw.ts", "src/mill/__init__.py")
    assert found.shown[-1] == "tests/test_flour.py"


def test_the_parts_are_in_their_order_and_say_what_they_are() -> None:
    text = shown("flour").text
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## AGENTS.md",
        "## README.md",
        "## How it is tested",
        f"## Files ({len(MANY)})",
        "## Signatures (of what the epic names, and of what imports it)",
    ]
    assert "Write plainly.\nTest everything." in text
    assert "# Mill\nGrinds." in text
    assert (
        'src/mill/flour.py\n    """Makes flour."""\n    class Flour\n        def weigh(self, grams: int) -> int' in text
    )


def test_how_it_is_tested_is_read_from_the_projects_own_files() -> None:
    text = shown("flour").text
    for line in (
        "penstock.toml: ruff check",
        "penstock.toml: pytest -q",
        "Makefile: make test",
        "Makefile: make check-all",
        "pyproject.toml: pytest",
        "package.json: npm run test (jest)",
    ):
        assert line in text
    assert "VERSION" not in text
    assert "make build" not in text


def test_what_nobody_reads_is_told_as_numbers() -> None:
    text = shown("flour").text
    assert "[not listed: 1 binary, 1 lock, 1 vendored]" in text
    assert "src/mill/ __init__.py far.py flour.py sacks.py" in text
    assert "logo.png" not in text


@pytest.mark.parametrize("tokens", [0, 1, 50, 100, 200, 400, 800, 1500, 3000])
def test_it_stays_within_its_tokens_and_says_what_was_cut(tokens: int) -> None:
    files = {f"folder{number}/inner/module{number}.py": "def flour(): ...\n" * 50 for number in range(300)}
    found = shown("flour", {**FILES, **files, "AGENTS.md": "word\n" * 5000}, tokens=tokens)
    assert len(found.text) <= characters_of(tokens)
    assert found.files == len(FILES) + 300
    if tokens >= 200:
        assert found.cut
        assert all(words in found.text for words in found.cut[:1])


def test_the_same_commit_and_epic_give_the_same_text() -> None:
    texts = {shown("Weigh flour and fill sacks", dict(reversed(MANY.items()))).text for _ in range(3)}
    assert texts == {shown("Weigh flour and fill sacks").text}


def test_secrets_are_redacted_wherever_they_stand() -> None:
    files = {
        "AGENTS.md": "use s3cret",
        "README.md": "the s3cret",
        "src/s3cret.py": '"""s3cret flour."""\n@route("s3cret")\ndef f(): ...\n',
        "Makefile": "test-s3cret:\n",
        "run.sh": "export KEY=s3cret\n",
    }
    assert "s3cret" not in shown("flour", files, redact=lambda text: text.replace("s3cret", "[redacted]")).text


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.go", "package a\n\nfunc Start(x int) error {\n\treturn nil\n}\n", "    func Start(x int) error"),
        ("a.rs", "use x;\npub fn start(x: u8) -> u8 {\n", "    pub fn start(x: u8) -> u8"),
        ("A.java", "class A {\n    public int start(int x) {\n", "        public int start(int x)"),
        ("a.rb", "class A\n  def start(x)\n  end\nend\n", "      def start(x)"),
        ("a.c", "int start(int x) {\n  return x;\n}\n", "    int start(int x)"),
        ("a.sql", "CREATE TABLE a (\n  b int\n);\n", "    CREATE TABLE a ("),
    ],
)
def test_other_languages_are_shown_by_lines_that_look_like_declarations(path: str, text: str, line: str) -> None:
    found = shown("start", {path: text}).text
    assert f"{path} (lines that look like declarations)" in found
    assert line in found.splitlines()


def test_a_file_with_syntax_errors_is_shown_by_its_first_lines() -> None:
    found = shown("broken", {"broken.py": "def (:\n\n  odd\n"}).text
    assert "broken.py (its first lines)\n    def (:\n      odd" in found


def test_words_to_agents_that_stand_in_two_files_are_shown_once() -> None:
    text = shown("flour", {**FILES, "CLAUDE.md": FILES["AGENTS.md"]}).text
    assert text.count("Write plainly.") == 1
    assert "Other words" in shown("flour", {**FILES, "CLAUDE.md": "Other words"}).text


def test_an_empty_project_has_an_empty_list() -> None:
    assert shown("flour", {}) == Baseline(text="", files=0)

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from test_layers import NODES

from penstock.config import Sources, load, read_environment
from penstock.config.brought import LARGEST_SHOWN, named_files, would_run

if TYPE_CHECKING:
    from penstock.config import Settings


@dataclass(frozen=True, kw_only=True)
class HooksSettings:
    """A section that a later release may bring."""

    hooks: Mapping[str, str] = field(default_factory=dict, metadata={"rest": True})


def project(text: str, nodes: Mapping[str, type] = NODES) -> Settings:
    return load(nodes, Sources(environment=read_environment({}, nodes), project={"penstock.toml": text.encode()}))


def brought(text: str, files: Mapping[str, bytes] | None = None) -> object:
    return json.loads(would_run(project(text), files))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("agent = 'mine'", {"agent": "mine"}),
        ("[agents.mine]\nmodel = 'large'", {"agents.mine.model": "large"}),
        ("runners = ['x']", {"runners": ["x"]}),
        ("workstreams_dir = '../x'", {"workstreams_dir": "../x"}),
        ("[checks]\ntest = 'x'", {"checks.test": "x"}),
    ],
)
def test_what_it_runs_and_what_of_the_users_things_it_chooses_needs_trust(text: str, told: object) -> None:
    assert brought(text) == told


def test_hooks_need_trust_as_soon_as_there_is_such_a_section() -> None:
    settings = project("[hooks]\nafter = 'x'", {**NODES, "hooks": HooksSettings})
    assert json.loads(would_run(settings)) == {"hooks.after": "x"}


THERE = {
    *(".ci/run", ".ci/t", "GNUmakefile", "Makefile", "makefile", ".justfile", "package.json", "web/package.json"),
    *("bunfig.toml", "pytest.ini", ".env", "conf/.env.local", "docs/package.json"),
}


def named(settings: Settings) -> tuple[str, ...]:
    return named_files(settings, THERE.__contains__)


@pytest.mark.parametrize(
    ("check", "files"),
    [
        (".ci/run", (".ci/run",)),
        ("./.ci/run --fast", (".ci/run",)),
        ("bash -e .ci/run && true", (".ci/run",)),
        ("make test", ("GNUmakefile", "Makefile", "makefile")),
        ("npm run lint", ("package.json",)),
        ("pytest -c pytest.ini", ("pytest.ini",)),
        ("pytest tests/test_a.py", ()),
        ("cat /etc/Makefile", ()),
        ("cat ../Makefile", ()),
        ("it's", ()),
        ("bun run lint", ("bunfig.toml", "package.json")),
        ("just lint", (".justfile",)),
        ("cd web && npm test", ("package.json", "web/package.json")),
        ("npm --prefix=web test", ("package.json", "web/package.json")),
        ("bash -c 'cd web; npm test'", ("package.json", "web/package.json")),
        ("(make test)", ("GNUmakefile", "Makefile", "makefile")),
    ],
)
def test_the_protected_files_that_a_check_runs_by_name_belong_to_it(check: str, files: tuple[str, ...]) -> None:
    assert named(project(f"[checks]\ntest = {json.dumps(check)}")) == files


def test_the_files_of_set_up_free_tools_and_of_checks_as_tables_are_found_too() -> None:
    settings = project("[checks]\na = {command = 'make a'}\n[tools.t]\ncommand = 'sh'\nargs = ['.ci/t']\n")
    assert set(named(settings)) == {"Makefile", "GNUmakefile", "makefile", ".ci/t"}


def test_a_file_is_told_line_by_line_and_a_large_one_by_its_hash() -> None:
    assert brought("[checks]\na = '.ci/a'", {".ci/a": b"one\ntwo\n"}) == {
        "checks.a": ".ci/a",
        "file .ci/a": ["one", "two"],
    }
    large = brought("[checks]\na = '.ci/a'", {".ci/a": b"x" * (LARGEST_SHOWN + 1)})
    assert isinstance(large, dict)
    assert set(large["file .ci/a"]) == {"sha256", "bytes"}


def test_any_change_of_such_a_file_changes_what_would_run() -> None:
    contents = (b"a", b"b", b"a\n\n", b"\xff", b"\\xff", b"a\nb", b"a\x0cb", b"a\r\nb", b"a\xc2\x85b")
    texts = {would_run(project("agent = 'x'"), {".ci/a": content}) for content in contents}
    assert len(texts) == len(contents)


def test_where_secrets_are_kept_is_never_shown() -> None:
    assert named(project('[checks]\ntest = "test -e .env && sh conf/.env.local"')) == ()

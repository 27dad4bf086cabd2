"""A cloned project brings commands: nothing of it runs before `penstock trust`, and a change asks again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk

LOOKS = (
    ("run",),
    ("run", "--dry-run"),
    ("plan", "check"),
    ("plan", "show"),
    ("doctor",),
    ("config", "show"),
    ("trust", "--show"),
)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file that a command of the project would leave."""
    return tmp_path / "ran"


@pytest.fixture
def cloned(desk: Desk, trace: Path) -> Desk:
    """A project of somebody else's that wants to run much."""
    desk.write(
        "penstock.toml",
        f"agent = 'own'\n[checks]\nown = 'sh .ci/check'\n[tools.own]\ntype = 'ai'\ncommand = 'touch'\n"
        f"args = ['{trace}']\n[executor]\nmin_free_gb = 0.0\n",
    )
    desk.write(".ci/check", f"touch {trace}\n")
    desk.write(".githooks/post-checkout", f"#!/bin/sh\ntouch {trace}\n").chmod(0o755)
    desk.bundle("a", acceptance_tests=[{"run": f"touch {trace}"}])
    desk.commit()
    return desk


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_nothing_of_it_runs_before_it_is_trusted(cloned: Desk, ask: Any, trace: Path, words: tuple[str, ...]) -> None:
    assert cloned.project.exists()
    ask(*words)
    assert not trace.exists()
    assert "not agreed to yet" in ask("trust", "--show").out


def test_a_run_is_refused_with_all_that_it_would_run_and_runs_once_that_is_agreed_to(
    cloned: Desk, ask: Any, trace: Path
) -> None:
    refused = ask("run")
    assert refused.code == 2
    for word in ("sh .ci/check", '"agent": "own"', '"tools.own"', f"touch {trace}"):
        assert word in refused.err
    assert ask("trust").code == 0
    assert ask("run").code == 0
    assert trace.exists(), "the check is real, so that it did not run before means something"
    assert cloned.git("branch", "--list", "penstock/*")


@pytest.mark.parametrize("way", ["setting", "link"])
def test_a_plan_that_a_project_says_is_elsewhere_does_not_run_unasked(
    desk: Desk, ask: Any, tmp_path: Path, trace: Path, way: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    desk.bundle("a", acceptance_tests=[{"run": f"touch {trace}"}])
    (desk.project / "workstreams").rename(elsewhere)
    if way == "link":
        (desk.project / "workstreams").symlink_to("../elsewhere")
    else:
        desk.write("penstock.toml", "workstreams_dir = '../elsewhere'\n")
    desk.commit()
    assert ask("run").code == 2
    assert not trace.exists()
    assert ask("trust").code == 0
    assert ask("run").code == 0
    assert trace.exists()


def test_a_changed_file_that_a_check_runs_asks_again_and_shows_the_difference(cloned: Desk, ask: Any) -> None:
    assert ask("trust").code == 0
    cloned.write(".ci/check", "true\nrm -rf everything\n")
    cloned.commit()
    refused = ask("run")
    assert refused.code == 2
    assert '+  "rm -rf everything"' in refused.err
    shown = ask("trust", "--show").out
    assert "what differs from what you have agreed to:" in shown
    assert shown.count("rm -rf everything") == 2, "once in all that would run, once in what differs"
    told = ask("trust", "--json").json
    assert (told["was_trusted"], told["trusted"]) == (False, True)
    assert told["would_run"]["file .ci/check"] == ["true", "rm -rf everything"]
    assert any(line.startswith("-") for line in told["difference"])
    again = ask("trust", "--show", "--json").json
    assert (again["was_trusted"], again["trusted"], again["difference"]) == (True, True, [])


def test_who_has_not_committed_yet_what_is_to_be_trusted_is_told(cloned: Desk, ask: Any) -> None:
    told = "your files say otherwise, but only what is committed to main counts: commit them"
    assert told not in ask("trust").out
    cloned.write("penstock.toml", "[checks]\nother = 'make'\n")
    assert told in ask("trust").out


def test_what_is_agreed_to_is_what_was_shown(cloned: Desk, ask: Any) -> None:
    assert ask("trust").code == 0
    cloned.write("readme.txt", "another\n")
    cloned.commit()
    assert "agreed to already" in ask("trust", "--show").out, "what nothing runs asks nothing"
    cloned.write("penstock.toml", "agent = 'scripted'\n")
    cloned.commit()
    assert "not agreed to yet" in ask("trust", "--show").out


@pytest.mark.parametrize(
    "text",
    [
        "[upstreams.mine]\nurl = 'http://127.0.0.1:1'\n",
        "[tools.aider]\ntype = 'ai'\ncommand = 'aider'\nenv = {OPENAI_API_BASE = 'http://127.0.0.1:1'}\n",
        "[hooks]\nafter = 'touch ran'\n",
        "confine = 'off'\n",
    ],
)
def test_what_no_project_may_say_is_refused_by_name(desk: Desk, ask: Any, text: str) -> None:
    desk.write("penstock.toml", text)
    desk.bundle("a")
    desk.commit()
    refused = ask("trust")
    assert refused.code == 2
    assert refused.err.startswith("error: the settings have a problem:")
    assert "penstock.toml:" in refused.err

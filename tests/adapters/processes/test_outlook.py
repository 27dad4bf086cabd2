"""What confined processes see is worked out once, and again when one of the places that it rests on is another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.processes import outlook as outlook_module
from penstock.adapters.processes.checkout import MOST_HIDDEN, look_through
from penstock.adapters.processes.outlook import Outlook

if TYPE_CHECKING:
    from collections.abc import Callable

SEARCHED = "/usr/bin:/bin"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("user", "state", "keys", "others"):
        (tmp_path / folder).mkdir()
    return tmp_path / "user"


@pytest.fixture
def outlook(home: Path) -> Outlook:
    return Outlook(home=home, hidden=(home.parent / "state",), readable=(home.parent / "state/objects",), environ={})


def words(outlook: Outlook) -> tuple[str, ...]:
    return outlook.sight((), SEARCHED).confinement.before


def test_it_is_worked_out_once_while_nothing_changes(outlook: Outlook, home: Path) -> None:
    first = outlook.sight(("/bin/sh",), SEARCHED)
    (home / "notes").write_text("of no account")
    assert outlook.sight(("/bin/sh",), SEARCHED) is first


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("user/.ssh", lambda path: path.mkdir()),
        ("user/.netrc", lambda path: path.write_text("a key")),
        ("user/.bashrc", lambda path: path.write_text("export API_KEY=a-key")),
        ("state/objects", lambda path: path.mkdir()),
    ],
)
def test_what_is_made_meanwhile_is_known_to_the_next(
    outlook: Outlook, home: Path, name: str, make: Callable[[Path], object]
) -> None:
    place = home.parent / name
    assert str(place) not in words(outlook)
    make(place)
    assert str(place) in words(outlook)


def test_a_link_to_keys_that_is_turned_to_others_hides_the_others(outlook: Outlook, home: Path) -> None:
    (home / ".ssh").symlink_to(home.parent / "keys")
    assert str(home.parent / "keys") in words(outlook)
    (home / ".ssh").unlink()
    (home / ".ssh").symlink_to(home.parent / "others")
    assert str(home.parent / "others") in words(outlook)


def test_keys_that_are_moved_are_hidden_where_they_lie_then(outlook: Outlook, home: Path) -> None:
    (home / ".ssh").symlink_to(home.parent / "keys")
    words(outlook)
    (home / ".ssh").unlink()
    (home.parent / "keys").rename(home.parent / "moved")
    (home / ".ssh").symlink_to(home.parent / "moved")
    assert str(home.parent / "moved") in words(outlook)
    assert str(home.parent / "keys") not in words(outlook)


def test_a_file_of_keys_that_becomes_a_folder_is_emptied_as_one(outlook: Outlook, home: Path) -> None:
    (home / ".pip").write_text("a key")
    outlook.sight((), SEARCHED)
    (home / ".pip").unlink()
    (home / ".pip").mkdir()
    assert str(home / ".pip") in outlook.sight((), SEARCHED).confinement.after


def test_a_tool_that_is_installed_meanwhile_is_told_of(outlook: Outlook, home: Path) -> None:
    assert "RUSTUP_HOME" not in outlook.sight((), SEARCHED).toolchains
    (home / ".rustup").mkdir()
    assert outlook.sight((), SEARCHED).toolchains["RUSTUP_HOME"] == str(home / ".rustup")


def test_no_more_is_remembered_than_is_of_use(outlook: Outlook) -> None:
    for number in range(2 * outlook_module.MOST):
        outlook.sight((f"/bin/tool-{number}",), SEARCHED)
    assert len(outlook._known) <= outlook_module.MOST


def test_what_is_hidden_is_known_to_be_and_what_is_put_in_again_is_not(open_place: Path) -> None:
    home, state = open_place / "user", open_place / "state"
    outlook = Outlook(home=home, hidden=(state,), readable=(state / "objects",), environ={})
    for path in (state, state / "secret", home / ".ssh/id", home / ".claude/local/claude"):
        assert outlook.hides(path)
    for path in (state / "objects/pack", home / "work", home / ".local/bin/claude", open_place / "others"):
        assert not outlook.hides(path)


def test_all_below_what_a_confined_process_has_for_itself_is_hidden(outlook: Outlook) -> None:
    assert outlook.hides(Path("/tmp/agents/bin/codex"))
    assert outlook.hides(Path("/run/codex"))
    assert not outlook.hides(Path("/usr/bin/codex"))


def test_only_what_lies_in_the_checkout_is_a_setting_of_it(open_place: Path) -> None:
    checkout = open_place / ".envs" / "checkout"
    checkout.mkdir(parents=True)
    outlook = Outlook(home=open_place / "user", hidden=(), readable=(), environ={}, checkout=checkout)
    assert outlook.hides(checkout / "apps" / ".env3" / "bin" / "tool")
    assert not outlook.hides(checkout / "bin" / "tool")
    (checkout / ".env").write_text("made later")
    assert str(checkout / ".env") in words(outlook)


def test_settings_that_are_made_anywhere_in_the_checkout_are_hidden_from_the_next(open_place: Path) -> None:
    checkout = open_place / "checkout"
    (checkout / "apps/web").mkdir(parents=True)
    outlook = Outlook(home=open_place / "user", hidden=(), readable=(), environ={}, checkout=checkout)
    os.utime(checkout / "apps/web", (0, 0))  # else its time may be that of what is made next
    first = outlook.sight((), SEARCHED)
    (checkout / "apps/web/main.py").write_text("no setting")
    assert outlook.sight((), SEARCHED) is first
    os.utime(checkout / "apps/web", (0, 0))
    (checkout / "apps/web/.env.production").write_text("KEY=made later")
    assert str(checkout / "apps/web/.env.production") in words(outlook)


def test_where_too_many_files_are_to_be_hidden_the_folders_that_hold_them_are(tmp_path: Path) -> None:
    for number in range(MOST_HIDDEN + 1):
        (tmp_path / f"services/all/s{number}").mkdir(parents=True)
        (tmp_path / f"services/all/s{number}/.env.example").touch()
    assert len(look_through(tmp_path, ()).secrets) < 10
    assert tmp_path / "services/all" in look_through(tmp_path, ()).secrets
    (tmp_path / "services/all/s0/.env.example").unlink()
    assert tmp_path / "services/all/s1/.env.example" in look_through(tmp_path, ()).secrets


def test_worktrees_that_lie_in_the_checkout_are_hidden_as_a_whole_and_not_looked_through(open_place: Path) -> None:
    checkout = open_place / "checkout"
    for folder in (".worktrees/run/ws/deep", "apps"):
        (checkout / folder).mkdir(parents=True)
    looked_through = [path for path, _ in look_through(checkout, (checkout / ".worktrees",)).folders]
    assert looked_through == [str(checkout), str(checkout / "apps")]

"""What a checkout is given, what is refused, and what is taken out of it again."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from building import made, source, store

from ordinary_user import as_ordinary_user
from penstock.adapters.environments.lending import furnish, withdraw
from penstock.ports import Environment, SetupFailed, UserFile


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return asyncio.run(made(store(tmp_path), source(tmp_path)))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "packages" / "one").mkdir(parents=True)
    (folder / "packages" / "one" / "mine").write_text("the checkout's\n")
    return folder


def without_links(environment: Environment) -> Environment:
    return Environment(identity=environment.identity, folder=environment.folder, outputs=environment.outputs)


def test_an_output_is_one_link(environment: Environment, checkout: Path, tmp_path: Path) -> None:
    given = furnish(checkout, without_links(environment), (), tmp_path / "record")
    assert (checkout / "out").readlink() == environment.folder / "out"
    assert given.readable == (environment.folder,)


def test_links_to_the_project_mean_the_checkout(environment: Environment, checkout: Path, tmp_path: Path) -> None:
    furnish(checkout, environment, (), tmp_path / "record")
    assert (checkout / "out" / "own" / "mine").read_text() == "the checkout's\n"
    assert (checkout / "out" / "deep").readlink() == environment.folder / "out" / "deep"
    withdraw(checkout, tmp_path / "record")
    assert [path.name for path in checkout.iterdir()] == ["packages"]


def test_what_an_agent_put_in_a_links_place_stays(environment: Environment, checkout: Path, tmp_path: Path) -> None:
    furnish(checkout, without_links(environment), (), tmp_path / "record")
    (checkout / "out").unlink()
    (checkout / "out").symlink_to("packages")
    withdraw(checkout, tmp_path / "record")
    assert str((checkout / "out").readlink()) == "packages"


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_tree_that_holds_an_output_itself_is_refused(
    environment: Environment, checkout: Path, tmp_path: Path, kind: str
) -> None:
    place = checkout / "out"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("x")
    else:
        place.symlink_to("/nowhere")
    with pytest.raises(SetupFailed, match="the tree holds out itself"):
        furnish(checkout, environment, (), tmp_path / "record")


def test_nothing_is_put_behind_a_link_of_the_tree(environment: Environment, checkout: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (checkout / "deep").symlink_to(outside)
    inside = Environment(identity="x", folder=environment.folder, outputs=("deep/out",))
    with pytest.raises(SetupFailed, match="a folder above it is a link"):
        furnish(checkout, inside, (UserFile(path="deep/.env", content=b"x"),), tmp_path / "record")
    furnish(checkout, None, (UserFile(path="deep/.env", content=b"x"),), tmp_path / "record")
    assert list(outside.iterdir()) == []


def test_an_output_of_a_folder_that_the_tree_no_longer_has_is_left_out(
    environment: Environment, checkout: Path, tmp_path: Path
) -> None:
    furnish(
        checkout, Environment(identity="x", folder=environment.folder, outputs=("gone/out",)), (), tmp_path / "record"
    )
    assert not (checkout / "gone").exists()


def test_copies_go_where_the_tree_has_nothing_and_are_taken_out_by_name(checkout: Path, tmp_path: Path) -> None:
    copies = (
        UserFile(path=".env", content=b"A=1\n"),
        UserFile(path="bin/tool", content=b"#!/bin/sh\n", is_executable=True),
        UserFile(path="packages/one/mine", content=b"not mine\n"),
        UserFile(path="packages/one/mine/below", content=b"nowhere to go\n"),
    )
    record = tmp_path / "attempt" / "record"
    furnish(checkout, None, copies, record)
    assert (checkout / ".env").read_text() == "A=1\n"
    assert (checkout / "bin" / "tool").stat().st_mode & 0o100
    assert (checkout / "packages" / "one" / "mine").read_text() == "the checkout's\n"
    (checkout / ".env").write_text("A=2\n")
    withdraw(checkout, record)
    assert not (checkout / ".env").exists()
    assert not (checkout / "bin" / "tool").exists()
    assert (record.parent / "changed_copies" / ".env").read_text() == "A=2\n"
    withdraw(checkout, record)  # twice is the same as once


def test_a_copy_that_was_made_larger_than_any_memory_is_kept_unread(checkout: Path, tmp_path: Path) -> None:
    record = tmp_path / "attempt" / "record"
    furnish(checkout, None, (UserFile(path=".env", content=b"A=1\n"),), record)
    os.truncate(checkout / ".env", 1 << 42)
    withdraw(checkout, record)
    assert (record.parent / "changed_copies" / ".env").stat().st_size == 1 << 42


def test_a_record_of_an_earlier_time_has_no_sizes(checkout: Path, tmp_path: Path) -> None:
    record = tmp_path / "attempt" / "record"
    furnish(checkout, None, (UserFile(path=".env", content=b"A=1\n"),), record)
    said = json.loads(record.read_text())
    record.write_text(json.dumps({**said, "copies": [one[:2] for one in said["copies"]]}))
    withdraw(checkout, record)
    assert not (checkout / ".env").exists()
    assert not (record.parent / "changed_copies").exists()


def test_a_copy_behind_a_link_that_an_agent_made_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    record, outside = tmp_path / "record", tmp_path / "outside"
    furnish(checkout, None, (UserFile(path="conf/.env", content=b"A=1\n"),), record)
    outside.mkdir()
    (outside / ".env").write_text("the user's\n")
    (checkout / "conf" / ".env").unlink()
    (checkout / "conf").rmdir()
    (checkout / "conf").symlink_to(outside)
    withdraw(checkout, record)
    assert (outside / ".env").read_text() == "the user's\n"


def test_a_virtual_environment_stands_first_on_the_path(tmp_path: Path, checkout: Path) -> None:
    folder = tmp_path / "made"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").touch()
    given = furnish(checkout, Environment(identity="x", folder=folder, outputs=(".venv",)), (), tmp_path / "record")
    assert given.programs == (folder / ".venv" / "bin",)
    assert given.variables == {"VIRTUAL_ENV": str(folder / ".venv"), "UV_NO_SYNC": "1"}


@pytest.mark.parametrize("closed", [".", "conf", "conf/deep", "conf/deep/.env"])
def test_what_an_agent_closed_hides_nothing_that_was_lent(closed: str) -> None:
    as_ordinary_user(
        "from penstock.adapters.environments.lending import furnish, withdraw\n"
        "from penstock.ports import Environment, UserFile",
        f"""
checkout, made, record = folder / "checkout", folder / "made", folder / "record"
for place in (checkout / "conf/deep", made / "conf/deep/node_modules"):
    place.mkdir(parents=True)
environment = Environment(identity="i", folder=made, outputs=("conf/deep/node_modules",), homeward={{}})
furnish(checkout, environment, [UserFile(path="conf/deep/.env", content=b"A=1")], record)
(checkout / "{closed}").chmod(0)
withdraw(checkout, record)
assert list((checkout / "conf/deep").iterdir()) == []
assert not (folder / "changed_copies").exists()
""",
    )


def test_what_stands_in_the_place_of_the_checkout_itself_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    record, outside = tmp_path / "record", tmp_path / "outside"
    furnish(checkout, None, (UserFile(path=".env", content=b"A=1\n"),), record)
    outside.mkdir()
    (outside / ".env").write_text("A=1\n")
    checkout.rename(tmp_path / "aside")
    checkout.symlink_to(outside)
    withdraw(checkout, record)
    assert (outside / ".env").read_text() == "A=1\n"

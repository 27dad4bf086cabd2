"""Environments are made once, whole or not at all, and nobody changes one unseen."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from building import NAME, made, source, store

from deep_folders import DEEP, dig
from ordinary_user import as_ordinary_user
from penstock import disk
from penstock.adapters.environments import trees
from penstock.adapters.environments.built import MOST_CHANGED, EnvironmentKeepsChanging
from penstock.domain.setup import Setup
from penstock.ports import Environment, SetupFailed

ROOT = Path(__file__).resolve().parents[3]


def test_whatever_decides_an_environment_gives_it_another_name(tmp_path: Path) -> None:
    async def names() -> list[str]:
        plain = Setup(commands=("make",), inputs=("a",), outputs=("out",))
        other = Setup(commands=("make all",), inputs=("a",), outputs=("out",))
        more = Setup(commands=("make",), inputs=("a",), outputs=("out", "more"))
        here = store(tmp_path)
        elsewhere = store(tmp_path)
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python3").write_text("#!/bin/sh\n")
        (tmp_path / "bin" / "python3").chmod(0o755)
        elsewhere.search_path = f"{tmp_path}/bin"
        return [
            await here.identity(plain, {"a": b"1"}),
            await here.identity(plain, {"a": b"2"}),
            await here.identity(plain, {"b": b"1"}),
            await here.identity(other, {"a": b"1"}),
            await here.identity(more, {"a": b"1"}),
            await elsewhere.identity(plain, {"a": b"1"}),
            await here.identity(plain, {"a": b"1"}),
        ]

    found = asyncio.run(names())
    assert len(set(found)) == 6
    assert found[0] == found[-1]


def test_only_the_outputs_are_kept_and_nobody_may_write_them(tmp_path: Path) -> None:
    environment = asyncio.run(made(store(tmp_path), source(tmp_path)))
    assert [path.name for path in environment.folder.iterdir()] == ["out"]
    assert environment.outputs == ("out",)
    assert environment.homeward == {"out/own": "packages/one"}
    modes = [path.lstat().st_mode for path in environment.folder.rglob("*") if not path.is_symlink()]
    assert not [mode for mode in (*modes, environment.folder.stat().st_mode) if mode & trees.WRITABLE]


def test_what_is_made_is_found_by_other_processes_and_not_made_again(tmp_path: Path) -> None:
    tree = source(tmp_path)

    async def all_at_once() -> list[Environment]:
        return await asyncio.gather(*(made(store(tmp_path), tree) for _ in range(5)))

    found = asyncio.run(all_at_once())
    assert len({environment.folder for environment in found}) == 1
    assert asyncio.run(store(tmp_path).find(NAME)) == found[0]


@pytest.mark.parametrize("damage", ["changed", "added", "removed", "opened", "replaced"])
def test_what_somebody_wrote_into_is_made_anew_at_another_place(tmp_path: Path, damage: str) -> None:
    tree, environments = source(tmp_path), store(tmp_path)
    first = asyncio.run(made(environments, tree))
    victim = first.folder / "out" / "deep" / "file"
    if damage == "opened":
        victim.chmod(0o644)
    else:
        victim.parent.chmod(0o755)
        if damage == "added":
            (victim.parent / "evil").write_text("x")
        elif damage == "changed":
            victim.chmod(0o644)
            was = victim.stat()
            victim.write_text("fade\n")
            os.utime(victim, ns=(was.st_atime_ns, was.st_mtime_ns))
            victim.chmod(0o444)
        else:
            victim.unlink()
            if damage == "replaced":
                victim.write_text("made\n")
        victim.parent.chmod(0o555)
    assert asyncio.run(environments.find(NAME)) is None
    second = asyncio.run(made(environments, tree))
    assert second.folder != first.folder
    assert (second.folder / "out" / "deep" / "file").read_text() == "made\n"


def test_what_is_written_into_again_and_again_ends_with_a_reason(tmp_path: Path) -> None:
    tree, environments = source(tmp_path), store(tmp_path)
    for _ in range(MOST_CHANGED):
        (asyncio.run(made(environments, tree)).folder / "out" / "deep" / "file").chmod(0o644)
        assert asyncio.run(environments.find(NAME)) is None
    (asyncio.run(made(environments, tree)).folder / "out" / "deep" / "file").chmod(0o644)
    with pytest.raises(EnvironmentKeepsChanging, match="caches can be put elsewhere"):
        asyncio.run(environments.find(NAME))


def test_a_set_up_that_fails_leaves_nothing(tmp_path: Path) -> None:
    environments = store(tmp_path)

    async def fail() -> None:
        async with environments.construct(NAME, source(tmp_path)):
            raise SetupFailed("it did not work")

    with pytest.raises(SetupFailed):
        asyncio.run(fail())
    assert asyncio.run(environments.find(NAME)) is None
    assert [path.name for path in (environments.root / NAME).iterdir()] == ["lock"]


def test_an_output_that_was_not_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="node_modules"):
        asyncio.run(made(store(tmp_path), source(tmp_path), outputs=("out", "node_modules")))
    assert asyncio.run(store(tmp_path).find(NAME)) is None


_BUILDER = """
import asyncio, sys, time
from pathlib import Path
from building import NAME, store
async def build():
    async with store(Path(sys.argv[1])).construct(NAME, Path(sys.argv[2])) as site:
        (site.folder / "out").mkdir()
        print(site.folder, flush=True)
        time.sleep(60)
asyncio.run(build())
"""


def test_a_kill_in_the_middle_leaves_nothing_that_looks_whole_and_holds_nobody_up(tmp_path: Path) -> None:
    tree, here = source(tmp_path), Path(__file__).parent
    builder = subprocess.Popen(
        [sys.executable, "-c", _BUILDER, str(tmp_path), str(tree)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{here}:{ROOT}/src", "PATH": os.environ["PATH"]},
        text=True,
    )
    assert builder.stdout is not None
    half = Path(builder.stdout.readline().strip())
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    builder.stdout.close()
    environments = store(tmp_path)
    assert (half / "out").is_dir()
    assert asyncio.run(environments.find(NAME)) is None
    assert asyncio.run(made(environments, tree)).folder != half
    assert not half.exists()


def test_files_of_the_users_cache_are_not_closed_by_their_second_name(tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    cached.write_text("x\n")

    async def build() -> Environment:
        async with store(tmp_path).construct(NAME, source(tmp_path)) as site:
            assert not isinstance(site, Environment)
            (site.folder / "out").mkdir()
            (site.folder / "out" / "linked").hardlink_to(cached)
            return await site.finish(("out",))

    environment = asyncio.run(build())
    assert cached.stat().st_mode & 0o200
    assert cached.stat().st_nlink == 1
    assert (environment.folder / "out" / "linked").read_text() == "x\n"


def test_an_ordinary_user_closes_and_removes_linked_files_too() -> None:
    as_ordinary_user(
        "from penstock import disk; from penstock.adapters.environments import trees",
        "(folder / 'made/deep').mkdir(parents=True); (folder / 'cached').write_text('x')\n"
        "(folder / 'made/deep/linked').hardlink_to(folder / 'cached')\n"
        "trees.close(folder / 'made')\n"
        "assert (folder / 'cached').stat().st_nlink == 1\n"
        "assert not any(path.stat().st_mode & 0o222 for path in (folder / 'made').rglob('*'))\n"
        "disk.remove(folder / 'made')\n"
        "assert os.listdir(folder) == ['cached']\n",
    )


def test_no_depth_of_a_checkout_or_of_an_output_is_too_much(tmp_path: Path) -> None:
    tree = source(tmp_path)
    dig(tree, "d", DEEP)
    environments = store(tmp_path)

    async def dug() -> Environment:
        async with environments.construct(NAME, tree) as site:
            assert not isinstance(site, Environment)
            (site.folder / "out").mkdir()
            dig(site.folder / "out", "d", DEEP)
            return await site.finish(("out",))

    made_of_it = asyncio.run(dug())
    assert asyncio.run(environments.find(NAME)) == made_of_it
    disk.remove(tree / "d")  # pytest could not
    disk.remove(made_of_it.folder)


def test_an_output_with_too_long_a_path_is_the_set_ups_failure_and_does_not_stay(tmp_path: Path) -> None:
    async def dug() -> None:
        async with store(tmp_path).construct(NAME, source(tmp_path)) as site:
            assert not isinstance(site, Environment)
            (site.folder / "out").mkdir()
            dig(site.folder / "out", "d" * 200, 40)
            await site.finish(("out",))

    with pytest.raises(SetupFailed, match="longer than this system takes"):
        asyncio.run(dug())
    assert [path.name for path in (tmp_path / "environments" / NAME).iterdir()] == ["lock"]

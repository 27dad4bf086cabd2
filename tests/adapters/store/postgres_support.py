"""What the tests of the store on a Postgres server share."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from penstock.adapters.locks import FileLocks
from penstock.domain.plan import Plan, Scope, Workstream
from penstock.domain.ranked import rank
from penstock.domain.run import Policy, new_run
from penstock.ports import Holder, NewRun

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from penstock.adapters.store.opening import Database
    from penstock.ports import Held


def name_of(address: str) -> str:
    return address.rpartition("/")[2]


def run_of_one(name: str = "run-1") -> NewRun:
    workstream = Workstream(id="ws-a", tasks=("x",), scope=Scope(files=("a",)))
    run = new_run(id=name, plan=rank(Plan(workstreams=(workstream,))), policy=Policy(), branch="b")
    return NewRun(run=run, project="p", project_path="/p", settings={}, documents=[])


def owned(database: Database, folder: Path, run: str = "run-1") -> Held:
    locks = database.locks(FileLocks(folder, database.clock))
    with ThreadPoolExecutor(1) as another:  # from within a loop too
        held = another.submit(asyncio.run, locks.acquire(run)).result()
    assert not isinstance(held, Holder)
    return held


def rows(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM schema_meta").scalar_one())

"""A visit as its owner holds it, from other threads and loops than the gateway's."""

from __future__ import annotations

import asyncio
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
from gateway_support import ask, body, caller, client, house

from penstock.domain.errors import WorldError
from penstock.gateway.running import Running
from penstock.gateway.serving import Gateway
from penstock.ports.models import Models, Stop, StopKind, Visit


def test_a_gateway_is_what_the_engine_asks_for() -> None:
    with house() as home:
        models: Models = home.gateway
        visit: Visit = models.admit(caller(), "claude", max_calls=3)
        assert visit.access.protocol == "anthropic"
        assert visit.access.base_url.startswith("http://127.0.0.1:")
        assert not visit.access.base_url.endswith("/")
        assert visit.calls == 0


def test_who_waits_for_the_stop_may_be_cancelled_and_it_comes_all_the_same() -> None:
    with house() as home:
        visit = home.admit(max_calls=1)

        async def wait() -> None:
            waiting = asyncio.wrap_future(visit.stop)
            waiting.cancel()
            await asyncio.sleep(0)

        asyncio.run(wait())
        assert not visit.stop.cancelled()
        ask(visit)
        ask(visit)

        async def hear() -> Stop:
            return await asyncio.wait_for(asyncio.wrap_future(visit.stop), 5)

        assert asyncio.run(hear()).kind is StopKind.REQUESTS


def test_only_the_first_reason_to_stop_counts() -> None:
    with house() as home:
        visit = home.admit()
        reasons = [Stop(kind=StopKind.BUDGET, sentence=f"{number}") for number in range(50)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(visit.end, reasons))
        assert visit.stop.result(timeout=0) in reasons


def test_many_visits_come_and_go_at_once() -> None:
    with house() as home:

        def stay(number: int) -> int:
            visit = home.admit(workstream=f"ws-{number}")
            try:
                return ask(visit, stream=number % 2 == 0).status_code
            finally:
                visit.close()

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(stay, range(40))) == {200}
        assert len(home.rows()) == 40
        assert {row["status"] for row in home.rows()} == {"ok"}


def test_closing_a_visit_after_its_gateway_is_closing_it() -> None:
    with house() as home:
        visit = home.admit()
        home.gateway.close()
        visit.close()
        assert visit.is_closed


def test_the_door_also_listens_on_a_socket_that_only_its_owner_can_open() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, house() as home:  # a socket's path must be short
        place = Path(folder) / "gateway.sock"
        gateway = Gateway(replace(home.gateway.parts, socket_path=place))
        visit = gateway.admit(caller(), "claude", max_calls=0)
        try:
            assert stat.S_IMODE(place.stat().st_mode) == 0o600
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(place))) as agent:
                headers = {"x-api-key": visit.access.key}
                answer = agent.post("http://models/v1/messages", json=body("anthropic"), headers=headers)
            assert answer.status_code == 200
        finally:
            gateway.close()
        assert not place.exists()


def test_the_gateway_lives_on_a_thread_of_its_own_that_ends_with_it() -> None:
    with house() as home:
        assert "penstock-gateway" not in {thread.name for thread in threading.enumerate()}
        with client(home.admit()) as agent:
            agent.get("/")
        assert "penstock-gateway" in {thread.name for thread in threading.enumerate()}
        home.gateway.close()
        assert "penstock-gateway" not in {thread.name for thread in threading.enumerate()}


def test_a_gateway_that_can_not_start_says_so_at_once() -> None:
    def make() -> NoReturn:
        raise ValueError("there is no room")

    with pytest.raises(WorldError, match="there is no room"):
        Running(make)

"""Servers for the tests of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from api_server import Place, Server, bundle, made_place, serving

from penstock.config.server import ServerSettings


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A user's project with one bundle."""
    return made_place(tmp_path_factory.mktemp("place"), {"ws-one": bundle("ws-one")})


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    """A server for the user, who has agreed to the project's commands and has no key of a provider."""
    penstock = place.penstock()
    penstock.projects.trust_here(penstock.projects.current())
    with serving(penstock, ServerSettings()) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants a key and takes small bodies alone."""
    place = made_place(tmp_path_factory.mktemp("locked"), {})
    settings = replace(ServerSettings(), api_keys=("first-key", "second-key"), max_request_body="2KB")
    with serving(place.penstock(), replace(settings, allowed_hosts=("penstock.example",))) as running:
        yield running

"""The section [server]: what it takes, and that it belongs to the user."""

from __future__ import annotations

import pytest

from penstock.config.environment import read_environment
from penstock.config.loading import SettingsInvalid, Sources, load
from penstock.config.sections import PROJECT_SECTIONS
from penstock.config.server import ServerSettings
from penstock.config.settings import Settings

NAMES = {
    "API_HOST": "127.0.0.1",
    "API_PORT": "8001",
    "API_KEYS": "first-key, second-key",
    "ALLOWED_HOSTS": "penstock.example",
    "MAX_REQUEST_BODY_SIZE": "1MB",
    "DATA_DRIVEN_ORCHESTRATION": "FALSE",
}


def loaded(environ: dict[str, str], project: str = "", user: str = "") -> Settings:
    files = {"penstock.toml": project.encode()} if project else {}
    environment = read_environment(environ, PROJECT_SECTIONS)
    return load(PROJECT_SECTIONS, Sources(environment=environment, user=user.encode() or None, project=files))


@pytest.mark.parametrize("prefix", ["", "WORKBENCH_"])
def test_every_promised_name_is_understood(prefix: str) -> None:
    found = loaded({f"{prefix}{name}": value for name, value in NAMES.items()}).node(ServerSettings)
    assert found == ServerSettings(
        host="127.0.0.1",
        port=8001,
        api_keys=("first-key", "second-key"),
        allowed_hosts=("penstock.example",),
        max_request_body="1MB",
        data_driven_orchestration=False,
    )


def test_two_names_that_differ_are_told() -> None:
    (warning,) = loaded({"API_PORT": "8001", "WORKBENCH_API_PORT": "8002"}).warnings
    assert "API_PORT" in warning
    assert "WORKBENCH_API_PORT" in warning


def test_keys_are_never_shown() -> None:
    shown = str(loaded(NAMES).rows())
    assert "first-key" not in shown
    assert "second-key" not in shown


def test_a_key_alone_where_a_list_is_wanted_is_not_shown() -> None:
    with pytest.raises(SettingsInvalid, match="api_keys must be a list, found a text") as caught:
        loaded({}, user='[server]\napi_keys = "planted-key"\n')
    assert "planted-key" not in caught.value.sentence


@pytest.mark.parametrize("line", ['host = "0.0.0.0"', 'api_keys = ["planted-key"]', 'allowed_hosts = ["evil.example"]'])
def test_no_project_may_open_the_server(line: str) -> None:
    with pytest.raises(SettingsInvalid, match="user's own configuration"):
        loaded({}, f"[server]\n{line}\n")


@pytest.mark.parametrize(
    ("written", "size"), [("10485760", 10_485_760), ("10MB", 10_000_000), ("10 mb", 10_000_000), ("1MiB", 1 << 20)]
)
def test_a_size_is_bytes_or_has_a_unit(written: str, size: int) -> None:
    assert ServerSettings(max_request_body=written).body_limit == size


@pytest.mark.parametrize("written", ["", "many", "10GB", "-1", "1", "9999999999999", "1.5MB"])
def test_a_size_that_can_not_be_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="max_request_body"):
        ServerSettings(max_request_body=written)

"""The sections of the user's configuration: what may stand in them, and what is said of what may not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from penstock.config.environment import EnvironmentReading, Places
from penstock.config.loading import SettingsInvalid, Sources, load
from penstock.config.settings import Settings
from penstock.gateway.settings import (
    GatewaySettings,
    ModelSettings,
    ModelsSettings,
    UpstreamSettings,
    UpstreamsSettings,
)

NODES = {"upstreams": UpstreamsSettings, "models": ModelsSettings, "gateway": GatewaySettings}
PLACES = EnvironmentReading(places=Places(home=Path("/home"), user_file=Path("/config.toml")))


def read(text: str) -> Settings:
    """The user's file."""
    return load(NODES, Sources(environment=PLACES, user=text.encode()))


def upstream(text: str, name: str = "mine") -> UpstreamSettings:
    """An upstream of the user's file."""
    found = read(text).node(UpstreamsSettings).named(name)
    assert found is not None
    return found


def problems(text: str) -> str:
    """What is wrong with the user's file."""
    with pytest.raises(SettingsInvalid) as caught:
        read(text)
    return "\n".join(caught.value.problems)


def test_anthropic_openai_and_replay_are_built_in() -> None:
    settings = read("").node(UpstreamsSettings)
    assert sorted(settings.upstreams) == ["anthropic", "openai", "replay"]
    anthropic, openai = settings.named("anthropic"), settings.named("openai")
    assert anthropic is not None
    assert openai is not None
    assert anthropic.base_url == "https://api.anthropic.com"
    assert openai.base_url == "https://api.openai.com/v1"
    assert anthropic.key == "env:ANTHROPIC_API_KEY,WORKBENCH_ANTHROPIC_API_KEY"
    assert settings.named("other") is None


def test_a_built_in_upstream_keeps_what_is_not_said_of_it() -> None:
    found = upstream("[upstreams.anthropic]\ncounts_tokens = true\nmax_output = 100", "anthropic")
    assert found.counts_tokens
    assert (found.protocol, found.base_url, found.max_output) == ("anthropic", "https://api.anthropic.com", 100)
    assert upstream('[upstreams.openai]\nkey = ""', "openai").key == ""


def test_a_local_server_needs_a_protocol_and_an_address_only() -> None:
    found = upstream('[upstreams.mine]\nprotocol = "openai"\nbase_url = "http://127.0.0.1:11434/v1"')
    assert not found.key
    assert found.price.table is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('base_url = "http://127.0.0.1"', "needs a protocol"),
        ('protocol = "openai"', "needs a base_url"),
        ('protocol = "gemini"\nbase_url = "https://a.example"', 'must be ""'),
        ('protocol = "openai"\nbase_url = "ftp://a.example"', "must begin with https"),
        ('protocol = "openai"\nbase_url = "https:///v1"', "must begin with https"),
        *(
            (f'protocol = "openai"\nbase_url = "{address}"', "no server can be there")
            for address in (
                *("http://127.0.0.1:99999", "http://127.0.0.1:0", "http://127.0.0.1:x", "http://[::1]:70000"),
                *("https://a..b", "https://.a", f"https://{'a' * 64}.example", "https://a b"),
                *("http://[::1", "https://*.example", "https://a,b.example"),
            )
        ),
        ('protocol = "openai"\nbase_url = "https://a\\u0000b"', "without a NUL character"),
        ('protocol = "openai"\nbase_url = "http://a.example/v1"', "in the open"),
        ('protocol = "openai"\nbase_url = "http://127.0.0.1.a.example/v1"', "in the open"),
        ('protocol = "openai"\nbase_url = "https://u:p@a.example/v1"', "a password"),
        ('protocol = "openai"\nbase_url = "https://a.example/v1?key=1"', "a query"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nkey = "sk-real-key-0123"', "never the key itself"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nkey = "env:1X"', "never the key itself"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nprice = {input = 1}', "both input and output"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nprice = {input = -1, output = 1}', "at least 0"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nmax_output = 0', "at least 1"),
        ('protocol = "openai"\nbase_url = "https://a.example"\nbase = "x"', "unknown key"),
    ],
)
def test_what_is_wrong_with_an_upstream_is_said(text: str, complaint: str) -> None:
    assert complaint in problems(f"[upstreams.mine]\n{text}")


def test_a_key_that_was_written_where_its_place_belongs_is_not_repeated() -> None:
    text = '[upstreams.mine]\nprotocol = "openai"\nbase_url = "https://a.example"\nkey = "sk-real-key-0123"'
    assert "sk-real" not in problems(text)


@pytest.mark.parametrize(
    "address",
    ["http://[::1]:11434/v1", "http://127.0.0.1:65535", "https://models_1.a-b.example.", "https://bücher.de:1"],
)
def test_an_address_may_be_any_at_which_a_server_can_be(address: str) -> None:
    assert upstream(f'[upstreams.mine]\nprotocol = "openai"\nbase_url = "{address}"').base_url == address


def test_plain_http_to_another_machine_must_be_wished_for() -> None:
    text = '[upstreams.mine]\nprotocol = "openai"\nbase_url = "http://a.example/v1"\nallow_plain = true'
    assert upstream(text).base_url == "http://a.example/v1"


def test_a_price_may_be_nothing_and_what_is_not_said_costs_as_input() -> None:
    text = '[upstreams.mine]\nprotocol = "openai"\nbase_url = "https://a.example"\n'
    assert upstream(f"{text}price = {{input = 0, output = 0}}").price.table == dict.fromkeys(
        ("input", "output", "cache_read", "cache_write", "cache_write_long"), Decimal(0)
    )
    table = upstream(f"{text}price = {{input = 3, output = 15.5, cache_read = 0.3, cache_write = 4}}").price.table
    assert table is not None
    assert table == {
        "input": Decimal("3.0"),
        "output": Decimal("15.5"),
        "cache_read": Decimal("0.3"),
        "cache_write": Decimal("4.0"),
        "cache_write_long": Decimal("4.0"),
    }


def test_a_model_is_named_by_its_upstream_and_itself() -> None:
    text = '[models]\nfast = "mine/org/model:7b"\nslow = {model = "openai/gpt", max_output = 10}'
    models = read(text).node(ModelsSettings).models
    assert models["fast"] == ModelSettings(upstream="mine", model="org/model:7b")
    assert models["slow"] == ModelSettings(upstream="openai", model="gpt", max_output=10)


@pytest.mark.parametrize(
    "value",
    [
        '"gpt"',
        '"/gpt"',
        '"openai/"',
        '"open ai/gpt"',
        "5",
        "{}",
        '{model = "a/b", limit = 1}',
        '{model = "a/b", max_output = 0}',
    ],
)
def test_what_is_no_model_is_said(value: Any) -> None:
    assert "models.fast" in problems(f"[models]\nfast = {value}")


def test_a_project_may_give_none_of_it() -> None:
    for text in ('[upstreams.mine]\nprotocol = "openai"', '[models]\nfast = "mine/m"', "[gateway]\nrecord = true"):
        with pytest.raises(SettingsInvalid, match="own configuration"):
            load(NODES, Sources(environment=PLACES, project={"penstock.toml": text.encode()}))

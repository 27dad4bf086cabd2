"""Provider keys: found where the settings say, and shown to nobody."""

from __future__ import annotations

import copy
import pickle

import pytest

from penstock.gateway.directory import Directory, ModelUnfit, NoSuchModel
from penstock.gateway.keys import KeyMissing, ProviderKey, ProviderKeys
from penstock.gateway.settings import (
    BUILT_IN,
    GatewaySettings,
    ModelSettings,
    ModelsSettings,
    UpstreamSettings,
    UpstreamsSettings,
)

SECRET = "sk-planted-0123456789"


def test_a_key_comes_from_the_first_variable_that_is_set() -> None:
    keys = ProviderKeys({"B": SECRET, "C": "other", "A": ""})
    assert keys.find("env:A,B,C").reveal() == SECRET
    assert keys.find("env:C").reveal() == "other"
    assert keys.secrets == (SECRET, "other")


def test_an_upstream_without_a_key_needs_none() -> None:
    keys = ProviderKeys({})
    assert not keys.find("")
    assert keys.secrets == ()


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(KeyMissing, match="A or B is not set"):
        ProviderKeys({"C": SECRET}).find("env:A,B")


def test_a_key_with_a_line_break_or_a_blank_is_no_key() -> None:
    assert ProviderKeys({"A": f" {SECRET}\n"}).find("env:A").reveal() == SECRET
    with pytest.raises(KeyMissing, match="letters that no key has") as caught:
        ProviderKeys({"A": f"{SECRET}\r\nx-other: 1"}).find("env:A")
    assert SECRET not in str(caught.value)


def test_the_keyring_is_asked_once_for_what_is_in_it() -> None:
    asked = []

    def keyring(service: str, user: str) -> str | None:
        asked.append((service, user))
        return SECRET if user == "me" else None

    keys = ProviderKeys({}, keyring=keyring)
    assert keys.find("keyring:models/me").reveal() == SECRET
    assert keys.find("keyring:models/me").reveal() == SECRET
    assert asked == [("models", "me")]
    with pytest.raises(KeyMissing) as caught:
        keys.find("keyring:models/you")
    assert caught.value.hint == "store it with `keyring set models you`"


def test_a_key_is_not_shown_stored_or_copied() -> None:
    key = ProviderKey(SECRET)
    assert SECRET not in f"{key} {key!r} {[key]}"
    assert SECRET not in repr(ProviderKeys({"A": SECRET}))
    for storing in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            storing(key)


def directory(answers_for_all: str = "", **models: ModelSettings) -> Directory:
    """The built-in upstreams and one more."""
    local = UpstreamSettings(protocol="openai", base_url="http://127.0.0.1:1/v1", max_output=1000)
    return Directory(
        upstreams=UpstreamsSettings(upstreams={**BUILT_IN, "local": local}),
        models=ModelsSettings(models=models),
        gateway=GatewaySettings(upstream=answers_for_all),
        keys=ProviderKeys({"OPENAI_API_KEY": SECRET}),
    )


def test_a_model_is_found_by_the_users_name_or_by_its_place() -> None:
    found = directory(fast=ModelSettings(upstream="openai", model="gpt", max_output=500)).find("fast")
    assert (found.upstream, found.model, found.protocol, found.max_output) == ("openai", "gpt", "openai", 500)
    assert found.key.reveal() == SECRET
    other = directory().find("local/org/model")
    assert (other.model, other.max_output, other.default_output) == ("org/model", 1000, 1000)


def test_a_missing_key_is_said_with_its_upstream() -> None:
    with pytest.raises(KeyMissing, match="anthropic can't be asked: no key: ANTHROPIC_API_KEY or"):
        directory().find("anthropic/claude")


def test_what_is_not_there_is_said_with_what_is_like_it() -> None:
    with pytest.raises(NoSuchModel, match='did you mean "fast"'):
        directory(fast=ModelSettings(upstream="openai", model="gpt")).find("fsat")
    with pytest.raises(NoSuchModel, match="no model is named"):
        directory().find("")
    with pytest.raises(NoSuchModel, match='the upstream "loca"'):
        directory().find("loca/model")


def test_an_agent_that_does_not_speak_a_models_protocol_is_told_so() -> None:
    with pytest.raises(ModelUnfit, match="speaks openai; the agent speaks anthropic"):
        directory().find("local/m", ("anthropic",))


def test_one_upstream_may_answer_for_all_others() -> None:
    found = directory("replay").find("anthropic/claude", ("anthropic",))
    assert found.is_replay
    assert (found.upstream, found.model, found.protocol) == ("replay", "claude", "anthropic")
    assert not found.key
    elsewhere = directory("local").find("openai/gpt")
    assert (elsewhere.upstream, elsewhere.settings.base_url) == ("local", "http://127.0.0.1:1/v1")
    with pytest.raises(ModelUnfit, match="wants anthropic"):
        directory("local").find("anthropic/claude")


def test_a_recorded_model_speaks_what_the_agent_speaks() -> None:
    assert directory().find("replay/any", ("openai", "anthropic")).protocol == "openai"
    assert directory().find("replay/any").protocol == "anthropic"

"""`[roles]`, `[prompts]` and aider's profiles: what a project may say of models, and in which forms."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from penstock.adapters.agents.model_profiles import ModelProfile
from penstock.adapters.agents.settings import AgentsSettings
from penstock.config import Settings, SettingsInvalid, Sources, load, read_environment, would_run
from penstock.config.roles import PromptsSettings, RolesSettings
from penstock.config.sections import PROJECT_SECTIONS
from penstock.domain.roles import Roles

NODES = {**PROJECT_SECTIONS, "agents": AgentsSettings}


def loaded(project: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Settings:
    files = {name: text.encode() for name, text in project.items()}
    return load(NODES, Sources(environment=read_environment(environ or {}, NODES), project=files))


def roles(text: str, **environ: str) -> Roles:
    return loaded({"penstock.toml": text}, environ).node(RolesSettings).roles()


def test_a_role_takes_one_name_or_a_list() -> None:
    assert roles("") == Roles()
    one = roles("[roles]\nedit = 'plain'\nfix = ['cheap', 'strong']\nauditor = 'openai/gpt-9:x'")
    assert one == Roles(edit=("plain",), fix=("cheap", "strong"), auditor="openai/gpt-9:x")
    assert roles("", PENSTOCK_ROLES_FIX="cheap, strong").fix == ("cheap", "strong")
    assert roles("", PENSTOCK_ROLES_EDIT="plain").edit == ("plain",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("edit = 'two words'", '"two words" can\'t name a model'),
        ("fix = ['a', '']", '"" can\'t name a model'),
        ("fix = [1]", "roles.fix must be a text, found the number 1"),
        ("fix = {a = 'b'}", "roles.fix must be a list, found a table"),
        ("auditor = ['a']", "roles.auditor must be a text, found a list"),
        ("auditor = '-x'", "can't name a model"),
        ("reviewer = 'x'", 'unknown key "roles.reviewer"'),
    ],
)
def test_what_is_no_name_of_a_model_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        roles(f"[roles]\n{text}")
    assert sentence in caught.value.sentence


def test_a_project_that_chooses_models_is_asked_for_trust() -> None:
    assert json.loads(would_run(loaded({"penstock.toml": "[roles]\nfix = ['a']"}))) == {"roles.fix": ["a"]}
    assert would_run(loaded({"penstock.toml": "[prompts]\nmax_chars = 20000"})) == "{}"


def test_a_prompt_has_room_for_what_every_prompt_says() -> None:
    assert loaded({}).node(PromptsSettings).max_chars == 60_000
    with pytest.raises(SettingsInvalid, match=r"prompts.max_chars must be at least 10000, found 9999"):
        loaded({"penstock.toml": "prompts.max_chars = 9999"})


def test_the_seeds_file_of_aider_says_how_it_works_with_each_model() -> None:
    text = '{"model": "strong", "profiles": {"gpt-4.1": {"edit_format": "whole", "map_tokens": 1024}}}'
    aider = loaded({"config/aider_profiles.json": text}).node(AgentsSettings).agents["aider"]
    assert aider.model == "strong"
    assert aider.profiles == {"gpt-4.1": ModelProfile(edit_format="whole", map_tokens=1024)}


@pytest.mark.parametrize("text", ['{"edit_format": "shell"}', '{"map_tokens": -1}', '{"extra_args": ["--yes"]}'])
def test_nothing_else_is_taken_from_it(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        loaded({"config/aider_profiles.json": f'{{"profiles": {{"m": {text}}}}}'})

"""Named groups of checks in the settings, beside checks that stand by themselves."""

from __future__ import annotations

import json

import pytest

from penstock.config import Settings, SettingsInvalid, Sources, load, read_environment, would_run
from penstock.config.checks import ChecksSettings
from penstock.config.sections import PROJECT_SECTIONS
from penstock.domain.plan import Check


def settings_of(text: str) -> Settings:
    environment = read_environment({}, PROJECT_SECTIONS)
    return load(PROJECT_SECTIONS, Sources(environment=environment, project={"penstock.toml": text.encode()}))


def checks_of(text: str) -> ChecksSettings:
    return settings_of(text).node(ChecksSettings)


def test_a_table_of_commands_is_a_group_and_no_check_of_every_candidate() -> None:
    checks = checks_of(
        "[checks]\nlint = 'ruff check'\n[checks.unit]\nfast = 'pytest -q'\n"
        "slow = {command = 'pytest --slow', timeout = 900, success_codes = [0, 5]}\n"
    )
    assert [check.name for check in checks.static_checks(60.0)] == ["lint"]
    assert [check.name for check in checks.integrate_checks(60.0)] == ["lint"]
    assert checks.group_checks(60.0) == {
        "unit": (
            Check(name="fast", command="pytest -q", timeout=60.0),
            Check(name="slow", command="pytest --slow", timeout=900.0, success_codes=(0, 5)),
        )
    }


def test_an_empty_table_is_an_empty_group() -> None:
    assert checks_of("[checks.security]\n").group_checks(60.0) == {"security": ()}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[checks.unit]\ncomand = 'x'", 'checks.unit has the unknown key "comand"; did you mean "command"?'),
        ("[checks.unit]\nfast = 'x'\ntimeout = 3", 'checks.unit has the unknown key "fast"'),
        ("[checks.unit]\nfast = ''", "checks.unit fast needs a command"),
        ("[checks.unit.fast]\ntimeout = 3", "checks.unit fast needs a command"),
        ("[checks.unit.fast.deep]\ncommand = 'x'", 'checks.unit fast has the unknown key "deep"'),
        ("[checks.static]\nlint = 'x'", "[checks] static is no group: a check of every candidate stands in [checks]"),
    ],
)
def test_what_is_neither_a_check_nor_a_group_is_refused_by_name(text: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        settings_of(text)
    assert sentence in caught.value.sentence


def test_a_groups_commands_are_among_what_is_trusted_and_shown() -> None:
    settings = settings_of("[checks.unit]\nfast = 'pytest -q'")
    assert json.loads(would_run(settings)) == {"checks.unit": {"fast": "pytest -q"}}
    (row,) = [row for row in settings.rows() if row[0] == "checks.unit"]
    assert row[1] == {"fast": {"command": "pytest -q", "success_codes": [0]}}

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.agents import AgentsSettings
from penstock.adapters.tools import ToolsSettings
from penstock.config import Settings, SettingsInvalid, Sources, load, read_environment, would_run
from penstock.config.checks import ChecksSettings
from penstock.config.files import read_document
from penstock.config.sections import (
    PROJECT_SECTIONS,
    BreakerSettings,
    ExecutorSettings,
    LimitSettings,
    PlannerSettings,
    ProjectSettings,
)
from penstock.domain.breaker import BreakerLimits, StepLimits
from penstock.domain.plan import Check
from penstock.domain.tools import ToolType
from penstock.gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER_FILE = "/.config/penstock/config.toml"
NODES = {**PROJECT_SECTIONS, "tools": ToolsSettings, "agents": AgentsSettings, "gateway": GatewaySettings}


def loaded(
    *,
    user: str | None = None,
    project: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    tool_profiles: tuple[str, bytes] | None = None,
) -> Settings:
    sources = Sources(
        environment=read_environment(environ or {}, NODES),
        user=None if user is None else user.encode(),
        project={name: text.encode() for name, text in (project or {}).items()},
        flags=flags or {},
        tool_profiles=tool_profiles,
    )
    return load(NODES, sources)


def problems(**layers: object) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(**layers)  # type: ignore[arg-type]
    return caught.value.problems


def one_problem(**layers: object) -> str:
    (problem,) = problems(**layers)
    return problem


def test_whatever_yaml_takes_for_a_key_is_a_text() -> None:
    text = "2026-01-01: a\nrules: {2026-01-02: {1: b}}\n"
    settings = loaded(project={"config/decomposition_rules.yaml": text})
    rules = settings.node(PlannerSettings).rules
    assert rules == {"2026-01-01": "a", "rules": {"2026-01-02": {"1": "b"}}}


def test_the_seeds_executor_file_says_how_much_runs_at_once() -> None:
    text = "max_parallel: 5\nagents: 4\nchecks: 3\ndisk: 1\nmin_free_gb: 0.5\n"
    for name in ("config/executor.yaml", "config/executor.yml"):
        settings = loaded(project={name: text})
        expected = ExecutorSettings(max_parallel=5, agents=4, checks=3, disk=1, min_free_gb=0.5)
        assert settings.node(ExecutorSettings) == expected
        assert settings.origin("executor.agents") == name
    assert loaded().node(ExecutorSettings).max_parallel == 3


def test_nothing_given_is_all_defaults() -> None:
    settings = loaded()
    assert settings.node(ExecutorSettings) == ExecutorSettings(max_parallel=3, min_free_gb=1.0)
    assert settings.node(ProjectSettings).workstreams_dir == "workstreams"
    assert settings.node(LimitSettings).agent_timeout == 1800
    assert settings.origin("executor.max_parallel") == "default"


def test_each_layer_wins_over_the_one_before() -> None:
    layers: dict[str, object] = {}
    for name, layer, value, origin in [
        ("user", "[executor]\nmax_parallel = 4", 4, USER_FILE),
        ("project", {"penstock.toml": "[executor]\nmax_parallel = 5"}, 5, "penstock.toml"),
        ("environ", {"PENSTOCK_EXECUTOR_MAX_PARALLEL": "6"}, 6, "environment PENSTOCK_EXECUTOR_MAX_PARALLEL"),
        ("flags", {"executor.max_parallel": 7}, 7, "flag"),
    ]:
        layers[name] = layer
        settings = loaded(**layers)  # type: ignore[arg-type]
        assert settings.node(ExecutorSettings).max_parallel == value
        assert settings.origin("executor.max_parallel") == origin


def test_the_seeds_files_are_sections_of_the_same_tree() -> None:
    settings = loaded(
        project={
            "config/config.yaml": "require_clean_base: true\nlimits:\n  keep_days: 3\n",
            "config/tool_profiles.json": '{"doc_id": "X", "lint": {"command": "lint"}}',
            "config/circuit_breakers.yaml": "defaults:\n  max_attempts_per_step: 9\n",
            "config/executor.yaml": "max_parallel: 2\n",
            "config/base_branch.txt": "develop\n",
        }
    )
    assert settings.node(ProjectSettings).base_branch == "develop"
    assert settings.node(ProjectSettings).require_clean_base
    assert settings.node(LimitSettings).keep_days == 3
    assert settings.node(ToolsSettings).profile("lint").command == "lint"
    assert settings.node(BreakerSettings).defaults.max_attempts_per_step == 9
    assert settings.node(ExecutorSettings).max_parallel == 2
    assert settings.origin("base_branch") == "config/base_branch.txt"


@pytest.mark.parametrize("end", ["json", "yaml", "yml"])
@pytest.mark.parametrize(
    ("stem", "key", "text"),
    [
        ("tool_profiles", "tools.lint", '{"lint": {"command": "lint"}}'),
        ("aider_profiles", "agents.aider.model", '{"model": "some-model"}'),
        ("circuit_breakers", "breakers.defaults.oscillation_window", '{"defaults": {"oscillation_window": 9}}'),
        ("executor", "executor.max_parallel", '{"max_parallel": 2}'),
        ("decomposition_rules", "planner.limits", '{"limits": {"files": 10}}'),
        ("logging", "logging.level", '{"level": "debug"}'),
    ],
)
def test_each_file_of_the_seed_is_its_section_in_json_and_yaml(stem: str, key: str, text: str, end: str) -> None:
    name = f"config/{stem}.{end}"
    assert loaded(project={name: text}).origin(key) == name


def test_a_real_breaker_file_says_what_the_core_then_holds() -> None:
    text = """\
defaults:
  max_attempts_per_step: 3            # total attempts including first run
  max_fix_attempts_per_step: 2
  max_attempts_per_error_signature: 3
  oscillation_window: 4
  oscillation_threshold: 2
  enable_fix_for_steps:
    - static
    - runtime

per_step:
  static:
    max_attempts_per_step: 3
    max_fix_attempts_per_step: 2
  runtime:
    max_attempts_per_step: 2
    max_fix_attempts_per_step: 1
"""
    settings = loaded(project={"config/circuit_breakers.yaml": text})
    assert settings.node(BreakerSettings).limits() == BreakerLimits()


def test_real_tool_profiles_are_read_in_both_spellings_with_their_remarks() -> None:
    text = """\
{
  "pytest": {"type": "test", "command": "pytest", "args": ["-q"], "env": {}, "working-dir": "{repo_root}",
             "timeout-sec": 600, "success-exit-codes": [0, 5], "capture-output": true, "headless_mode_supported": true},
  "lint": {"type": "static-check", "command": "lint", "args": ["check"], "working-dir": "{repo_root}",
           "timeout-sec": 120, "success-exit-codes": [0], "capture-output": true},
  "aider": {"type": "ai", "command": "aider", "args": ["--model", "{model_name}", "--message-file", "{prompt_file}"],
            "env": {"AIDER_NO_AUTO_COMMITS": "1"}, "working_dir": "{worktree_path}", "timeout_sec": 1800,
            "success_exit_codes": [0], "aim_tool_id": "aider", "aim_capabilities": ["code_generation"],
            "headless_args": ["--yes"]},
  "doc_id": "DOC-CONFIG-TOOL-PROFILES-134", "_note": "ours", "x-owner": "us", "version": 2
}
"""
    tools = loaded(project={"config/tool_profiles.json": text}).node(ToolsSettings)
    assert tools.profile("pytest").success_criteria == (0, 5)
    assert (tools.profile("lint").type, tools.profile("lint").timeout) == (ToolType.STATIC_CHECK, 120.0)
    assert tools.profile("aider").headless_args == ("--yes",)


@pytest.mark.parametrize("section", ["planner", "logging"])
def test_what_nothing_uses_yet_is_kept_as_written_and_said(section: str) -> None:
    stem = {"planner": "decomposition_rules", "logging": "logging"}[section]
    text = "version: 1\nrules:\n  - {match: 'src/**', most: 10}\nsince: 2024-05-06\n"
    settings = loaded(project={f"config/{stem}.yaml": text})
    assert settings.values[f"{section}.rules"] == [{"match": "src/**", "most": 10}]
    assert settings.values[f"{section}.since"] == "2024-05-06"
    (warning,) = settings.warnings
    assert f"config/{stem}.yaml: [{section}] is kept as written; nothing uses it yet" in warning


@pytest.mark.parametrize("text", ['{"binary": "/tmp/evil"}', '{"env": {"KEY": "x"}}', '{"command": ["evil"]}'])
def test_a_projects_aider_file_may_name_a_model_and_no_program(text: str) -> None:
    assert "belongs in the user's own configuration" in one_problem(project={"config/aider_profiles.json": text})


def test_a_list_of_profiles_with_ids_is_a_table_of_profiles() -> None:
    settings = loaded(project={"config/tool_profiles.json": '[{"id": "lint", "command": "lint"}]'})
    assert settings.node(ToolsSettings).profile("lint").command == "lint"


def test_a_profile_that_calls_itself_otherwise_is_refused() -> None:
    project = {"penstock.toml": '[tools.lint]\nid = "other"\ncommand = "lint"'}
    assert 'the profile under "lint" calls itself "other"' in one_problem(project=project)


@pytest.mark.parametrize(
    ("other", "text"),
    [("config/executor.yaml", "max_parallel: 2"), ("config/config.yaml", "executor:\n  max_parallel: 5")],
)
def test_a_key_given_twice_in_a_project_names_both_files(other: str, text: str) -> None:
    problem = one_problem(project={"penstock.toml": "[executor]\nmax_parallel = 5\n", other: text})
    assert "executor.max_parallel is also given in penstock.toml:2" in problem
    assert problem.startswith(f"{other}:")


def test_two_keys_that_read_the_same_are_refused_for_only_one_would_be_shown() -> None:
    text = "[checks]\n'integrate.x' = 'touch y'\n[checks.integrate]\nx = 'true'\n"
    assert one_problem(project={"penstock.toml": text}) == (
        "penstock.toml:4: checks.integrate.x is written as two keys, here and in penstock.toml:2; rename one of them"
    )


def test_the_same_key_in_user_and_project_is_no_conflict() -> None:
    settings = loaded(user="agent = 'a'", project={"penstock.toml": "agent = 'b'"})
    assert settings.node(ProjectSettings).agent == "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[executor]\nmax_paralel = 2",
            'penstock.toml:2: unknown key "executor.max_paralel"; did you mean "max_parallel"?',
        ),
        ("base_brnch = 'x'", 'penstock.toml:1: unknown key "base_brnch"; did you mean "base_branch"?'),
        ("\n[exekutor]\nx = 1", 'penstock.toml:2: unknown key "exekutor"; did you mean "executor"?'),
        ("[limits]\nzzz = 2", 'penstock.toml:2: unknown key "limits.zzz"; known here: agent_idle_timeout, '),
        (
            "[checks.lint]\ncommand = 'x'\ntimout = 3",
            'checks.lint has the unknown key "timout"; did you mean "timeout"?',
        ),
        ("[tools.a]\ncomand = 'x'", 'tools.a has the unknown key "comand"; did you mean "command"?'),
    ],
)
def test_an_unknown_key_is_an_error_with_its_place_and_the_nearest_known_key(text: str, expected: str) -> None:
    assert expected in one_problem(project={"penstock.toml": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[executor]\nmax_parallel = 'two'", 'executor.max_parallel must be a whole number, found the text "two"'),
        ("[executor]\nmax_parallel = true", "executor.max_parallel must be a whole number, found true"),
        ("[executor]\nmax_parallel = 0", "executor.max_parallel must be at least 1, found 0"),
        ("[executor]\nagents = 0", "agents must be at least 1"),
        ("[limits]\nagent_timeout = 1e300", "limits.agent_timeout must be at most 31536000, found the number 1e+300"),
        ("[limits]\ncheck_timeout = 1e300", "limits.check_timeout must be at most 31536000"),
        (f"[limits]\noutput_mb = {'9' * 20}", "limits.output_mb must be at most 1000000"),
        (f"[executor]\nmin_free_gb = {'9' * 401}", "must be a number, found a number of more than 40 digits"),
        ("[logging]\nx = nan", "logging.x must be what JSON can hold, without nan and inf, found the number nan"),
        ("[logging]\nx = [{y = inf}]", "logging.x must be what JSON can hold"),
        (f"logging{'.x' * 5000} = 1", "logging.x must be nested less deeply, found a table"),
        ("executor = 3", "executor must be a table"),
        ("allow_unchecked = 'yes'", 'allow_unchecked must be true or false, found the text "yes"'),
        ("approvals = ['merge']", 'approvals must be "review" or "gate", found the text "merge"'),
        ("approvals = 'gate'", "approvals must be a list"),
        ("worktree_root = 'here'", 'worktree_root must be "state" or "project"'),
        ("branch = 'ws/{workstreem}'", "branch holds {workstreem}"),
        ("branch = '{workstream}{run}{'", "branch holds a brace"),
        ("branch = 'ws/{workstream}'", "branch must hold {workstream} and {run}"),
        ("[limits]\nmin_free_gb = 1", "unknown key"),
        ("[limits]\nagent_timeout = nan", "limits.agent_timeout must be a number"),
        ("[limits]\nagent_timeout = inf", "limits.agent_timeout must be a number"),
        ("[checks]\nlint = 3", "checks.lint must be a command or a table with a command"),
        ("[checks]\nlint = ''", "checks.lint needs a command"),
        ("[checks.lint]\ncommand = 'x'\ntimeout = 0", "checks.lint has the timeout 0.0"),
        ("[checks.lint]\ncommand = 'x'\ntimeout = 1e300", "checks.lint has the timeout 1e+300"),
        ("[checks.lint]\ncommand = 'x'\nsuccess_codes = []", "nothing could ever pass"),
        ("[checks.lint]\ncommand = 'x'\nsuccess_codes = ['0']", "checks.lint success_codes must be a whole number"),
        ("[checks.lint]\ntimeout = 3", "checks.lint needs a command"),
        ("[checks]\nintegrate = 'x'", "checks.integrate must be a table"),
        ("[breakers.per_step.compile]\nmax_attempts_per_step = 1", 'per_step names the unknown step "compile"'),
        ("[setup]\noutputs = ['.venv']", "no commands"),
        ('[setup]\ncommands = ["a\\u0000"]', "a text without a NUL character"),
        ('[checks]\nlint = "a\\u0000"', "a text without a NUL character"),
        ('[checks]\nlint = {command = "a\\u0000"}', "a text without a NUL character"),
        ("[setup]\ncommands = ['x']\noutputs = ['../x']", 'names the output "../x"'),
        ("[setup]\ncommands = ['x']\noutputs = ['/x']", 'names the output "/x"'),
        ("[setup]\ncommands = ['x']\noutputs = ['**/x']", 'names the output "**/x"'),
        ("[setup]\ncommands = ['x']\ninputs = ['.git/config']", 'names the input ".git/config"'),
        ("[setup]\ncommands = ['x']\ninputs = ['']", 'names the input ""'),
        ("a = ", "can't be read"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_was_wanted(text: str, expected: str) -> None:
    assert expected in one_problem(project={"penstock.toml": text})


def test_all_problems_are_reported_at_once() -> None:
    found = problems(
        user="nonsense = 1",
        project={"penstock.toml": "base_branch = 3\n[limits]\nkeep_days = -1\n"},
        environ={"PENSTOCK_DRY_RUN": "perhaps", "PENSTOCK_BASE_BRANHC": "x"},
    )
    assert len(found) == 5


@pytest.mark.parametrize(
    "text",
    [
        "[upstreams.anthropic]\nurl = 'http://x'",
        "[keys]\nanthropic = 'x'",
        "[notifications]\nurl = 'http://x'",
        "[agents.aider]\nbinary = '/tmp/evil'",
        "[agents.aider]\ncommand = ['evil']",
        "[agents.aider.env]\nA = 'b'",
        "[agents.aider]\nhome = ['.claude']",
        "[agents.aider]\nmodel = 'http://x/m'",
        "[agents.aider]\nbase_url = 'http://x'",
        "base_url = 'http://x'",
        "confine = 'off'",
        "database = '/tmp/x'",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nenv = {OPENAI_API_BASE = 'x'}",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nenv = {ANTHROPIC_BASE_URL = 'x'}",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nenv = {OPENAI_API_KEY = 'x'}",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nenv = {HTTPS_PROXY = 'x'}",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nenv = {WHERE = 'http://x'}",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nargs = ['--openai-api-base', 'x']",
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nargs = ['http://x']",
    ],
)
def test_what_only_a_user_may_say_is_refused_in_every_project_file(text: str) -> None:
    assert "belongs in the user's own configuration" in one_problem(project={"penstock.toml": text})


@pytest.mark.parametrize(
    "text",
    [
        "[tools.x]\ntype = 'ai'\ncommand = 'x'\nargs = ['--yes', '--model', '{model_name}']\nenv = {LANG = 'C'}",
        "[tools.x]\ntype = 'test'\ncommand = 'x'\nenv = {SECRET_KEY = 'for tests'}",
        "[agents.aider]\nmodel = 'openai/gpt'",
        "agent = 'aider'",
    ],
)
def test_what_says_nothing_of_whom_to_talk_to_may_stand_in_a_project_file(text: str) -> None:
    loaded(project={"penstock.toml": text})


def test_a_user_may_say_what_a_project_may_not() -> None:
    settings = loaded(
        user="[agents.aider]\nbinary = '/opt/aider'", project={"penstock.toml": "agents.aider.model = 'm'"}
    )
    aider = settings.node(AgentsSettings).agents["aider"]
    assert (aider.binary, aider.model) == ("/opt/aider", "m")


@pytest.mark.parametrize(
    ("alias", "key", "value"),
    [
        ("DATABASE_URL", "database", "postgresql://host/db"),
        ("PIPELINE_DB_PATH", "database", "x.db"),
        ("PIPELINE_WORKSTREAM_DIR", "workstreams_dir", "plans"),
        ("PIPELINE_BASE_BRANCH", "base_branch", "trunk"),
        ("PIPELINE_TOOL_PROFILES_PATH", "tool_profiles_path", "t.json"),
    ],
)
def test_names_of_older_systems_are_honoured(alias: str, key: str, value: str) -> None:
    settings = loaded(environ={alias: value})
    assert getattr(settings.node(ProjectSettings), key) == value
    assert settings.origin(key) == f"environment {alias}"


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("true", True), ("0", False), ("", False), ("No", False)])
def test_truth_in_the_environment_has_many_spellings(text: str, meant: bool) -> None:
    assert loaded(environ={"PIPELINE_DRY_RUN": text}).node(ProjectSettings).dry_run is meant


def test_the_new_name_wins_over_an_old_one_and_the_conflict_is_reported() -> None:
    settings = loaded(environ={"PIPELINE_BASE_BRANCH": "old", "PENSTOCK_BASE_BRANCH": "new"})
    assert settings.node(ProjectSettings).base_branch == "new"
    (warning,) = settings.warnings
    assert "PENSTOCK_BASE_BRANCH and PIPELINE_BASE_BRANCH both set base_branch" in warning


def test_two_names_that_agree_are_no_conflict() -> None:
    assert loaded(environ={"PIPELINE_BASE_BRANCH": "b", "PENSTOCK_BASE_BRANCH": "b"}).warnings == ()


def test_lists_in_the_environment_have_commas() -> None:
    assert loaded(environ={"PENSTOCK_RUNNERS": "just, task"}).node(ProjectSettings).runners == ("just", "task")


def test_a_model_for_aider_comes_from_its_old_variable() -> None:
    assert loaded(environ={"AIDER_MODEL": "m"}).node(AgentsSettings).agents["aider"].model == "m"


def test_recordings_in_place_of_models_have_a_short_name() -> None:
    assert loaded(environ={"PENSTOCK_UPSTREAM": "replay"}).node(GatewaySettings).upstream == "replay"


def test_variables_for_children_and_places_are_no_settings() -> None:
    assert loaded(environ={"PENSTOCK_HOME": "/x", "PENSTOCK_ATTEMPT": "a", "OTHER": "b"}).warnings == ()


def test_places_follow_the_environment() -> None:
    places = read_environment({"HOME": "/u", "XDG_CONFIG_HOME": "/c"}, NODES).places
    assert str(places.home) == "/u/.local/state/penstock"
    assert str(places.user_file) == "/c/penstock/config.toml"
    assert str(read_environment({"HOME": "/u", "PENSTOCK_HOME": "/p"}, NODES).places.home) == "/p"


def test_the_state_is_kept_where_a_link_leads(tmp_path: Path) -> None:
    """Confined processes see the folder, and perhaps not the link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "endless").symlink_to("endless")
    for name, led_to in {"link": "real", "link/new": "real/new", "endless": "endless"}.items():
        places = read_environment({"PENSTOCK_HOME": str(tmp_path / name)}, NODES).places
        assert places.home == tmp_path / led_to
    assert read_environment({"HOME": str(tmp_path / "link")}, NODES).places.home.is_relative_to(tmp_path / "real")


def test_checks_are_commands_or_tables_and_integrate_defaults_to_static() -> None:
    checks = loaded(
        project={
            "penstock.toml": "[checks]\nlint = 'ruff check'\n[checks.unit]\ncommand = 'pytest'\nsuccess_codes = [0, 5]"
        }
    ).node(ChecksSettings)
    expected = (
        Check(name="lint", command="ruff check", timeout=60.0),
        Check(name="unit", command="pytest", timeout=60.0, success_codes=(0, 5)),
    )
    assert checks.static_checks(60.0) == expected
    assert checks.integrate_checks(60.0) == expected


def test_integrate_checks_of_their_own_replace_the_static_ones() -> None:
    text = "[checks]\nlint = 'a'\n[checks.integrate]\nall = {command = 'b', timeout = 5}"
    checks = loaded(project={"penstock.toml": text}).node(ChecksSettings)
    assert [check.command for check in checks.static_checks(60.0)] == ["a"]
    assert checks.integrate_checks(60.0) == (Check(name="all", command="b", timeout=5.0),)


def test_default_breakers_are_the_cores() -> None:
    assert loaded().node(BreakerSettings).limits() == BreakerLimits()


def test_a_step_of_its_own_wins_over_the_defaults() -> None:
    common = "defaults: {max_attempts_per_step: 7, max_fix_attempts_per_step: 6}"
    text = f"{common}\nper_step: {{static: {{max_attempts_per_step: 4}}}}"
    limits = loaded(project={"config/circuit_breakers.yaml": text}).node(BreakerSettings).limits()
    assert limits.static == StepLimits(max_attempts=4, max_fix_attempts=6)
    assert limits.integrate == BreakerLimits().integrate


def test_the_json_twin_of_the_breakers_is_read() -> None:
    text = '{"per_step": {"runtime": {"max_attempts_per_step": 8}}}'
    assert (
        loaded(project={"config/circuit_breakers.json": text}).node(BreakerSettings).limits().runtime.max_attempts == 8
    )


def test_allowed_overlaps_are_pairs_or_paths() -> None:
    top = loaded(project={"penstock.toml": "allow_overlap = ['ws-a, ws-b', 'docs/']"}).node(ProjectSettings)
    assert top.allowed_pairs == {frozenset({"ws-a", "ws-b"})}
    assert top.allowed_paths == ("docs/",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("usd = -1", "usd must be from 0 to 1,000,000,000, found -1.0"),
        ("usd = 1e300", "usd must be from 0 to 1,000,000,000, found 1e+300"),
        ("usd = inf", "usd must be a number"),
        ("tokens = -1", "tokens must be from 0 to 1,000,000,000,000,000, found -1"),
        ("tokens = 99999999999999999999", "tokens must be from 0 to 1,000,000,000,000,000"),
    ],
)
def test_a_cap_that_could_not_be_kept_count_of_is_refused(text: str, expected: str) -> None:
    assert expected in one_problem(user=f"[budgets.run]\n{text}")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("config/config.yaml", b"a: &x [1]\nb: *x\n", "aliases"),
        ("config/config.yaml", b"base_branch: a\nbase_branch: b\n", "given twice"),
        ("config/config.yaml", b"- 1\n", 'must hold tables that each have an "id"'),
        ("config/config.yaml", b"!!python/object/apply:os.system ['true']\n", "can't be read"),
        ("config/config.yaml", b'agent: !!int ""\n', "line 1: the tag"),
        ("config/config.yaml", b'agent: a\ndry_run: !!bool "x"\n', "line 2: the tag"),
        ("config/config.yaml", b'agent: !!timestamp "x"\n', "line 1: the tag"),
        ("config/config.yaml", b"agent: 1" + b":00" * 300 + b".0\n", "can't be read"),
        ("config/tool_profiles.json", b'{"a": {"command": "x"}, "a": {"command": "y"}}', "given twice"),
        ("config/tool_profiles.json", b'"x"', "must be a table"),
        ("config/tool_profiles.json", b"[" * 5000, "can't be read"),
        ("penstock.toml", b"\xff\xfe", "can't be read"),
        ("penstock.toml", b"#" * 2_000_000, "larger than"),
    ],
)
def test_an_unreadable_file_is_an_error_not_a_silent_default(name: str, content: bytes, expected: str) -> None:
    with pytest.raises(SettingsInvalid, match=name) as caught:
        load(NODES, Sources(environment=read_environment({}, NODES), project={name: content}))
    assert expected in str(caught.value)


def test_keys_that_are_no_texts_are_unknown_keys() -> None:
    assert 'unknown key "1"' in one_problem(project={"config/config.yaml": "1: 2\n"})


def test_an_empty_file_says_nothing() -> None:
    assert loaded(project={"config/executor.yaml": "# none yet\n"}).node(ExecutorSettings) == ExecutorSettings()


def test_rows_show_every_value_with_its_origin_and_no_secret() -> None:
    settings = loaded(user="[agents.a]\ncommand = ['x']\n[agents.a.env]\nMY_API_KEY = 'hunter2hunter2'\nPLAIN = 'p'")
    rows = {key: (value, origin) for key, value, origin in settings.rows()}
    assert rows["agents.a.env.MY_API_KEY"] == ("(set, not shown)", USER_FILE)
    assert rows["agents.a.env.PLAIN"] == ("p", USER_FILE)
    assert rows["limits.keep_days"] == (14, "default")
    assert rows["tools.pytest"][1] == "default"
    assert "hunter2" not in json.dumps(settings.rows())


def test_a_secret_in_a_profile_is_not_shown_either() -> None:
    settings = loaded(project={"penstock.toml": "[tools.a]\ncommand = 'x'\nenv = {A_TOKEN = 'hunter2hunter2'}"})
    assert "hunter2" not in json.dumps(settings.rows())


def test_a_profile_file_named_by_the_environment_stands_in_for_the_projects() -> None:
    settings = loaded(
        project={"config/tool_profiles.json": '{"mine": {"command": "a"}}'},
        tool_profiles=("/etc/tools.json", b'{"theirs": {"command": "b"}}'),
    )
    assert settings.origin("tools.theirs") == "/etc/tools.json"
    assert "mine" not in settings.node(ToolsSettings).profiles


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("config/config.yaml", "limits:\n  keep_days: 1\n  keep_dayz: 1\n", "config/config.yaml:3"),
        ("config/tool_profiles.json", '{\n "a": {\n  "command": "x",\n  "zzz": 1}}', "config/tool_profiles.json:2"),
        ("config/executor.yaml", "\n\nzzz: 1\n", "config/executor.yaml:3"),
        ("penstock.toml", '[limits] # all\n"zzz" = 1', "penstock.toml:2"),
        ("penstock.toml", "x = 1\nlimits.zzz = 1", "penstock.toml:2"),
        ("config/tool_profiles.json", '{\n\t"a": {"command": "x", "zzz": 1}}', "config/tool_profiles.json"),
    ],
)
def test_a_problem_stands_with_its_file_and_line(name: str, text: str, place: str) -> None:
    assert any(problem.startswith(f"{place}: ") for problem in problems(project={name: text}))


def test_a_line_of_many_blanks_is_soon_read() -> None:
    text = '[checks]\nmany = """\n[' + " " * 100_000 + '\n"""\n[ checks.more ]\nunit = "true"\n'
    assert read_document("penstock.toml", text.encode()).lines["checks", "more"] == 5


def test_it_is_known_what_a_project_gave() -> None:
    settings = loaded(user="[tools.theirs]\ncommand = 'y'", project={"penstock.toml": PROJECT})
    assert settings.of_project("tools") == {"mine"}
    assert settings.of_project("limits") == {"keep_days"}


PROJECT = "[checks]\nlint = 'ruff check'\n[tools.mine]\ncommand = 'x'\n[limits]\nkeep_days = 2\n"


def test_what_would_run_is_what_the_project_brings_along() -> None:
    text = would_run(loaded(project={"penstock.toml": PROJECT}))
    assert json.loads(text) == {"checks.lint": "ruff check", "tools.mine": {"command": "x"}}


def test_what_would_run_does_not_depend_on_spelling_or_order() -> None:
    other = {
        "config/config.yaml": "checks:\n  lint: ruff check\n",
        "config/tool_profiles.json": '{"mine": {"command": "x"}}',
    }
    assert would_run(loaded(project=other)) == would_run(loaded(project={"penstock.toml": PROJECT}))


@pytest.mark.parametrize(
    "change",
    ["lint = 'ruff check --fix'", "lint = 'ruff check'\nmore = 'x'", "lint = {command = 'ruff check', timeout = 3}"],
)
def test_any_change_of_what_runs_changes_it(change: str) -> None:
    changed = PROJECT.replace("lint = 'ruff check'", change)
    assert would_run(loaded(project={"penstock.toml": changed})) != would_run(
        loaded(project={"penstock.toml": PROJECT})
    )


def test_a_project_that_brings_nothing_needs_no_trust() -> None:
    assert would_run(loaded(user="[checks]\nlint = 'mine'", project={"penstock.toml": "base_branch = 'x'"})) == "{}"


def test_what_would_run_can_not_carry_control_characters_to_a_terminal() -> None:
    text = would_run(loaded(project={"penstock.toml": '[checks]\nlint = "a\\u001b[2K\\u202eb"'}))
    assert text.isascii()
    assert "\x1b" not in text


@pytest.mark.slow
def test_thousands_of_agents_are_read_in_bearable_time() -> None:
    start = time.process_time()
    loaded(project={"penstock.toml": "".join(f"agents.a{n}.model = 'x'\n" for n in range(20_000))})
    assert time.process_time() - start < 15

"""`[pipeline]` and the models of its roles: what may be said, and what is refused."""

from __future__ import annotations

import json

import pytest

from penstock.config import Settings, SettingsInvalid, Sources, load, read_environment, would_run
from penstock.config.pipeline import PipelineSettings
from penstock.config.roles import RolesSettings
from penstock.config.sections import PROJECT_SECTIONS


def loaded(text: str = "", **environ: str) -> Settings:
    environment = read_environment(environ, PROJECT_SECTIONS)
    return load(PROJECT_SECTIONS, Sources(environment=environment, project={"penstock.toml": text.encode()}))


def test_a_pipeline_has_a_budget_and_its_documents_stay_in_the_store_where_nothing_is_said() -> None:
    assert loaded().node(PipelineSettings) == PipelineSettings(
        token_budget=20_000, agent="", docs_path="", baseline_tokens=6000
    )
    assert loaded(PENSTOCK_PIPELINE_TOKEN_BUDGET="5").node(PipelineSettings).token_budget == 5


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "../beside",
        "docs/../..",
        ".git/hooks",
        "a//b",
        "./docs",
        "C:\\docs",
        "a\nb",
        "docs/*",
        "~/docs",
        " docs",
    ],
)
def test_documents_are_written_inside_the_project_alone(path: str) -> None:
    with pytest.raises(SettingsInvalid, match="docs_path"):
        loaded(f"[pipeline]\ndocs_path = {json.dumps(path)}")


@pytest.mark.parametrize("number", ["-1", "1.5", "10000000000000000"])
def test_a_budget_is_a_number_of_tokens(number: str) -> None:
    with pytest.raises(SettingsInvalid, match="token_budget"):
        loaded(f"[pipeline]\ntoken_budget = {number}")


def test_the_agent_of_the_dev_phase_is_asked_trust_for_and_a_budget_is_not() -> None:
    written = "[pipeline]\nagent = 'claude'\ntoken_budget = 7"
    assert json.loads(would_run(loaded(written))) == {"pipeline.agent": "claude"}


def test_each_role_of_a_pipeline_may_have_a_model_of_its_own() -> None:
    roles = loaded("[roles]\nplanning = 'plain'\nqa = 'strict'\nmentor = 'wise'").node(RolesSettings).roles()
    assert [roles.model_of_role(name) for name in ("pm", "qa", "qa_mentor")] == ["plain", "strict", "wise"]


@pytest.mark.parametrize(("written", "sentence"), [("planning = ''", "planning"), ("pm = 'two words'", "two words")])
def test_a_role_without_any_model_is_refused(written: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid, match=sentence):
        loaded(f"[roles]\n{written}")

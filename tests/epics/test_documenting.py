"""Documents as files: which folder an epic gets, and the workstream that writes them."""

from __future__ import annotations

import pytest

from penstock.epics.documenting import LONGEST_NAME, bundle_of, folder_of
from penstock.intake import bundles

HOSTILE = ("../../etc", "a/b", ".git", "..", "C:\\x", "CON aux", "EPIC\n1", "é", "x" * 200, "$(id)", "a*b")


@pytest.mark.parametrize("epic_id", ["EPIC-1", "PIPELINE-175D-1", "a.b_c"])
def test_a_plain_id_is_the_name_of_its_folder(epic_id: str) -> None:
    assert folder_of(epic_id) == epic_id


@pytest.mark.parametrize("epic_id", HOSTILE)
def test_any_id_becomes_one_folder_that_leads_nowhere_else(epic_id: str) -> None:
    name = folder_of(epic_id)
    assert name.strip(".-") == name != epic_id
    assert name.isascii()
    assert not set(name) & set("/\\:*?$ \n")
    assert len(name) <= LONGEST_NAME + 9


def test_two_ids_that_look_alike_never_share_a_folder() -> None:
    names = [folder_of(one) for one in ("a b", "a-b", *HOSTILE)]
    assert len(set(names)) == len(names)


def test_the_workstream_is_a_sound_plan_even_where_a_project_has_no_checks() -> None:
    files = {"docs/it's/EPIC-1/epic.md": "# It\n\n$(touch pwned) {{ x }}\n"}
    loaded = bundles.load_sources([bundles.source_of(bundle_of(files, epic="EPIC-1"))])
    (workstream,) = loaded.plan.workstreams
    assert (workstream.agent, workstream.scope.files) == ("scripted", ("docs/it's/EPIC-1/epic.md",))
    assert [one.text for one in workstream.acceptance] == ["""test -s 'docs/it'"'"'s/EPIC-1/epic.md'"""]

"""What the branches of workstreams are called, whatever their change is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.git.layout import is_segment
from penstock.domain.branches import branch_of

TEMPLATE = "ws/{change}/{workstream}-{run}"


@pytest.mark.parametrize(
    ("change", "branch"),
    [
        ("OS-001", "ws/OS-001/ws-a-run-1"),
        ("", "ws/plan/ws-a-run-1"),
        ("epic/one", "ws/epic/one/ws-a-run-1"),
        ("add a login", "ws/add-a-login/ws-a-run-1"),
        ("..", "ws/ws-a-run-1"),
        ("-x.lock.", "ws/x/ws-a-run-1"),
        ("\u00e9t\u00e9", "ws/t-/ws-a-run-1"),
        ("{run}", "ws/run-/ws-a-run-1"),
    ],
)
def test_a_change_that_is_no_name_becomes_one(change: str, branch: str) -> None:
    assert branch_of(TEMPLATE, change=change, workstream="ws-a", run="run-1") == branch


@given(st.text() | st.text(alphabet="a./-@+ lock"))
def test_every_part_of_a_branch_is_a_name(change: str) -> None:
    branch = branch_of(TEMPLATE, change=change, workstream="ws-a", run="run-1")
    assert all(map(is_segment, branch.split("/")))

"""Paths become placeholders and come back as another attempt's paths; nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.recordings.places import Places, PlaceUnknown

THEN = Places({"worktree": "/home/ann/state/trees", "home": "/home/ann"})
NOW = Places({"worktree": "/srv/w", "home": "/srv/w/inner/home"})
PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{",
        "}",
        "{{worktree}}",
        "{{home}}",
        "{{literal:home}}",
        "literal:",
        "home",
        "x",
        " ",
        "/",
        ".",
        "é",
        "-",
    ]
)
PATHS = st.sampled_from(
    ["/home/ann/state/trees", "/home/ann", "/home/ann/state/trees/src/a.py", "/home/ann.", "/srv/w"]
)


@given(st.lists(st.one_of(PIECES, PATHS, st.text(max_size=3)), max_size=10).map("".join))
def test_what_is_written_is_filled_in_again_exactly(text: str) -> None:
    assert THEN.filled(THEN.written(text)) == text


@given(
    st.lists(st.sampled_from(["{{home}} ", " <W> ", "<W>/src/a.py ", "<H>/.cache ", "{{{{", "é"]), max_size=8).map(
        "".join
    )
)
def test_another_attempt_gets_its_own_paths(text: str) -> None:
    then = text.replace("<W>", "/home/ann/state/trees").replace("<H>", "/home/ann")
    now = text.replace("<W>", "/srv/w").replace("<H>", "/srv/w/inner/home")
    assert NOW.filled(THEN.written(then)) == now


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("see /home/ann/state/trees.", "see {{worktree}}."),
        ('{"path": "/home/ann/state/trees/a"}', '{"path": "{{worktree}}/a"}'),
        ("-I/home/ann/state/trees", "-I{{worktree}}"),
        ("file:///home/ann/x", "file://{{home}}/x"),
        ("/home/ann/state/treesshop", "{{home}}/state/treesshop"),
        ("/home/anna /home/ann-2 /home/ann.old", "/home/anna /home/ann-2 /home/ann.old"),
        ("{{home}} {{ home }} {{HOME}}", "{{literal:home}} {{ home }} {{HOME}}"),
    ],
)
def test_a_path_is_one_only_where_it_ends(text: str, written: str) -> None:
    assert THEN.written(text) == written


def test_a_place_that_the_attempt_does_not_have_is_named() -> None:
    with pytest.raises(PlaceUnknown, match='"cache"'):
        NOW.filled("{{cache}}/x")


@pytest.mark.parametrize("path", ["", "/", "relative/path"])
def test_what_is_no_path_of_its_own_is_never_replaced(path: str) -> None:
    places = Places({"worktree": path})
    assert places.written("a/b relative/path /") == "a/b relative/path /"

"""Patterns, their overlap, and what a diff may not hold."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.domain.changes import Change
from penstock.domain.patterns import expression
from penstock.domain.plan import Scope
from penstock.domain.scope import (
    BadPattern,
    ProtectedPaths,
    fault_of,
    judge,
    judge_litter,
    matches,
    normalise,
    overlap_sets,
    overlaps,
    patterns_meet,
)

PROTECTED = ProtectedPaths()


@pytest.mark.parametrize(
    ("pattern", "held", "not_held"),
    [
        ("src/a.py", ["src/a.py", "src/a.py/below"], ["src/a.pyc", "src/b.py", "x/src/a.py"]),
        ("src", ["src", "src/a.py", "src/x/y"], ["srcs/a.py", "a/src"]),
        ("src/", ["src/a.py", "src/x/y.py"], ["src", "srcs/a"]),
        ("src/*", ["src/a.py"], ["src/x/y.py", "src"]),
        ("src/*/", ["src/x/y.py", "src/x/y/z.py"], ["src/a.py"]),
        ("src/**", ["src/a", "src/a/b/c"], ["src", "a/src/b"]),
        ("**", ["a", "a/b/c"], []),
        ("**/x.py", ["x.py", "a/x.py", "a/b/x.py"], ["x.pyc", "a/x.py/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/x/b/y", "ab"]),
        ("a?c.py", ["abc.py"], ["ac.py", "a/c.py", "abbc.py"]),
        ("a[bc].py", ["a[bc].py"], ["ab.py"]),
        ("./src\\x.py", ["src/x.py"], ["src\\x.py"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
    ],
)
def test_a_pattern_holds_these_paths_and_not_those(pattern: str, held: list[str], not_held: list[str]) -> None:
    assert [path for path in held if not matches(pattern, path)] == []
    assert [path for path in not_held if matches(pattern, path)] == []


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("\\\\server\\x", "absolute"),
        ("C:\\x", "drive"),
        ("a/../b", "climbs"),
        ("..", "climbs"),
        ("~/x", "home"),
        ("a\0b", "NUL"),
        (".git/config", "`.git`"),
        ("sub/.GIT/hooks/", "`.git`"),
        ("GIT~1/x", "`.git`"),
        (".", "whole project"),
        ("./", "whole project"),
        (" a", "space"),
        ("a\nb", "typed"),
        ("/".join("a" * 70), "deeper"),
        ("src/" + "a" * 256, "holds a name longer than 255 bytes"),
        ("src/" + "\u00e9" * 128 + "/*.py", "holds a name longer than 255 bytes"),
    ],
)
def test_a_pattern_that_no_project_may_use_is_refused_in_words(pattern: str, words: str) -> None:
    assert words in (fault_of(pattern) or "")
    with pytest.raises(BadPattern, match=re.escape(words)):
        normalise(pattern)


def test_there_is_one_spelling_of_a_pattern() -> None:
    assert normalise(".\\src//a/./b.py") == "src/a/b.py"
    assert normalise("./src/") == "src/"


def test_many_stars_are_matched_in_bearable_time() -> None:
    start = time.process_time()
    assert not matches("*a" * 60 + "b", "a" * 250)
    assert not matches("**/a/" * 25 + "b", "a/" * 60 + "c")
    assert time.process_time() - start < 1


SEGMENT = st.text(alphabet="ab*?", min_size=1, max_size=4) | st.just("**")
PATTERN = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join).flatmap(lambda p: st.sampled_from([p, p + "/"]))
PATH = st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join)


@st.composite
def holding(draw: st.DrawFn, path: str) -> str:
    """A pattern that holds this path."""
    made = []
    for segment in path.split("/"):
        start = segment[: draw(st.integers(0, len(segment)))]
        ways = [segment, f"{start}*", start + "?" * (len(segment) - len(start)), "**"]
        made.append(draw(st.sampled_from(ways)))
    kept = draw(st.integers(1, len(made)))
    return "/".join(made) if kept == len(made) else "/".join(made[:kept]) + "/"


TWO_THAT_HOLD = PATH.flatmap(lambda path: st.tuples(st.just(path), holding(path), holding(path)))


@given(TWO_THAT_HOLD)
def test_two_patterns_that_hold_one_path_are_said_to_overlap(given_: tuple[str, str, str]) -> None:
    path, left, right = given_
    assert matches(left, path)
    assert matches(right, path)
    assert patterns_meet(left, right)
    assert overlaps([Scope(files=(left,)), Scope(files=(right,))]) == [(0, 1, left, right)]


@given(PATTERN, PATH)
def test_a_pattern_meets_every_path_that_it_holds_and_no_other(pattern: str, path: str) -> None:
    below = any(matches(pattern, path + "/" + more) for more in ("b", "a", "aa/a", "ab", "bb", "ba/b"))
    if matches(pattern, path) or below:
        assert patterns_meet(pattern, path)
    if not patterns_meet(pattern, path):
        assert not matches(pattern, path)


def _as_regex(pattern: str) -> str:
    """An independent reading of the rules, for patterns without `a**b`."""
    folder = pattern.endswith("/")
    segments = pattern.rstrip("/").split("/")
    literal = not folder and not any(letter in pattern for letter in "*?")
    if folder or segments[-1] == "**":
        segments = [*(segments if folder else segments[:-1]), "+"]
    made = ""
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment == "+":
            made += "[^/]+(?:/[^/]+)*"
        elif segment == "**":
            made += "(?:[^/]+/)*"
        else:
            made += segment.replace("?", "[^/]").replace("*", "[^/]*") + ("" if last else "/")
    return made + ("(?:/.*)?" if literal else "")


@given(PATTERN, PATH)
def test_matching_agrees_with_a_plain_regular_expression(pattern: str, path: str) -> None:
    assume(not re.search(r"\*\*", re.sub(r"(^|(?<=/))\*\*(?=/|$)", "", pattern)))
    assert matches(pattern, path) == bool(re.fullmatch(_as_regex(pattern), path))


@given(PATTERN, PATH, st.sampled_from(["", "/", "\n"]))
def test_the_expression_of_a_pattern_fits_what_the_pattern_holds(pattern: str, path: str, end: str) -> None:
    fits = re.compile(expression(pattern), re.DOTALL).fullmatch(f"/{path}{end}")
    assert bool(fits) == matches(pattern, path + end)


@given(st.lists(st.lists(PATTERN, min_size=1, max_size=3), min_size=2, max_size=8))
def test_the_tree_of_all_scopes_finds_what_pairs_would(patterns: list[list[str]]) -> None:
    scopes = [Scope(files=tuple(each)) for each in patterns]
    expected = {
        (one, other)
        for one in range(len(scopes))
        for other in range(one + 1, len(scopes))
        if any(patterns_meet(a, b) for a in scopes[one].patterns for b in scopes[other].patterns)
    }
    assert {(one, other) for one, other, _, _ in overlaps(scopes)} == expected
    sets = overlap_sets(scopes)
    assert {(i, j) for i, bits in enumerate(sets) for j in range(len(scopes)) if bits >> j & 1 and i < j} == expected


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=4), min_size=5, max_size=12, unique=True), st.randoms())
def test_many_names_side_by_side_are_found_by_head_and_tail(names: list[str], randomness: random.Random) -> None:
    globs = [
        name[: randomness.randint(0, len(name))] + "*" + name[randomness.randint(0, len(name)) :] for name in names
    ]
    scopes = [Scope(files=(f"x/{name}",)) for name in [*names, *globs]]
    expected = {
        (i, j)
        for i in range(len(scopes))
        for j in range(i + 1, len(scopes))
        if patterns_meet(scopes[i].files[0], scopes[j].files[0])
    }
    assert {(i, j) for i, j, _, _ in overlaps(scopes)} == expected


@pytest.mark.parametrize(
    ("left", "right", "meet"),
    [
        ("meta/", "meta/x.md", True),
        ("meta", "meta/x.md", True),
        ("src/*.py", "src/a*.py", True),
        ("src/*.py", "src/*.js", False),
        ("src/**/test_*.py", "src/a/test_b.py", True),
        ("**/a.py", "b/*.md", False),
        ("a/**/b/*.py", "a/c/**", True),
        ("./src\\a.py", "src/a.py", True),
        ("src/a.py", "src/b.py", False),
    ],
)
def test_overlap_knows_folders_globs_and_spellings(left: str, right: str, meet: bool) -> None:
    assert patterns_meet(left, right) is meet
    assert patterns_meet(right, left) is meet


def test_case_matters_only_where_the_file_system_sees_it() -> None:
    scopes = [Scope(files=("SRC/A.py",)), Scope(files=("src/a.PY",))]
    assert overlaps(scopes) == []
    assert overlaps(scopes, ignore_case=True) == [(0, 1, "SRC/A.py", "src/a.PY")]


def test_created_paths_count_for_overlap() -> None:
    assert overlaps([Scope(files=("a",), create=("b/c",)), Scope(files=("b/",))]) == [(0, 1, "b/c", "b/")]


def test_overlap_reports_one_pair_of_patterns_excuses_and_stops_at_its_limit() -> None:
    scopes = [Scope(files=("a/", "a/b"))] * 4
    assert len(overlaps(scopes)) == 6
    assert overlaps(scopes, limit=2) == [(0, 1, "a/", "a/"), (0, 2, "a/", "a/")]
    assert [(i, j) for i, j, _, _ in overlaps(scopes, excused=[0b1110, 0, 0b1000, 0])] == [(1, 2), (1, 3)]


@pytest.mark.slow
def test_ten_thousand_workstreams_are_compared_without_each_pair_of_them() -> None:
    def taken(count: int) -> float:
        scopes = [
            Scope(files=(f"src/m{n}/", f"tests/test_{n}_*.py", f"docs/m{n}.md", f"a/{n}/**/*.py", f"lib/m{n}"))
            for n in range(count)
        ]
        scopes.append(Scope(files=("src/m77/deep/file.py",)))
        start = time.process_time()
        assert [(i, j) for i, j, _, _ in overlaps(scopes)] == [(77, count)]
        return time.process_time() - start

    assert taken(10_000) < 40 * taken(1_000)


SCOPE = Scope(files=("src/", "README.md"), create=("docs/new.md",))
BASE = frozenset({"src/a.py", "README.md", "lib/x.py", "src/pkg/mod.py"})


def changed(path: str, **more: object) -> Change:
    return Change(path=path, **{"old_mode": "100644", "new_mode": "100644", **more})  # type: ignore[arg-type]


def created(path: str, **more: object) -> Change:
    return Change(path=path, **{"new_mode": "100644", **more})  # type: ignore[arg-type]


def deleted(path: str) -> Change:
    return Change(path=path, old_mode="100644")


def rules(*changes: Change, scope: Scope = SCOPE, base: frozenset[str] = BASE) -> list[tuple[str, str]]:
    return [(one.path, one.rule) for one in judge(changes, scope, base, PROTECTED)]


def test_what_the_scope_names_may_be_changed_created_and_deleted() -> None:
    fine = [changed("src/a.py"), created("src/b.py"), created("docs/new.md"), deleted("src/pkg/mod.py")]
    assert rules(*fine, changed("README.md", new_mode="100755"), deleted("docs/new.md")) == []


def test_a_file_that_the_scope_names_may_be_new() -> None:
    assert rules(created("hello/world.py"), scope=Scope(files=("hello/world.py",))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed("lib/x.py"), "out of scope: changed"),
        (deleted("lib/x.py"), "out of scope: deleted"),
        (created("lib/new.py"), "out of scope: created"),
        (created("docs/other.md"), "out of scope: created"),
        (created("src/link", new_mode="120000", link_target="/etc/passwd"), "absolute"),
        (created("src/link", new_mode="120000", link_target="C:\\x"), "absolute"),
        (created("src/link", new_mode="120000", link_target="../../x"), "leaves the project"),
        (created("src/link", new_mode="120000", link_target="..\\..\\x"), "leaves the project"),
        (created("src/link", new_mode="120000", link_target="pkg/../../x"), "climbs after it descended"),
        (created("src/link", new_mode="120000", link_target="../.git/hooks"), "`.git`"),
        (created("src/link", new_mode="120000"), "unknown"),
        (changed("src/a.py", new_mode="120000", link_target="../../x"), "leaves the project"),
        (created("src/sub", new_mode="160000"), "nested repository"),
        (changed("src/sub", old_mode="160000", new_mode="160000"), "nested repository"),
        (created("src/odd", new_mode="100664"), "file mode"),
        (created("src/hard.py", hard_links=2), "hard link"),
        (created("src/A.py"), "case twin of 'src/a.py'"),
        (created("SRC/b.py"), "case twin"),
        (created("src/.git/hooks/pre-commit"), "`.git`"),
        (created("src/.GIT/config"), "`.git`"),
        (created("src/git~1/config"), "`.git`"),
        (created("src/.g\u200cit/config"), "`.git`"),
        (created("src/\udcff.py"), "UTF-8"),
        (created("src/a\nb.py"), "control character"),
        (created("src/.gitattributes", text="*.py filter=evil"), "filter"),
        (changed("src/.gitattributes", text="[attr]x filter=evil\n"), "filter"),
        (created("src/.gitattributes"), "unknown"),
        (created("src/conftest.py"), "protected"),
        (created("src/.env.local"), "protected"),
    ],
)
def test_each_way_out_of_the_scope_breaks_a_rule(change: Change, words: str) -> None:
    # in every case nothing but the rule in question is broken on its account
    base = BASE | ({change.path} if not change.is_created else frozenset())
    assert any(path == change.path and words in rule for path, rule in rules(change, base=base))


@pytest.mark.parametrize("target", ["a.py", "../README.md", "pkg", "./a.py"])
def test_a_symlink_inside_the_project_is_fine(target: str) -> None:
    assert rules(created("src/link", new_mode="120000", link_target=target)) == []


@pytest.mark.parametrize("path", [".githooks", ".husky", "config", "Config", ".github", "lib/.cargo", ".penstock"])
def test_a_link_in_the_place_of_a_protected_folder_is_as_protected(path: str) -> None:
    whole = Scope(files=("**",))
    link = created(path, new_mode="120000", link_target="src")
    assert [rule.split(":")[0] for _, rule in rules(link, scope=whole)] == ["protected"]
    gone = changed(path, old_mode="120000", new_mode="000000")
    assert [rule.split(":")[0] for _, rule in rules(gone, scope=whole)] == ["protected"]
    assert rules(link, scope=Scope(files=(path,))) == []
    assert rules(created(path, text="a file"), scope=whole) == []


def test_attributes_without_a_filter_are_fine() -> None:
    for text in (
        "*.png binary\n*.filter text\n",
        "# no filter=lfs here\n",
        "*.sh eol=lf -filter !filter\nfilter text\n",
    ):
        assert rules(created("src/.gitattributes", text=text)) == []


@pytest.mark.parametrize("text", ["[attr]big filter=lfs\n", "* filter\n", "* text\x0b filter=x\n", "  *  \tfilter=x"])
def test_attributes_that_name_a_filter_are_found_however_they_are_written(text: str) -> None:
    assert "name a filter" in rules(created("src/.gitattributes", text=text))[0][1]


def test_a_folder_that_is_there_already_is_nobodys_twin() -> None:
    base = BASE | {"Docs/old.md", "docs/old.md"}
    scope = Scope(files=("docs/",))
    assert rules(created("docs/new.md"), scope=scope, base=base) == []
    assert "case twin" in rules(created("DOCS/new.md"), scope=Scope(files=("DOCS/",)), base=base)[0][1]
    assert "case twin" in rules(created("docs/Old.md"), scope=scope, base=base)[0][1]


def test_a_unicode_twin_is_found_within_the_changes_too() -> None:
    found = rules(created("src/caf\u00e9.py"), created("src/cafe\u0301.py"))
    assert [path for path, _ in found] == ["src/caf\u00e9.py", "src/cafe\u0301.py"]
    assert all("unicode twin" in rule for _, rule in found)


def test_a_rename_that_only_changes_case_is_a_twin() -> None:
    assert "case twin" in rules(deleted("src/a.py"), created("src/A.py"))[0][1]


def test_a_file_made_a_folder_and_the_reverse_are_found() -> None:
    assert "was made a folder" in rules(deleted("src/a.py"), created("src/a.py/x"))[0][1]
    found = rules(deleted("src/pkg/mod.py"), created("src/pkg"))
    assert found == [("src/pkg", "a folder of this name was made a file")]


def test_a_rename_out_of_the_scope_breaks_a_rule_on_both_sides() -> None:
    assert [path for path, _ in rules(deleted("lib/x.py"), created("lib/y.py"))] == ["lib/x.py", "lib/y.py"]


@pytest.mark.parametrize(
    "path",
    [
        *("penstock.toml", "config/tool_profiles.json", ".githooks/pre-commit", ".husky/x", ".pre-commit-config.yaml"),
        *(".github/workflows/ci.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile", "azure-pipelines.yml"),
        *("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "deep/down/conftest.py", "ruff.toml", ".ruff.toml"),
        *("mypy.ini", ".flake8", ".eslintrc.json", "eslint.config.mjs", "jest.config.ts", "vitest.config.ts"),
        *("tsconfig.build.json", ".prettierrc", "web/package.json", "Makefile", ".env", "sub/.env.local", ".ci/run"),
        *(
            ".autonomous_runs/x/y",
            "PENSTOCK.TOML",
            "Config/x",
            ".worktreeinclude",
            ".lefthook/x.sh",
            "templates/prompts/edit.txt.j2",
            "templates/prompts/fix.txt.j2",
            "lefthook-local.yml",
        ),
        *(".woodpecker/a.yml", ".forgejo/workflows/x.yml", "buildspec.yaml", "pytest.toml", "sitecustomize.py"),
        *("Taskfile.yml", "crate/.cargo/config.toml", ".yamllint.yaml", ".gitleaks.toml", ".lintstagedrc.json"),
        *("src/sitecustomize/__init__.py", "usercustomize.pyc"),
        *("tox.toml", ".justfile", "vitest.workspace.ts", ".nycrc.json", ".c8rc", ".oxlintrc.json", "web/deno.jsonc"),
    ],
)
def test_protected_paths_need_to_be_named_themselves(path: str) -> None:
    everything = Scope(files=("**", path.rpartition("/")[0] + "/" if "/" in path else "*"))
    assert [rule.split(":")[0] for _, rule in rules(changed(path), scope=everything)] == ["protected"]
    assert rules(changed(path), scope=Scope(files=(path,))) == []
    assert [one.path for one in judge_litter([path], everything, PROTECTED)] == [path]


def test_a_folder_named_without_slash_does_not_open_what_is_protected_in_it() -> None:
    assert rules(changed("config/x.yaml"), scope=Scope(files=("config",)))[0][1].startswith("protected")


def test_ordinary_litter_is_no_violation_and_a_folder_that_would_hold_something_protected_is() -> None:
    scope = Scope(files=("src/",))
    assert judge_litter(["node_modules/", "src/__pycache__/a.pyc", "build/"], scope, PROTECTED) == ()
    assert [one.path for one in judge_litter([".github/", "config/"], scope, PROTECTED)] == [".github/", "config/"]

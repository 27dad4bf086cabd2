"""The table of ways out of a scope: what an agent does, and the path and rule by which it must be refused.

`@EVIL@` is a program that must never run, `@OUTSIDE@` a folder beside the worktree, `@RUN@` the run's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OUT_CHANGED = "out of scope: changed"
OUT_CREATED = "out of scope: created"
OUT_DELETED = "out of scope: deleted"
PROTECTED = "protected:"
PUT_IN = "was put into git's own folder"
GITS_OWN = "git's own file was changed"
REF_MADE = "a branch, tag or other ref was made"
NESTED = "a submodule or nested repository"

BASE = {
    "good/seed.txt": "seed\n",
    "other/target.txt": "target\n",
    "other/guide.md": "guide\n",
    "src/seed.txt": "seed\n",
    ".gitignore": "*.log\nconfig/\n.env.*\n",
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way out. The workstream may change `src/<name>/` unless `scope` says otherwise."""

    name: str
    does: tuple[object, ...]
    path: str
    rule: str
    also: tuple[tuple[str, str], ...] = ()
    """Further violations that must be told."""
    base: Mapping[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    kept: tuple[str, str] | None = None
    """A path and content that the snapshot must hold; the file that every agent writes first is checked anyway."""

    @property
    def id(self) -> str:
        """The workstream's id."""
        return f"ws-{self.name}"

    @property
    def work(self) -> tuple[str, str]:
        """The file within its scope that every agent writes first."""
        return (f"src/{self.name}/work.txt", f"work of {self.name}\n")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The scope."""
        return (f"src/{self.name}/", *self.scope)


def sh(script: str) -> object:
    """A shell that knows the worktree's git folder as $G and Penstock's own repository as $O."""
    known = 'G=$(sed \'s/^gitdir: //\' .git); O=$(dirname "$(cat "$G/objects/info/alternates")"); '
    return {"run": ["sh", "-ec", known + script]}


def write(path: str, content: str) -> object:
    """The action that writes a file."""
    return {"write": {"path": path, "content": content}}


SAMPLE = (
    Way(
        name="prefix-twin",
        does=(write("src/prefix-twin_evil/x.txt", "evil\n"),),
        path="src/prefix-twin_evil/x.txt",
        rule=OUT_CREATED,
        kept=("src/prefix-twin_evil/x.txt", "evil\n"),
    ),
    Way(
        name="absolute-link",
        does=({"symlink": {"path": "src/absolute-link/out", "target": "@OUTSIDE@"}},),
        path="src/absolute-link/out",
        rule="a symlink with the absolute target",
    ),
    Way(
        name="own-hook-folder",
        does=(sh('mkdir "$G/hooks"; cp @EVIL@ "$G/hooks/post-index-change"; cp @EVIL@ "$G/hooks/pre-commit"'),),
        path=".git/hooks/post-index-change",
        rule=PUT_IN,
    ),
)

FILES = (
    Way(
        name="climbing-link",
        does=({"symlink": {"path": "src/climbing-link/out", "target": "../../../../elsewhere"}},),
        path="src/climbing-link/out",
        rule="leaves the project",
    ),
    Way(
        name="link-into-git",
        does=({"symlink": {"path": "src/link-into-git/out", "target": "../../.git"}},),
        path="src/link-into-git/out",
        rule="enters a `.git` folder",
    ),
    Way(
        name="write-through-new-link",
        does=(
            {"symlink": {"path": "src/write-through-new-link/out", "target": "@OUTSIDE@"}},
            write("src/write-through-new-link/out/x.txt", "written outside\n"),
        ),
        path="src/write-through-new-link/out",
        rule="a symlink with the absolute target",
    ),
    Way(
        name="write-through-tracked-link",
        base={"src/write-through-tracked-link/linked": "->../../behind", "behind/target.txt": "target\n"},
        does=(
            write("src/write-through-tracked-link/linked/target.txt", "evil\n"),
            write("src/write-through-tracked-link/linked/new.txt", "new\n"),
        ),
        path="behind/target.txt",
        rule=OUT_CHANGED,
        also=(("behind/new.txt", OUT_CREATED),),
        kept=("behind/target.txt", "evil\n"),
    ),
    Way(
        name="rename-out",
        base={"src/rename-out/a.txt": "a\n"},
        does=(sh("mv src/rename-out/a.txt other/renamed-out.txt"),),
        path="other/renamed-out.txt",
        rule=OUT_CREATED,
        kept=("other/renamed-out.txt", "a\n"),
    ),
    Way(
        name="rename-in",
        base={"other/rename-me-in.txt": "mine\n"},
        does=(sh("mv other/rename-me-in.txt src/rename-in/mine.txt"),),
        path="other/rename-me-in.txt",
        rule=OUT_DELETED,
        kept=("src/rename-in/mine.txt", "mine\n"),
    ),
    Way(
        name="delete",
        base={"other/delete-me.txt": "x\n"},
        does=({"delete": "other/delete-me.txt"},),
        path="other/delete-me.txt",
        rule=OUT_DELETED,
    ),
    Way(
        name="mode-change",
        base={"other/mode.sh": "x\n"},
        does=({"chmod": {"path": "other/mode.sh", "mode": "755"}},),
        path="other/mode.sh",
        rule=OUT_CHANGED,
    ),
    Way(
        name="untracked",
        does=(write("other/untracked.txt", "new\n"),),
        path="other/untracked.txt",
        rule=OUT_CREATED,
        kept=("other/untracked.txt", "new\n"),
    ),
    Way(
        name="out-and-crash",
        does=(write("other/crashed.txt", "new\n"), {"crash": {"code": 3}}),
        path="other/crashed.txt",
        rule=OUT_CREATED,
        kept=("other/crashed.txt", "new\n"),
    ),
    Way(
        name="change-and-put-away",
        does=(
            write("other/guide.md", "changed\n"),
            sh("git update-index --skip-worktree other/guide.md; git update-index --assume-unchanged other/target.txt"),
        ),
        path="other/guide.md",
        rule=OUT_CHANGED,
        kept=("other/guide.md", "changed\n"),
    ),
    Way(
        name="ignore-file",
        does=(write(".gitignore", "*\n"),),
        path=".gitignore",
        rule=OUT_CHANGED,
        kept=(".gitignore", "*\n"),
    ),
    Way(
        name="ignored-protected",
        does=(write("config/local.toml", "evil = true\n"),),
        path="config/local.toml",
        rule=PROTECTED,
    ),
    Way(
        name="ignored-secret",
        does=(write("src/ignored-secret/.env.local", "KEY=1\n"),),
        path="src/ignored-secret/.env.local",
        rule=PROTECTED,
    ),
    Way(
        name="own-settings",
        does=(write("penstock.toml", "[checks]\n"),),
        path="penstock.toml",
        rule=PROTECTED,
        also=(("penstock.toml", OUT_CHANGED),),
        kept=("penstock.toml", "[checks]\n"),
    ),
    Way(
        name="settings-of-tests",
        does=(write("src/settings-of-tests/conftest.py", "import os\n"),),
        path="src/settings-of-tests/conftest.py",
        rule=PROTECTED,
        kept=("src/settings-of-tests/conftest.py", "import os\n"),
    ),
    Way(
        name="workflow-by-folder",
        scope=(".github/",),
        does=(write(".github/workflows/ci.yml", "on: push\n"),),
        path=".github/workflows/ci.yml",
        rule=PROTECTED,
        kept=(".github/workflows/ci.yml", "on: push\n"),
    ),
    Way(
        name="case-twin",
        base={"src/case-twin/Read.txt": "upper\n"},
        does=(write("src/case-twin/read.txt", "lower\n"),),
        path="src/case-twin/read.txt",
        rule="a case twin of 'src/case-twin/Read.txt'",
        kept=("src/case-twin/read.txt", "lower\n"),
    ),
    Way(
        name="unicode-twin",
        base={"src/unicode-twin/caf\u00e9.txt": "composed\n"},
        does=(write("src/unicode-twin/cafe\u0301.txt", "decomposed\n"),),
        path="src/unicode-twin/cafe\u0301.txt",
        rule="a unicode twin of",
        kept=("src/unicode-twin/cafe\u0301.txt", "decomposed\n"),
    ),
    Way(
        name="second-name",
        does=({"hardlink": {"path": "src/second-name/link.txt", "target": "other/target.txt"}},),
        path="src/second-name/link.txt",
        rule="a hard link (2 names for one file)",
        kept=("src/second-name/link.txt", "target\n"),
    ),
    Way(
        name="second-name-outside",
        does=({"hardlink": {"path": "src/second-name-outside/link.txt", "target": "@OUTSIDE@/mine.txt"}},),
        path="src/second-name-outside/link.txt",
        rule="a hard link (2 names for one file)",
    ),
    Way(
        name="file-made-folder",
        base={"src/file-made-folder/thing": "file\n"},
        does=({"delete": "src/file-made-folder/thing"}, write("src/file-made-folder/thing/inner.txt", "inner\n")),
        path="src/file-made-folder/thing/inner.txt",
        rule="was made a folder",
        kept=("src/file-made-folder/thing/inner.txt", "inner\n"),
    ),
    Way(
        name="folder-made-file",
        base={"src/folder-made-file/thing/inner.txt": "inner\n"},
        does=({"delete": "src/folder-made-file/thing"}, write("src/folder-made-file/thing", "file\n")),
        path="src/folder-made-file/thing",
        rule="was made a file",
        kept=("src/folder-made-file/thing", "file\n"),
    ),
    Way(
        name="folder-made-link",
        base={"src/folder-made-link/thing/inner.txt": "inner\n", "linked-to/inner.txt": "theirs\n"},
        does=(
            {"delete": "src/folder-made-link/thing"},
            {"symlink": {"path": "src/folder-made-link/thing", "target": "../../linked-to"}},
            write("src/folder-made-link/thing/inner.txt", "evil\n"),
        ),
        path="linked-to/inner.txt",
        rule=OUT_CHANGED,
        also=(("src/folder-made-link/thing", "was made a file"),),
        kept=("linked-to/inner.txt", "evil\n"),
    ),
    Way(
        name="name-with-a-line-break",
        does=(write("src/name-with-a-line-break/a\nb.txt", "odd\n"),),
        path="src/name-with-a-line-break/a\nb.txt",
        rule="a name with a control character",
    ),
    Way(
        name="name-that-is-no-text",
        does=(sh(r'printf odd > "$(printf "src/name-that-is-no-text/\377.txt")"'),),
        path="src/name-that-is-no-text/\udcff.txt",
        rule="a name that is not valid UTF-8",
    ),
    Way(
        name="filter",
        does=(
            write("src/filter/.gitattributes", "* filter=evil\n"),
            sh("git config filter.evil.clean @EVIL@; git config filter.evil.smudge @EVIL@"),
        ),
        path="src/filter/.gitattributes",
        rule="git attributes that name a filter",
        also=((".git/config", GITS_OWN),),
        kept=("src/filter/.gitattributes", "* filter=evil\n"),
    ),
    Way(
        name="nested-repository",
        does=(
            sh(
                "git init -q src/nested-repository/inner; cd src/nested-repository/inner; echo inner > file.txt;"
                " git add -A; git -c user.name=A -c user.email=a@example.invalid commit -qm inner"
            ),
        ),
        path="src/nested-repository/inner",
        rule=NESTED,
        kept=(".penstock/nested/src/nested-repository/inner/file.txt", "inner\n"),
    ),
    Way(
        name="submodule",
        does=(
            sh(
                "git init -q @OUTSIDE@/sub; cd @OUTSIDE@/sub; git -c user.name=A -c user.email=a@example.invalid"
                " commit -q --allow-empty -m sub; cd - >/dev/null;"
                " git -c protocol.file.allow=always submodule --quiet add @OUTSIDE@/sub src/submodule/sub"
            ),
        ),
        path="src/submodule/sub",
        rule=NESTED,
        also=((".gitmodules", OUT_CREATED),),
    ),
    Way(
        name="git-in-capitals",
        does=(write("src/git-in-capitals/.GIT/config", "[core]\n\tfsmonitor = @EVIL@\n"),),
        path="src/git-in-capitals/.GIT",
        rule="enters a `.git` folder",
    ),
)

GIT = (
    Way(
        name="monitor",
        does=(sh("git config core.fsmonitor @EVIL@; git config core.hooksPath @OUTSIDE@"),),
        path=".git/config",
        rule=GITS_OWN,
    ),
    Way(
        name="info-attributes",
        does=(sh('echo "* filter=evil" > "$G/info/attributes"; git config filter.evil.clean @EVIL@'),),
        path=".git/info/attributes",
        rule=PUT_IN,
        also=((".git/config", GITS_OWN),),
    ),
    Way(
        name="hidden-by-exclude",
        does=(sh('echo "hidden/" > "$G/info/exclude"; mkdir hidden; echo hidden > hidden/x.txt'),),
        path=".git/info/exclude",
        rule=PUT_IN,
        also=(("hidden/x.txt", OUT_CREATED),),
        kept=("hidden/x.txt", "hidden\n"),
    ),
    Way(
        name="other-folder-as-git",
        does=(sh('echo "@OUTSIDE@" > "$G/commondir"'),),
        path=".git/commondir",
        rule=PUT_IN,
    ),
    Way(
        name="other-objects",
        does=(sh('echo "@OUTSIDE@" >> "$G/objects/info/alternates"'),),
        path=".git/objects/info/alternates",
        rule=GITS_OWN,
    ),
    Way(
        name="other-branch",
        does=(sh("git checkout -q -b evil; git add -A; git commit -q -m evil"),),
        path="refs/heads/evil",
        rule=REF_MADE,
        also=((".git/HEAD", GITS_OWN),),
    ),
    Way(
        name="detached-head",
        does=(sh("git checkout -q --detach"),),
        path=".git/HEAD",
        rule=GITS_OWN,
    ),
    Way(
        name="other-head",
        does=(sh("git symbolic-ref HEAD refs/heads/unborn"),),
        path=".git/HEAD",
        rule=GITS_OWN,
    ),
    Way(
        name="tag",
        does=(sh("git tag v9"),),
        path="refs/tags/v9",
        rule=REF_MADE,
    ),
    Way(
        name="stash",
        does=(sh("git add -A; git stash -q; git checkout -q stash@{0} -- .; git reset -q"),),
        path="refs/stash",
        rule=REF_MADE,
    ),
    Way(
        name="replaced-commit",
        does=(sh("git add -A; git commit -q -m mine; git replace HEAD~1 HEAD; echo > done.log"),),
        path="refs/replace/",
        rule=REF_MADE,
    ),
    Way(
        name="packed-refs",
        does=(sh('git rev-parse HEAD | sed "s,$, refs/heads/planted," > "$G/packed-refs"'),),
        path="refs/heads/planted",
        rule=REF_MADE,
    ),
    Way(
        name="removed-branch",
        does=(sh("b=$(git symbolic-ref HEAD); git update-ref -d $b"),),
        path="refs/heads/ws/OS-1/ws-removed-branch-",
        rule="the branch was removed",
    ),
    Way(
        name="replaced-link",
        does=(sh("rm .git; git init -q .; git config core.fsmonitor @EVIL@"),),
        path=".git",
        rule="the worktree's link to its git folder was replaced",
    ),
    Way(
        name="removed-git-folder",
        does=(sh('rm -rf "$G"'),),
        path=".git",
        rule="the worktree's git folder was removed",
    ),
    Way(
        name="staged-only",
        does=(sh("echo staged > other/staged.txt; git add other/staged.txt; rm other/staged.txt"),),
        path="other/staged.txt",
        rule="staged only",
    ),
    Way(
        name="staged-submodule",
        does=(sh("git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),src/staged-submodule/ghost"),),
        path="src/staged-submodule/ghost",
        rule="staged only",
    ),
    Way(
        name="broken-index",
        does=(sh('echo "no index" > "$G/index"'),),
        path=".git/index",
        rule="the index can't be read",
    ),
)

_MINE = "git add -A; git commit -q -m mine; C=$(git rev-parse HEAD); "

OWN = (
    Way(
        name="repository-config",
        does=(
            sh('git config -f "$O/config" core.fsmonitor @EVIL@; git config -f "$O/config" core.hooksPath @OUTSIDE@'),
        ),
        path="repo.git/config",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="repository-hook",
        does=(sh('mkdir -p "$O/hooks"; for h in reference-transaction post-update; do cp @EVIL@ "$O/hooks/$h"; done'),),
        path="repo.git/hooks/reference-transaction",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="repository-attributes",
        does=(sh('echo "* filter=evil" > "$O/info/attributes"; git config -f "$O/config" filter.evil.clean @EVIL@'),),
        path="repo.git/info/attributes",
        rule="was changed in Penstock's own repository",
        also=(("repo.git/config", "was changed in Penstock's own repository"),),
    ),
    Way(
        name="repository-exclude",
        does=(sh('echo "other/" > "$O/info/exclude"; echo x > other/excluded.txt'),),
        path="repo.git/info/exclude",
        rule="was put into Penstock's own repository",
        also=(("other/excluded.txt", OUT_CREATED),),
        kept=("other/excluded.txt", "x\n"),
    ),
    Way(
        name="repository-objects",
        does=(sh('echo "@OUTSIDE@" > "$O/objects/info/alternates"'),),
        path="repo.git/objects/info/alternates",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="moved-branch",
        does=(sh(_MINE + 'echo $C > "$O/refs/heads/penstock/@RUN@"'),),
        path="repo.git/refs/heads/penstock/@RUN@",
        rule="was moved in Penstock's own repository",
    ),
    Way(
        name="removed-integration",
        does=(sh('rm "$O/refs/heads/penstock/@RUN@"'),),
        path="repo.git/refs/heads/penstock/@RUN@",
        rule="was removed in Penstock's own repository",
    ),
    Way(
        name="new-branch",
        does=(sh(_MINE + 'cp -r "$G/objects/." "$O/objects/"; echo $C > "$O/refs/heads/evil"'),),
        path="repo.git/refs/heads/evil",
        rule="was made in Penstock's own repository",
    ),
    Way(
        name="repository-packed-refs",
        does=(sh('echo "$(git rev-parse HEAD) refs/heads/planted" > "$O/packed-refs"'),),
        path="repo.git/packed-refs",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="repository-head",
        does=(sh('echo "ref: refs/heads/evil" > "$O/HEAD"'),),
        path="repo.git/HEAD",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="repository-shallow",
        does=(sh('git rev-parse HEAD > "$O/shallow"'),),
        path="repo.git/shallow",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="removed-snapshots",
        # those that came before it in the plan, which is in the order of names
        does=(sh('rm -r "$O/refs/penstock"'),),
        path="repo.git/refs/penstock/@RUN@/ws-moved-branch/1",
        rule="was removed in Penstock's own repository",
    ),
)

GROUPS: Mapping[str, tuple[Way, ...]] = {"sample": SAMPLE, "files": FILES, "git": GIT, "own": OWN}
PARALLEL = {"sample": 2, "files": 2, "git": 2, "own": 1}
"""What is planted in Penstock's own repository is charged to everyone who works meanwhile: so nobody does."""

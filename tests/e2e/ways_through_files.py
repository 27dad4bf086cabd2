"""Ways out of a scope through files of the worktree. A table."""

from __future__ import annotations

from way_out import GITS_OWN, NESTED, OUT_CHANGED, OUT_CREATED, OUT_DELETED, PROTECTED, Way, sh, write

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
        stopped=True,
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
        stopped=True,
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

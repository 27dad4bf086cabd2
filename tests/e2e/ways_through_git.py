"""Ways out of a scope through git folders: the worktree's own, and Penstock's repository behind it. Two tables."""

from __future__ import annotations

from way_out import GITS_OWN, OUT_CREATED, PUT_IN, REF_MADE, Way, sh

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
        confined=(".git/config", GITS_OWN),  # what it holds can be removed, the folder itself can't
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
        stopped=True,
        does=(
            sh('git config -f "$O/config" core.fsmonitor @EVIL@; git config -f "$O/config" core.hooksPath @OUTSIDE@'),
        ),
        path="repo.git/config",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="repository-hook",
        stopped=True,
        does=(sh('mkdir -p "$O/hooks"; for h in reference-transaction post-update; do cp @EVIL@ "$O/hooks/$h"; done'),),
        path="repo.git/hooks/reference-transaction",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="repository-attributes",
        stopped=True,
        does=(sh('echo "* filter=evil" > "$O/info/attributes"; git config -f "$O/config" filter.evil.clean @EVIL@'),),
        path="repo.git/info/attributes",
        rule="was changed in Penstock's own repository",
        also=(("repo.git/config", "was changed in Penstock's own repository"),),
    ),
    Way(
        name="repository-exclude",
        stopped=True,
        does=(sh('echo "other/" > "$O/info/exclude"; echo x > other/excluded.txt'),),
        path="repo.git/info/exclude",
        rule="was put into Penstock's own repository",
        also=(("other/excluded.txt", OUT_CREATED),),
        kept=("other/excluded.txt", "x\n"),
    ),
    Way(
        name="repository-objects",
        stopped=True,
        does=(sh('echo "@OUTSIDE@" > "$O/objects/info/alternates"'),),
        path="repo.git/objects/info/alternates",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="moved-branch",
        stopped=True,
        does=(sh(_MINE + 'echo $C > "$O/refs/heads/penstock/@RUN@"'),),
        path="repo.git/refs/heads/penstock/@RUN@",
        rule="was moved in Penstock's own repository",
    ),
    Way(
        name="removed-integration",
        stopped=True,
        does=(sh('rm "$O/refs/heads/penstock/@RUN@"'),),
        path="repo.git/refs/heads/penstock/@RUN@",
        rule="was removed in Penstock's own repository",
    ),
    Way(
        name="new-branch",
        stopped=True,
        does=(sh(_MINE + 'cp -r "$G/objects/." "$O/objects/"; echo $C > "$O/refs/heads/evil"'),),
        path="repo.git/refs/heads/evil",
        rule="was made in Penstock's own repository",
    ),
    Way(
        name="repository-packed-refs",
        stopped=True,
        does=(sh('echo "$(git rev-parse HEAD) refs/heads/planted" > "$O/packed-refs"'),),
        path="repo.git/packed-refs",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="repository-head",
        stopped=True,
        does=(sh('echo "ref: refs/heads/evil" > "$O/HEAD"'),),
        path="repo.git/HEAD",
        rule="was changed in Penstock's own repository",
    ),
    Way(
        name="repository-shallow",
        stopped=True,
        does=(sh('git rev-parse HEAD > "$O/shallow"'),),
        path="repo.git/shallow",
        rule="was put into Penstock's own repository",
    ),
    Way(
        name="removed-snapshots",
        stopped=True,
        # those that came before it in the plan, which is in the order of names
        does=(sh('rm -r "$O/refs/penstock"'),),
        path="repo.git/refs/penstock/@RUN@/ws-moved-branch/1",
        rule="was removed in Penstock's own repository",
    ),
)

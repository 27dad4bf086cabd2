"""Paths that decide how work is judged: changed only where a scope names the file itself, by no wildcard or folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from penstock.domain.overlap import patterns_meet
from penstock.domain.patterns import SPAN, compiled, expression, fold, is_literal, normalise
from penstock.domain.plan import Scope

PROMPTS = ("templates/prompts/edit.txt.j2", "templates/prompts/fix.txt.j2")
OURS = (*PROMPTS, "penstock.toml", ".worktreeinclude", "config/", ".autonomous_runs/", ".worktrees/", ".penstock/")
SECRETS = ("**/.env*", "**/.env*/")
HOOKS = (
    *(".githooks/", ".git-hooks/", ".husky/", ".hooks/", ".pre-commit-config.yaml", ".pre-commit-config.yml"),
    *(
        ".pre-commit-hooks.yaml",
        "lefthook*.yml",
        "lefthook*.yaml",
        ".lefthook*",
        ".lefthook/",
        ".overcommit.yml",
        ".lintstagedrc*",
    ),
)
CONTINUOUS_INTEGRATION = (
    ".github/workflows/",
    ".github/actions/",
    ".gitlab-ci.yml",
    ".gitlab/",
    ".circleci/",
    ".ci/",
    "Jenkinsfile*",
    "azure-pipelines*.yml",
    "bitbucket-pipelines.yml",
    ".buildkite/",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker.yml",
    ".woodpecker/",
    ".forgejo/workflows/",
    ".gitea/workflows/",
    ".semaphore/",
    "appveyor.yml",
    ".appveyor.yml",
    "cloudbuild.y*ml",
    "buildspec.y*ml",
)
_TOOLS = (
    *(
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "tox.toml",
        "setup.cfg",
        "pyproject.toml",
        "conftest.py",
        "noxfile.py",
        ".coveragerc",
        # Python imports these before anything else, the tests included; packages and what is compiled serve it as well.
        *("sitecustomize.*", "sitecustomize/", "usercustomize.*", "usercustomize/"),
    ),
    *("ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", ".flake8", ".pylintrc", "pyrightconfig.json"),
    *(
        "ty.toml",
        ".yamllint*",
        ".codespellrc",
        ".bandit",
        ".gitleaks.toml",
        ".shellcheckrc",
        ".semgrep*",
        ".hadolint.y*ml",
    ),
    *(
        "package.json",
        ".npmrc",
        ".yarnrc*",
        "tsconfig*.json",
        ".eslintrc*",
        "eslint.config.*",
        ".eslintignore",
        "biome.json*",
    ),
    *(
        "jest.config.*",
        "vitest.config.*",
        "vitest.workspace.*",
        "vite.config.*",
        "playwright.config.*",
        "cypress.config.*",
        "karma.conf.*",
    ),
    *(".mocharc*", ".prettierrc*", "prettier.config.*", ".prettierignore", ".stylelintrc*"),
    *(
        "Makefile",
        "GNUmakefile",
        "makefile",
        "justfile",
        ".justfile",
        "deno.json*",
        "turbo.json",
        "nx.json",
        "Taskfile.y*ml",
        "Rakefile",
        ".cargo/",
        "bunfig.toml",
    ),
    *(
        ".nycrc*",
        "nyc.config.*",
        ".c8rc*",
        ".oxlintrc*",
        ".golangci.*",
        "clippy.toml",
        "rustfmt.toml",
        ".rspec",
        "phpunit.xml*",
    ),
)
# package.json and Makefile hold what `npm test` and `make test` run: whoever writes them decides what passes.
TOOLS = tuple(f"**/{name}" for name in _TOOLS)
DEFAULT = (*OURS, *SECRETS, *HOOKS, *CONTINUOUS_INTEGRATION, *TOOLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedPaths:
    """The protected patterns; letters' case doesn't matter, for some file systems don't see it."""

    patterns: tuple[str, ...] = DEFAULT

    def holds(self, path: str) -> bool:
        """True when the path is protected; a path ending in `/` also when something protected would lie in it."""
        folded, folded_patterns = fold(path), _folded(self.patterns)
        if _expression(self.patterns).fullmatch(f"/{folded}"):
            return True
        is_folder = folded.endswith("/") and len(folded) > 1
        return is_folder and any(_reaches_below(pattern, folded) for pattern in folded_patterns)

    def forbids(self, path: str, scope: Scope) -> bool:
        """True when the path is protected and the scope does not name the file itself."""
        return self.holds(path) and not names_itself(scope, path)


@cache
def _folded(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(pattern) for pattern in patterns)


@cache
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{expression(pattern)})" for pattern in _folded(patterns)), re.DOTALL)


def _reaches_below(pattern: str, folder: str) -> bool:
    return compiled(pattern)[0] != SPAN and patterns_meet(pattern, folder)


def names_itself(scope: Scope, path: str) -> bool:
    """True when one pattern of the scope is this very path."""
    return any(is_literal(pattern) and normalise(pattern) == path for pattern in scope.patterns)

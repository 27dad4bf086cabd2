"""Which files nobody reads: by their names only. What is vendored, generated, locked or no text is told as a number."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class FileKind(StrEnum):
    """What a file is, as far as its name tells."""

    SOURCE = "source"
    VENDORED = "vendored"
    GENERATED = "generated"
    LOCK = "lock"
    BINARY = "binary"


_VENDORED = frozenset(
    (
        *("node_modules", "bower_components", "vendor", "vendored", "_vendor", "third_party", "third-party"),
        *("site-packages", ".venv", "venv", ".tox", ".nox", "__pycache__", ".yarn", "Pods", ".gradle"),
        *("dist", "build", "target", "out", ".next", ".nuxt", "coverage", "htmlcov", ".idea", ".vscode"),
    )
)
_LOCKS = frozenset(
    (
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
        *("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "Cargo.lock", "Gemfile.lock", "composer.lock"),
        *("go.sum", "mix.lock", "flake.lock", "pubspec.lock", "Podfile.lock", "packages.lock.json", "gradle.lockfile"),
    )
)
_BINARY = re.compile(
    r"\.(png|jpe?g|gif|bmp|ico|icns|webp|tiff?|psd|pdf|docx?|xlsx?|pptx?|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|jar|war|whl"
    r"|so|dylib|dll|exe|a|o|lib|obj|class|pyc|pyd|wasm|woff2?|ttf|otf|eot|mp[34]|m4a|wav|ogg|flac|mov|avi|webm|mkv"
    r"|sqlite3?|db|parquet|npy|npz|pkl|pickle|onnx|pt|bin|dat|iso|img|dmg|keystore|p12|pfx)$",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"(\.min\.(js|css|mjs)|\.map|_pb2(_grpc)?\.pyi?|\.pb(\.gw)?\.go|\.g\.dart|\.generated\.\w+|_generated\.\w+"
    r"|\.snap|\.designer\.cs|\.bundle\.js)$",
    re.IGNORECASE,
)
_TEST = re.compile(r"(^|/)(tests?|__tests__|spec|specs|testing)/|(^|/)(test_[^/]*|[^/]*[_.](test|spec)\.\w+)$")
_MIGRATION = re.compile(r"(^|/)migrations?/(.*/)?[^/]+\.(py|sql|js|ts|rb)$")


@lru_cache(maxsize=1 << 15)
def kind_of(path: str) -> FileKind:
    """What a file is."""
    folders, _, name = path.rpartition("/")
    if not _VENDORED.isdisjoint(folders.split("/")):
        return FileKind.VENDORED
    if name in _LOCKS:
        return FileKind.LOCK
    if _BINARY.search(name):
        return FileKind.BINARY
    return FileKind.GENERATED if _GENERATED.search(name) else FileKind.SOURCE


def is_test(path: str) -> bool:
    """Whether a file is a test, or made for tests."""
    return _TEST.search(path) is not None


def is_migration(path: str) -> bool:
    """Whether a file changes a database from one form to the next."""
    return _MIGRATION.search(path) is not None

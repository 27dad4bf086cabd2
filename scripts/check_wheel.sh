#!/usr/bin/env bash
# Builds sdist and wheel with the pinned tools, installs the wheel in a bare environment and runs it in an empty folder.
# It needs what setup.sh installed and leaves nothing behind, unless a folder for the two files is named:
#   scripts/check_wheel.sh [FOLDER]
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
unset PYTHONPATH PYTHONHOME
keep=
if [ $# -gt 0 ]; then
  mkdir -p -- "$1"
  keep=$(CDPATH='' cd -- "$1" && pwd -P)
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

"$here/.venv/bin/python" -m build --no-isolation --outdir "$work/dist" "$here"
"$here/.venv/bin/python" -m venv "$work/bare"
pip=("$work/bare/bin/python" -m pip install --no-user --quiet --no-input --disable-pip-version-check)
"${pip[@]}" --require-hashes --requirement "$here/requirements.txt"
"${pip[@]}" --no-deps --no-index "$work"/dist/*.whl

mkdir "$work/empty"
cd -- "$work/empty"
PENSTOCK_HOME=$work/home "$work/bare/bin/penstock" --version
PENSTOCK_HOME=$work/home "$work/bare/bin/penstock" demo

if [ -n "$keep" ]; then
  cp -- "$work"/dist/* "$keep"
fi

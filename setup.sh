#!/usr/bin/env bash
# Sets Penstock up for development and runs its default tests. Works from any folder, again and again.
#   ./setup.sh                        .venv, pinned packages, tests
#   ./setup.sh --no-tests             .venv and packages only
#   ./setup.sh -- PYTEST-ARGUMENTS    more words for pytest
#   PYTHON=python3.12 ./setup.sh      chooses the interpreter
# Exit codes: 0 ready, 1 a test failed, 2 wrong use, 3 Python, git or a package is missing.
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}" 2>/dev/null || printf '%s' "${BASH_SOURCE[0]}")
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P)

tests=yes
case "${1:-}" in
  "") ;;
  --no-tests) tests=no; shift ;;
  --) shift ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$self"; exit 0 ;;
  *) printf 'penstock: setup.sh knows --no-tests, -- and --help, not %s\n' "$1" >&2; exit 2 ;;
esac
if [ "$tests" = no ] && [ $# -gt 0 ]; then
  printf 'penstock: setup.sh takes nothing after --no-tests, but got %s\n' "$*" >&2
  exit 2
fi

"$here/scripts/environment.sh" dev
unset PYTHONPATH PYTHONHOME
if [ "$tests" = yes ]; then
  cd -- "$here"
  .venv/bin/python -m pytest -n 2 -m "not slow and not crash" "$@" || exit 1
fi
printf 'penstock: ready. Next: ./run.sh demo\n' >&2

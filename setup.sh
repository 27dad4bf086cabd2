#!/usr/bin/env bash
# Sets Penstock up for development and runs its default tests. Works from any folder, again and again.
#   ./setup.sh                        .venv, pinned packages, database, prompts and phases, tests
#   ./setup.sh --no-tests             all but the tests
#   ./setup.sh -- PYTEST-ARGUMENTS    more words for pytest
#   PYTHON=python3.12 ./setup.sh      chooses the interpreter
# Exit codes: 0 ready, 1 a test failed, 2 wrong use, 3 Python, git, a package or the database is missing.
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
for part in init_db seed_prompts seed_phases; do
  "$here/.venv/bin/python" "$here/scripts/$part.py" >&2 || {
    code=$?
    printf 'penstock: not ready: scripts/%s.py ended with exit code %d; its own words stand above\n' "$part" "$code" >&2
    exit 3
  }
done
if [ "$tests" = yes ]; then
  cd -- "$here"
  .venv/bin/python -m pytest -n 2 -m "not slow and not crash" "$@" || {
    printf 'penstock: installed, but not ready: a test failed\n' >&2
    exit 1
  }
fi
printf 'penstock: ready. Next: ./run.sh demo\n' >&2

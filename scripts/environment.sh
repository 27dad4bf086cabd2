#!/usr/bin/env bash
# Finds a fit Python and has environment.py make or refresh `.venv`. It says on stderr what is missing; exit 3 then.
#   scripts/environment.sh dev|runtime        PYTHON=python3.12 chooses the interpreter
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
unset PYTHONPATH PYTHONHOME # another project's packages must not leak into ours

refuse() {
  printf 'penstock: %s\nhint: %s\n' "$1" "$2" >&2
  exit 3
}

is_fit() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

command -v git >/dev/null 2>&1 || refuse "git is needed, and none was found on PATH" "install the package git"

if [ -n "${PYTHON:-}" ]; then
  is_fit "$PYTHON" || refuse "PYTHON=$PYTHON was asked for, but it is not a Python of 3.11 or later that starts" \
    "name another one, or leave PYTHON unset to have one looked for"
  python=$PYTHON
else
  python=
  for candidate in python3 python3.13 python3.12 python3.11; do
    if is_fit "$candidate"; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    found=$(python3 -c 'import sys; print("python3 is %d.%d" % sys.version_info[:2])' 2>/dev/null || echo "there is no python3 that starts")
    refuse "Python 3.11 or later is needed, and $found" \
      "install the package python3.11 or a later one, or name yours: PYTHON=/path/to/python3.12"
  fi
fi

"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
  refuse "$("$python" -c 'import sys; print("Python %d.%d" % sys.version_info[:2])') has no working venv module, which makes .venv" \
    "install it (Debian and Ubuntu: $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')), then run this again"

exec "$python" -I "$here/environment.py" "$1"

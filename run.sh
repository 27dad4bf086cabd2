#!/usr/bin/env bash
# Runs Penstock from this clone, in the folder you stand in, and sets it up first if need be.
#   ./run.sh            starts the server, on localhost:8000; the same as `penstock serve`
#   ./run.sh demo       takes a sample project to merged, tested code; no key, no network after the installation
#   ./run.sh ARGUMENTS  the same as `penstock ARGUMENTS`; try `./run.sh --help`
set -euo pipefail
self=$(readlink -f -- "${BASH_SOURCE[0]}" 2>/dev/null || printf '%s' "${BASH_SOURCE[0]}")
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P)

[ $# -gt 0 ] || set -- serve

# The `.env` beside this script is the user's own; what is set already wins. Lines are read, never run.
if [ -f "$here/.env" ]; then
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'} name=${line%%=*}
    [[ $line == *=* && $name =~ ^[A-Z][A-Z0-9_]*$ ]] || continue
    [ -n "${!name+set}" ] || export "$name=${line#*=}"
  done < "$here/.env"
fi

"$here/scripts/environment.sh" runtime
unset PYTHONPATH PYTHONHOME
exec "$here/.venv/bin/penstock" "$@"

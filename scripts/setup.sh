#!/usr/bin/env bash
# The same as ../setup.sh.
exec "$(dirname -- "${BASH_SOURCE[0]}")/../setup.sh" "$@"

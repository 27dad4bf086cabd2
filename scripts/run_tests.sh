#!/usr/bin/env bash
# Sets up if need be and runs the default tests; further words go to pytest.
exec "$(dirname -- "${BASH_SOURCE[0]}")/../setup.sh" -- "$@"

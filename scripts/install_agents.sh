#!/usr/bin/env bash
# Installs pinned coding agents into a folder of their own, each apart from Penstock's own packages and from one another.
#   scripts/install_agents.sh                      all of them: aider claude codex opencode
#   scripts/install_agents.sh aider claude         only these
#   scripts/install_agents.sh --check [AGENT...]   installs nothing; prints the version of each, and what is missing
#   scripts/install_agents.sh --to FOLDER ...      FOLDER/bin holds one program per agent; else $PENSTOCK_AGENTS is the
#                                                  folder, else `agents` in $PENSTOCK_HOME or in the state folder
#   AIDER_PYTHON=python3.12                        the interpreter for aider, which needs 3.10, 3.11 or 3.12
# What is there in the pinned version is left as it is. Exit codes: 0 ready, 1 an agent could not be installed or does
# not start, 2 wrong use, 3 a program that installing needs is missing.
set -euo pipefail
unset PYTHONPATH PYTHONHOME # another project's packages must not leak into aider's

# A version is a promise that was tried: raise one only together with the tests that run the agent.
# Ranges would not do: for its engine npm picks an older Claude Code than the one that was asked for.
version_of() {
  case "$1" in
    aider) echo 0.86.2 ;;
    claude) echo 2.1.329 ;;
    codex) echo 0.169.0 ;;
    opencode) echo 1.18.33 ;;
  esac
}

package_of() {
  case "$1" in
    claude) echo "@anthropic-ai/claude-code" ;;
    codex) echo "@openai/codex" ;;
    opencode) echo "opencode-ai" ;;
  esac
}

say() { printf 'penstock: %s\n' "$1" >&2; }

# refuse CODE SENTENCE HINT
refuse() {
  printf 'penstock: %s\nhint: %s\n' "$2" "$3" >&2
  exit "$1"
}

# The first word of `--version` that looks like one; empty for what does not start. An agent may write to its home when
# it only says its version, so it gets one that is thrown away.
told_version() {
  local home
  home=$(mktemp -d)
  env -i PATH="$PATH" HOME="$home" TERM=dumb LANG=C.UTF-8 "$1" --version </dev/null 2>/dev/null |
    grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 || true
  rm -rf -- "$home"
}

is_ready() { [ "$(cat "$folder/$1-$(version_of "$1")/.ready" 2>/dev/null)" = "$(version_of "$1")" ] && [ -x "$folder/bin/$1" ]; }

is_fit_for_aider() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1
}

aider_python() {
  local candidate
  if [ -n "${AIDER_PYTHON:-}" ]; then
    is_fit_for_aider "$AIDER_PYTHON" || refuse 3 "AIDER_PYTHON=$AIDER_PYTHON is not a Python of 3.10 to 3.12 with venv" \
      "name another one, or leave AIDER_PYTHON unset to have one looked for"
    echo "$AIDER_PYTHON"
    return
  fi
  for candidate in python3.12 python3.11 python3.10 python3; do
    if is_fit_for_aider "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  refuse 3 "aider needs Python 3.10, 3.11 or 3.12 with its venv module, and none was found" \
    "install one beside yours, or name it: AIDER_PYTHON=/path/to/python3.12"
}

# place_aider FOLDER
place_aider() {
  local python
  python=$(aider_python) || exit $?
  "$python" -I -m venv "$1" &&
    "$1/bin/python" -I -m pip install --no-user -qq --no-input --disable-pip-version-check "aider-chat==$(version_of aider)"
}

# place_from_npm AGENT FOLDER. Nothing of the package runs: its native part is a package of its own, and is called directly.
place_from_npm() {
  command -v npm >/dev/null 2>&1 || refuse 3 "npm is needed to install $1, and was not found on PATH" "install Node.js with npm"
  mkdir -p "$2" && npm install --prefix "$2" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
    --include=optional --loglevel=error "$(package_of "$1")@$(version_of "$1")" >/dev/null
}

# All that could be the agent's program, the likeliest first: a processor may lack what the faster build needs.
programs() {
  if [ "$1" = aider ]; then
    echo "$2/bin/aider"
    return
  fi
  find "$2/node_modules" -type f -name "$1" -size +1000k | awk '{ print length($0), $0 }' | sort -n | cut -d ' ' -f 2-
}

# link AGENT FOLDER: bin/AGENT becomes the first program that says the pinned version; moved, so that it is never absent.
link() {
  local program
  while IFS= read -r program; do
    if [ "$(told_version "$program")" = "$(version_of "$1")" ]; then
      mkdir -p "$folder/bin"
      ln -sfn "../${program#"$folder"/}" "$folder/bin/.$1.$$" && mv -f "$folder/bin/.$1.$$" "$folder/bin/$1"
      return
    fi
  done < <(programs "$1" "$2")
  return 1
}

install() {
  local version target
  version=$(version_of "$1")
  target="$folder/$1-$version"
  if is_ready "$1"; then
    say "$1 $version is there"
    return
  fi
  say "installing $1 $version"
  rm -rf -- "$target" # what an interrupted call left
  if [ "$1" = aider ]; then place_aider "$target"; else place_from_npm "$1" "$target"; fi || return 1
  link "$1" "$target" || { say "$1 was installed, but says no version $version when it is started"; return 1; }
  echo "$version" >"$target/.ready" # last: without it the folder is begun anew
}

check() {
  local found
  found=
  [ -x "$folder/bin/$1" ] && found=$(told_version "$folder/bin/$1")
  printf '%-9s %-9s %s\n' "$1" "${found:-missing}" "$folder/bin/$1"
  [ "$found" = "$(version_of "$1")" ] || { say "$1 $(version_of "$1") is asked for, ${found:-none} is there"; return 1; }
}

state=${PENSTOCK_HOME:-${XDG_STATE_HOME:-${HOME:-/}/.local/state}/penstock}
folder=${PENSTOCK_AGENTS:-$state/agents}
act=install
agents=()
while [ $# -gt 0 ]; do
  case "$1" in
    --check) act=check ;;
    --to)
      [ -n "${2:-}" ] || refuse 2 "--to was given without a folder" "scripts/install_agents.sh --to FOLDER"
      folder=$2
      shift
      ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    aider | claude | codex | opencode) agents+=("$1") ;;
    *) refuse 2 "$1 is neither an agent nor an option" "the agents are aider, claude, codex and opencode; see --help" ;;
  esac
  shift
done
[ "${#agents[@]}" -gt 0 ] || agents=(aider claude codex opencode)

if [ "$act" = install ]; then
  mkdir -p "$folder"
  folder=$(CDPATH='' cd -- "$folder" && pwd -P)
  # Two calls at once would clear each other's folders away. Where there is no flock, the user is alone to see to that.
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$folder/.lock"
    flock 9
  fi
fi
code=0
for agent in "${agents[@]}"; do
  ended=0
  ("$act" "$agent") || ended=$? # in a shell of its own: one that is refused does not keep the next from coming
  [ "$ended" -le "$code" ] || code=$ended
done
[ "$act" = check ] || [ "$code" -ne 0 ] || say "ready in $folder/bin"
exit "$code"

"""What lines of acceptance are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.acceptance import Builtin, BuiltinKind, classify, parse_builtin
from penstock.domain.plan import AcceptanceKind

COMMANDS = """
pytest
pytest -q -k test_hello
pytest tests/test_x.py
pytest tests
npm run build
npm test
npm run test:unit
pnpm exec jest
yarn run lint
uv run pytest
uv run pytest -q
cargo run release
cargo test
cargo run
go test ./...
go build
python -m pytest -x
python3 script.py
python "my script.py"
ruff check .
ruff check src/
mypy --strict src
black --check src
node index.js
npx tsc
make -C sub test
make test
make
make -j 4 test
make test && ls out/
grep -r 'x' . | wc -l
cat test-artifacts/hello.txt
cat /forbidden/test.txt
cat hello.txt
ls src/
ls .
ls
test -f README.md
test ! -e gone.txt
test "$(cat x)" = "y"
test $A = b
test -f a.txt && grep x a.txt
[ -f x ]
[ "$A" = "b" ]
./run.sh
./run.sh --fast
scripts/check.sh
bash -c 'exit 0'
sh script.sh
tox -e py311
dotnet test
mvn verify
gradle build
pwsh script.ps1
.venv/bin/python -m pytest -q tests/test_x.py
.venv/bin/pytest
/usr/bin/python3 script.py
node_modules/.bin/tsc --noEmit -p tsconfig.json
bin/check
mylinter --all
mylinter docs
`anything at all in backticks`
`test the page`
`echo yes`.
Run `flake8 src`
run: flake8 src
run: `flake8 src`
""".strip().splitlines()

PROSE = """
true
true for every user
echo hello
echo "done"
exit 0
exit code is 0
type annotations are complete
time is shown
set is empty
make sure it works
make sure src/app.py exists
make sure -x is documented
make build
test the login page
test README.md
test that a = b
test
[ ] tests pass
[x] -f done
[ -f x
go to the page
go doesn't crash here
python is installed
python can't import it
node starts without errors
cat the file
cat the user's file
ls shows two entries
Test -f README.md
Pytest -q passes
pytest, then ruff -q
pytest passes for all cases
pytest passes.
npm run build works
uv run pytest works fine
./run.sh starts the server
scripts/x.sh prints hello there
.venv/bin/python is made by the set-up
src/bin/main.rs exists
bin/ is empty
cabin/python runs
flake8 src
markdownlint docs/
The page `index.html` loads
`a` and `b`
Verify: Detect Security Issues
Run: all tests
CI=1 pytest -q
File does not exist
No file contains "x"
File exists at the right place
The file is invalid JSON
File is valid JSON and the server starts
The profile exists
At least 10 lines of code are removed

""".strip().splitlines()

BUILTIN = {
    "Test file exists": Builtin(kind=BuiltinKind.EXISTS),
    "All three files exist.": Builtin(kind=BuiltinKind.EXISTS),
    "The files must exist": Builtin(kind=BuiltinKind.EXISTS),
    "JSON file is valid JSON": Builtin(kind=BuiltinKind.VALID, language="JSON"),
    "config.yaml is valid yaml": Builtin(kind=BuiltinKind.VALID, language="YAML"),
    "valid TOML": Builtin(kind=BuiltinKind.VALID, language="TOML"),
    "Script has valid Python syntax": Builtin(kind=BuiltinKind.VALID, language="Python"),
    'File contains "no way, José"': Builtin(kind=BuiltinKind.CONTAINS, text="no way, José"),
    "File contains `x = 1`": Builtin(kind=BuiltinKind.CONTAINS, text="x = 1"),
    "It must contain the text 'yes' ": Builtin(kind=BuiltinKind.CONTAINS, text="yes"),
    "README has at least 10 lines": Builtin(kind=BuiltinKind.AT_LEAST_LINES, lines=10),
    'File exists and contains "a and b"': Builtin(
        kind=BuiltinKind.EXISTS, also=(Builtin(kind=BuiltinKind.CONTAINS, text="a and b"),)
    ),
    "file exists, is valid JSON, and has at least 3 lines": Builtin(
        kind=BuiltinKind.EXISTS,
        also=(Builtin(kind=BuiltinKind.VALID, language="JSON"), Builtin(kind=BuiltinKind.AT_LEAST_LINES, lines=3)),
    ),
}

TARGETS = frozenset({"test", "all"})


def kind_of(line: str) -> AcceptanceKind:
    return classify(line, tool_commands={"mylinter"}, make_targets=TARGETS).kind


@pytest.mark.parametrize("line", COMMANDS)
def test_this_is_a_command(line: str) -> None:
    assert kind_of(line) is AcceptanceKind.COMMAND


@pytest.mark.parametrize("line", PROSE)
def test_this_is_prose(line: str) -> None:
    assert kind_of(line) is AcceptanceKind.PROSE


@pytest.mark.parametrize(("line", "builtin"), BUILTIN.items())
def test_this_is_a_known_sentence(line: str, builtin: Builtin) -> None:
    assert kind_of(line) is AcceptanceKind.BUILTIN
    assert parse_builtin(line) == builtin


def test_the_text_of_a_command_is_without_its_backticks() -> None:
    assert classify("Run `flake8 src`").text == "flake8 src"
    assert classify("run: `flake8 src`").text == "flake8 src"
    assert classify("run: echo `date`").text == "echo `date`"
    assert classify("  pytest -q ").text == "pytest -q"


def test_a_bundle_may_say_which_a_line_is() -> None:
    assert classify({"run": "make sure it works"}).kind is AcceptanceKind.COMMAND
    assert classify({"prose": "pytest -q"}).kind is AcceptanceKind.PROSE
    assert classify({"prose": "pytest -q"}).text == "pytest -q"


def test_make_without_known_targets_believes_one_word() -> None:
    assert classify("make build").kind is AcceptanceKind.COMMAND
    assert classify("make sure it works").kind is AcceptanceKind.PROSE
    assert classify("make", make_targets=()).kind is AcceptanceKind.PROSE


def test_what_is_never_a_command_is_none_as_a_runner_either() -> None:
    assert classify("true", runners={"true"}).kind is AcceptanceKind.PROSE
    assert classify("flake8 src", runners={"flake8"}).kind is AcceptanceKind.COMMAND


@given(st.text() | st.sampled_from([*COMMANDS, *PROSE]).flatmap(lambda line: st.text().map(line.__add__)))
def test_every_text_is_taken_for_something(line: str) -> None:
    assert classify(line, make_targets=TARGETS).kind in AcceptanceKind


@given(st.dictionaries(st.sampled_from(["run", "prose", "x"]), st.integers() | st.text() | st.none()))
def test_every_object_is_taken_for_something(line: dict[str, object]) -> None:
    assert classify(line).kind in AcceptanceKind

# The words a developer types. `make check` is what must be green before a commit; .ci/run contains it.
BIN := .venv/bin
PYTHON := $(BIN)/python
UV ?= uv
PINS := $(UV) pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --custom-compile-command "make pins"

.PHONY: setup fmt lint types imports test test-all crash agents check docs bench demo coverage build clean pins

setup:
	./setup.sh --no-tests

fmt:
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

lint:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types:
	$(PYTHON) -m mypy

imports:
	$(BIN)/lint-imports

test:
	$(PYTHON) -m pytest -n 2 -m "not slow and not crash"

test-all:
	$(PYTHON) -m pytest

# The full counts; CI takes a sample.
crash:
	CRASH_POINTS=100000 CRASH_KILLS=200 $(PYTHON) -m pytest -m crash -s

# Every agent solves every sandbox project ten times in a row; the programs lie in .agents, unless PENSTOCK_AGENTS says where.
agents: export PENSTOCK_AGENTS := $(or $(PENSTOCK_AGENTS),$(CURDIR)/.agents)
agents:
	scripts/install_agents.sh
	AGENTS_ROUNDS=10 $(PYTHON) -m pytest -n 2 -m agents

check: lint types imports test

# Written beside and moved, so that a failure leaves the old page.
docs:
	mkdir -p test-artifacts/artifacts schema/artifacts
	$(PYTHON) -m penstock.domain.diagram > test-artifacts/state_machine.md
	$(PYTHON) -m penstock.cli.reference > test-artifacts/cli.md
	$(PYTHON) -m penstock.cli.settings_reference > test-artifacts/settings.md
	$(PYTHON) -c "import json; from penstock.intake.bundles import schema; print(json.dumps(schema(), indent=2))" \
	  > test-artifacts/workstream.schema.json
	$(PYTHON) -m penstock.planning.schemas test-artifacts/artifacts
	mv test-artifacts/state_machine.md test-artifacts/cli.md test-artifacts/settings.md docs/
	mv test-artifacts/workstream.schema.json schema/
	mv test-artifacts/artifacts/*.schema.json schema/artifacts/

bench:
	for benchmark in benchmarks/*.py benchmarks/tokens; do $(PYTHON) "$$benchmark" || exit 1; done

demo:
	./run.sh demo

coverage:
	mkdir -p test-artifacts
	$(PYTHON) -m coverage erase
	$(PYTHON) -m pytest --cov --cov-report=
	$(PYTHON) -m coverage json --quiet -o test-artifacts/coverage.json
	$(PYTHON) scripts/check_coverage.py test-artifacts/coverage.json

build:
	$(PYTHON) -m build --no-isolation

clean:
	rm -rf dist build test-artifacts .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Needs uv, which the project itself does not.
pins:
	$(PINS) pyproject.toml -o requirements.txt
	$(PINS) --group build -o requirements-build.txt
	$(PINS) --group dev --extra postgres --extra keyring pyproject.toml -c requirements.txt -c requirements-build.txt -o requirements-dev.txt

# Everything that a developer does here. `make` alone says what there is.
# Each target sets up .venv from the lock first; nothing needs to be installed but Python 3.11 or newer, and make.

PYTHON ?= python3
BIN    := .venv/bin
WORKERS ?= auto

# The tests start some thousand processes. What is compiled once is for all of them, also where the machine keeps no
# compiled modules otherwise; without it each start would cost a third more.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test faults check format lint types imports bench lock clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/ready ## Serve Academy in one process, on embedded defaults
	@$(BIN)/freestone run --file examples/academy

test: .venv/ready ## Run the tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

faults: .venv/ready ## Run Academy's scenarios under each fault, among processes and with many seeds
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m thorough examples/academy/tests/scenarios

check: .venv/ready lint types imports test ## What CI runs: format, lint, types, imports, tests and docs

format: .venv/ready ## Put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/ready
	$(BIN)/mypy
	$(BIN)/pyright --warnings

imports: .venv/ready
	$(BIN)/lint-imports

bench: .venv/bench ## Measure against peers; see benchmarks/README.md
	$(BIN)/python -m benchmarks

lock: ## Make the locks anew (needs uv)
	.ci/lock --upgrade

clean: ## Remove what was set up and what runs have left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache examples/academy/.freestone

.venv/ready: requirements.lock pyproject.toml examples/academy/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Freestone needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setting up .venv …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . -e examples/academy
	@touch $@

.venv/bench: .venv/ready requirements-bench.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

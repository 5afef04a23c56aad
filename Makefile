# Everything a person types starts here; `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

ROUNDS   ?=
PROFILE  ?= demo
SEEDS    ?= 1000
DEMO_ARGS = --profile $(PROFILE) $(if $(ROUNDS),--rounds $(ROUNDS))

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types imports simulate bench evaluation lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: $(STAMP) ## install everything: system packages when missing, virtual environment, locked dependencies

$(STAMP): requirements.lock pyproject.toml deploy/system-packages.sh
	@sh deploy/system-packages.sh $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## watch a whole network on this machine (ROUNDS=12, PROFILE=demo or thesis)
	@$(BIN)/dcnet demo $(DEMO_ARGS)

test: setup check ## lint, types, import rules, and every test, with the real Mosquitto
	@$(BIN)/python -m pytest -n 3 --dist loadfile

check: setup lint types imports ## lint, types and import rules alone

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

imports: setup
	@$(BIN)/lint-imports

simulate: setup ## run simulated networks in virtual time (SEEDS=1000)
	@$(BIN)/dcnet simulate --seeds $(SEEDS)
	@$(BIN)/dcnet simulate --proof --liveness
	@DCNET_CRASHES=whole $(BIN)/python -m pytest tests/provider/core/test_crashes.py

bench: setup ## measure CPU and bytes per round beside plain MQTT and other secure sums, and rewrite docs/benchmarks.md
	@$(BIN)/python -m tests.benchmark --peers --write docs/benchmarks.md

evaluation: setup ## compute how large a network must be, and rewrite docs/evaluation.md (FRESH=1: nothing from the cache)
	@$(BIN)/dcnet analyze report --out docs/evaluation $(if $(FRESH),--fresh)

lock: ## rewrite requirements.lock (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-header -o requirements.lock pyproject.toml

clean: ## remove the virtual environment and every cache
	@rm -rf $(VENV) build dist scratch .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

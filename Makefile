# Two commands: `make run` serves the broker, `make test` runs the whole suite. Both set everything up first.

PORT ?= 8000
UV ?= uv
ARGS ?=
PYTEST_WORKERS ?= 3

# Somebody who names a Python means it: a .venv of another version is then made anew. Else the one of .venv goes on.
ifeq ($(origin PYTHON),undefined)
CHOSEN :=
PYTHON := $(shell .venv/bin/python -c '' 2>/dev/null && echo .venv/bin/python || echo python3)
else
CHOSEN := --chosen
endif

# Tests start processes, which need not compile again what one of them has compiled.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv/bin/
CODE := broker adapters schemas deploy tests

.DEFAULT_GOAL := help
.PHONY: help python setup setup-dev run compiled test deep mutants sbom services services-stop check format lint types imports drift pins clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@found=$$($(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) \
	|| { echo "Baton needs Python 3.11 or later and $(PYTHON) is $${found:-not found}: install one, or name one as in PYTHON=python3.12 make setup." >&2; exit 1; }

setup: python  ## make .venv from hashed pins, with .venv/bin/baton (PYTHON=python3.12 chooses)
	@$(PYTHON) deploy/dev/environment.py runtime $(CHOSEN)

setup-dev: python
	@$(PYTHON) deploy/dev/environment.py dev $(CHOSEN)

run: setup  ## serve the broker with the demonstration household (PORT=9000 elsewhere)
	@exec $(VENV)baton serve --demo --port $(PORT)

services: setup-dev  ## find or start PostgreSQL, RabbitMQ, a browser and a MESH sandbox for the tests
	@$(VENV)python -m deploy.dev.services start

services-stop: setup-dev  ## stop what `make services` started
	@$(VENV)python -m deploy.dev.services stop

test: services  ## the whole suite (ARGS="tests/unit -k sharing" for a part of it)
	@$(VENV)python -m pytest --numprocesses $(PYTEST_WORKERS) $(ARGS)

compiled: setup-dev
	@$(VENV)python -m pytest --collect-only --quiet --quiet >/dev/null

deep: services  ## what is too long for every run: every journey on PostgreSQL and RabbitMQ, the properties tried twenty times as hard, sqlmap, every request replayed as every other team, the workload of a thousand households, the full fault volumes (an hour), which write docs/reliability.md, and then `make mutants`
	@BATON_JOURNEYS=production $(VENV)python -m pytest tests/journeys --timeout 600 --numprocesses $(PYTEST_WORKERS) $(ARGS)
	@BATON_FUZZ=20 $(VENV)python -m pytest tests/property --timeout 3600 --numprocesses $(PYTEST_WORKERS) $(ARGS)
	@BATON_SQLMAP=1 $(VENV)python -m pytest tests/security/test_sqlmap.py --numprocesses 0 $(ARGS)
	@BATON_REPLAYED=full $(VENV)python -m pytest tests/security/test_replayed.py tests/security/test_replayed_writes.py --timeout 3600 --numprocesses $(PYTEST_WORKERS) $(ARGS)
	@$(VENV)baton bench replay
	@BATON_FAULTS=full BATON_FAULTS_FIGURES=$(CURDIR)/var/faults $(VENV)python -m pytest tests/faults --numprocesses 0 $(ARGS)
	@$(VENV)python -m tests.faults.report var/faults docs/reliability.md
	@$(MAKE) mutants ARGS=

mutants: setup-dev  ## mutation testing of routing, sharing and transfers by the pure unit tests, which writes docs/mutation.md (ARGS='"broker.domain.sharing.*"' for a part)
	@$(VENV)python -m deploy.dev.own_environment mutants
	@PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 nice .venv-mutants/bin/mutmut run --max-children 2 $(ARGS)
	@$(VENV)python -m deploy.dev.mutants docs/mutation.md

check: format lint types imports drift  ## format, lint, types, import rules, migration drift

format: setup-dev
	@$(VENV)ruff format --check $(CODE)

lint: setup-dev
	@$(VENV)ruff check $(CODE)

types: setup-dev
	@$(VENV)mypy $(CODE)

imports: setup-dev
	@$(VENV)lint-imports --no-logo

drift: setup-dev
	@$(VENV)python -m deploy.dev.drift

sbom: setup-dev  ## what a release is made of, as CycloneDX: var/sbom.json
	@$(VENV)python -m deploy.dev.sbom var/sbom.json

pins:  ## resolve requirements/*.in again (needs uv; ARGS=--upgrade for newer versions)
	@command -v $(UV) >/dev/null || { echo "make pins needs uv (https://docs.astral.sh/uv): install it, or name it as in make pins UV=/path/to/uv." >&2; exit 1; }
	@cd requirements && for pins in runtime dev mesh-sandbox sbom sqlmap mutants; do \
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	--custom-compile-command "make pins" $(ARGS) $$pins.in --output-file $$pins.txt || exit 1; done

clean:  ## remove .venv and everything made by tools; data under var/ stays
	@rm -rf .venv .venv-* *.egg-info .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./var -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

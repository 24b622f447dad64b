# Everything starts here. `make help` lists the targets; each works alone on a fresh clone that has Python 3.11 or later.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON_CHECK = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
RUN = .venv/bin/python
STACK = $(RUN) -m controlplane.embedded
PYTEST = $(RUN) -m pytest
WORKERS = $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 4 ] && n=4; echo $$n)

.PHONY: help
help: ## this table
	@printf 'Targets:\n'
	@awk -F ':.*## ' '/^[a-z][a-z%-]*:.*## / { sub("%", "NAME", $$1); printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# --- the product ------------------------------------------------------------------------------------------------------
# Two users overlap for seconds instead of hours, so that the demo sees the old ones go.
SHORT_OVERLAP = CREDENTIAL_OVERLAP_SECONDS=10 CREDENTIAL_DRAIN_SECONDS=5 CREDENTIAL_LOOK_SECONDS=2

.PHONY: demo up down status operator token
demo: .venv ## the whole road in two minutes: customers' databases from wish to ready, rotated, checked, then the end
	@$(SHORT_OVERLAP) RUN_DIRECTORY=$${RUN_DIRECTORY:-.run/demo} $(STACK) run --fresh -- $(RUN) manage.py demo

up: .venv ## start everything here and keep it running; prints the console's address and a login
	@$(STACK) up

down: .venv ## stop what `make up` started
	@$(STACK) down

status: .venv ## show what runs and where
	@$(STACK) status || true

operator: .venv ## give the operator of a running `make up` a new password
	@$(STACK) manage ensure_operator --reset

token: .venv ## print an operator's token for the API of a running `make up`
	@$(STACK) manage token

# --- the proof --------------------------------------------------------------------------------------------------------
.PHONY: test test-full soak soak-pairs mutations lint types
test: .venv ## all tests within their time budgets, against real servers
	@$(PYTEST) -q -n $(WORKERS) -m "not full and not soak"

test-full: .venv ## also the tests that take longer
	@$(PYTEST) -q -n $(WORKERS) -m "not soak"

soak: .venv ## seed after seed of the simulation and of pairs of faults, resumable; SEEDS= how many, FROM= the first
	@$(RUN) -m tests.simulation.soak

soak-pairs: .venv ## two faults in one rotation, conversion, change or key, drawn by seed; SEEDS= how many, FROM= the first
	@$(PYTEST) -q -n 0 -m soak tests/crash/test_rotation_pairs.py tests/crash/test_conversion_pairs.py tests/crash/test_change_pairs.py tests/crash/test_move_pairs.py tests/crash/test_key_pairs.py

mutations: .venv ## take away one safeguard at a time and name the tests that notice
	@$(RUN) -m tests.mutations

lint: .venv ## style, format, import directions, missing migrations
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports > .venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }
	@$(RUN) -W ignore manage.py makemigrations --check --dry-run

types: .venv ## mypy, strict
	@.venv/bin/mypy $(PACKAGES) manage.py

PACKAGES = cloud controlplane inventory notifications operations placement provisioning rotation simulator

.PHONY: conformance
conformance: .venv ## replay recorded exchanges with Azure (RECORDINGS_DIR) against the simulator and compare
	@$(RUN) -m tests.conformance

.PHONY: whatif
whatif: .venv ## what would be if, ARGS= the supposition; of a running `make up`, else of a fleet made up for it
	@if $(STACK) status >/dev/null 2>&1; then $(STACK) manage what_if $(ARGS); else $(RUN) -m benchmarks.what_if $(ARGS); fi

bench-%: .venv ## one measurement, ARGS= its options; its last line is JSON
	@$(RUN) -m benchmarks.$(subst -,_,$*) $(ARGS)

# --- the virtual environment ------------------------------------------------------------------------------------------
# `.venv/pins` is the checksum of the pinned versions that were installed last. A half-made environment has none, and one
# with another is brought up to date, by whichever target comes next.
PINS = cat requirements.txt requirements-dev.txt constraints.txt | cksum

.PHONY: .venv
.venv:
	@[ "$$($(PINS))" = "$$(cat .venv/pins 2>/dev/null)" ] || { $(FIND_PYTHON) && $(INSTALL); }

define FIND_PYTHON
python=; for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	  if $$name -c '$(PYTHON_CHECK)' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Python 3.11 or later, with its modules venv and ensurepip, is needed.' >&2; \
	  echo 'On Debian and Ubuntu: apt-get install python3 python3-venv' >&2; exit 1; \
	fi
endef

define INSTALL
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	  echo "Making .venv with $$($$python --version) …"; $$python -m venv --clear .venv; \
	fi && \
	echo 'Installing the pinned packages (about a minute) …' && \
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements-dev.txt && \
	$(PINS) > .venv/pins
endef

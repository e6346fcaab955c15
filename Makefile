# Poterne. `make help` lists the targets. Everything that is made stays below this folder (.venv, .tools, var).
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help crash fuzz flood mutants setup demo up down status test lint bench revisions scale lock

# Two systems run side by side when each has its own VAR (and PORT_BASE, where fixed ports are wanted).
VAR ?= var
PORT_BASE ?=
POTERNE_PYTHON ?=
FUZZ_MINUTES ?= 30

PY := .venv/bin/python
OPA := .tools/bin/opa
COVERAGE := .tools/opa-coverage.json
DEMO = $(PY) -m deploy.demo
PLACE = --var "$(VAR)" $(if $(PORT_BASE),--port-base $(PORT_BASE))

# nothing of the caller's own Python reaches the project's
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH VIRTUAL_ENV
export POTERNE_PYTHON

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "  demo, up, down and status take VAR=folder, demo and up PORT_BASE=port; POTERNE_PYTHON names a Python >= 3.12"

setup: ## make .venv from the lock, get OPA, Redis and curl (seconds when nothing is missing)
	@python=$$(sh deploy/setup/find-python.sh) && "$$python" -B -m deploy.setup

demo: setup ## start everything, send a guided tour of real calls, stop; fails when one differs from what is expected
	@$(DEMO) demo $(PLACE)

up: setup ## start the same system and leave it running; VAR/demo/demo.json tells how to use it
	@$(DEMO) up $(PLACE)

down: ## stop what `make up` (or a crashed `make demo`) left running
	@if [ -x $(PY) ]; then $(DEMO) down --var "$(VAR)"; else echo "nothing was ever set up here"; fi

status: ## what is running
	@$(DEMO) status --var "$(VAR)"

lint: setup ## ruff, mypy --strict, import-linter, opa fmt and opa check --strict
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(OPA) fmt --fail --list policies
	$(OPA) check --strict --schema config/schemas policies

TEST_PROCESSES ?= 2
test: lint ## everything: lint, opa test with every line covered, pytest in TEST_PROCESSES=2 parts
	$(OPA) test policies
	@$(OPA) test --coverage --threshold 100 policies > $(COVERAGE) \
	  && echo "policies: every line covered" || { cat $(COVERAGE); exit 1; }
	$(PY) -m pytest -n $(TEST_PROCESSES)

bench: setup ## what a call costs, beside mitmdump, Envoy and nginx; is the quota exact. Results in benchmarks/results; QUICK=1: short
	$(PY) -m benchmarks.speed $(if $(QUICK),--quick)
	$(PY) -m benchmarks.policy_cost
	$(PY) -m benchmarks.quota_history
	$(PY) -m benchmarks.quota_gateways
	$(PY) -m benchmarks.quota_failover
	$(PY) -m benchmarks.quota_cost
	$(PY) -m benchmarks.journal_speed

CRASH_KILLS ?= 300
crash: setup ## gateways killed under load CRASH_KILLS=300 times; backend and journal are compared
	CRASH_KILLS=$(CRASH_KILLS) $(PY) -m pytest tests/crash -q -s

fuzz: setup ## generated and mutated requests against the gate for FUZZ_MINUTES=30; what fails becomes a case; figures go to docs/hostile.md
	$(PY) -m tests.fuzz --minutes $(FUZZ_MINUTES) --report benchmarks/results/fuzz.json
	$(PY) -m benchmarks.hostile_page

flood: setup ## slow clients, floods and large bodies, with memory and a well-behaved consumer's latency beside them; figures go to docs/hostile.md
	$(PY) -m benchmarks.flood

mutants: setup ## each protection against hostile input taken out of a copy: the test named for it must fail (10 minutes)
	$(PY) -m tests.mutants

revisions: setup ## a revision activated and another rolled back, 100 times on the running system under load (minutes)
	POTERNE_REVISIONS=100 $(PY) -m pytest tests/e2e/test_revisions.py -q -k under_load

scale: setup ## 10,000 contracts beside 10: build, guard, activation, memory, latency; result in benchmarks/results (minutes)
	$(PY) -m benchmarks.policy_scale

lock: setup ## write requirements*.lock anew from pyproject.toml
	@$(PY) -B -m deploy.setup.lock

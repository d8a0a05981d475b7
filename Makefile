PYTHON ?= python3
BIN = .venv/bin
READY = .venv/.ready
FUZZER = .venv/.fuzzer
LOCKER = build/locker
MUTATOR = build/mutants/venv
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# What the doors do; each may be replaced on the command line.
SUBJECT = examples/c/build/subject
CONFORM_FULL ?= $(BIN)/tenure conform

help: ## print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

setup: $(READY) ## make .venv with the locked dependencies and Tenure itself

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e . && touch $@

run: setup ## prove, refute and gate; print one table and one trace
	@$(MAKE) -s -C examples/c
	$(BIN)/tenure prove external-get-put:locked-container external-v1
	$(BIN)/tenure trace external-v1 A
	$(BIN)/tenure gate exec:$(SUBJECT) --profile external-get-put --budget 10s --seed 1
	$(BIN)/tenure gate "exec:$(SUBJECT) --june-2013" --profile external-v1 --budget 10s --seed 1

test: setup ## run the tests
	$(BIN)/pytest -q -n auto --dist worksteal

test-ci: setup ## run the tests that say of each system what `make test` says of one of its kind
	$(BIN)/pytest -q -n auto --dist worksteal -m ci

test-wide: setup ## run the tests that say the same of every variant, or take long
	$(BIN)/pytest -q -n auto --dist worksteal -m wide

test-kernel: setup ## boot a stock kernel in QEMU and hold it to the rules (`tenure doctor` says what that needs)
	$(BIN)/pytest -q -rs -n auto --dist worksteal -m kernel

lint: setup ## look at style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: test lint ## run the tests, then look at style and types

guards: setup ## say what each guard of the rules is for: what is lost without it
	$(BIN)/tenure guards $(SYSTEMS)

conform-full: setup ## hold the reference to the models at the full scopes
	$(CONFORM_FULL)

bench: setup ## measure speed beside its peers (ONLY="gates races" for some, JSON=FILE for a document)
	@PYTHONHASHSEED=0 $(BIN)/python -m benchmarks $(ONLY) $(if $(JSON),--json "$(JSON)")

bench-kernel: ## measure what a kernel under test costs
	@$(MAKE) -s bench ONLY=kernels

dma-full: setup ## prove the range arithmetic by both solvers, and try every pair of ranges of up to 6 bits
	TENURE_DMA_FULL=1 $(BIN)/pytest -q tests/prover/test_arithmetic.py tests/reference/dma

fuzz: $(FUZZER) ## look, guided by coverage, for calls on which the tracker and the page table differ (SECONDS=600 SEED=1)
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

$(FUZZER): $(READY)
	$(BIN)/pip install --quiet --no-build-isolation -e '.[fuzz]' && touch $@

mutants: setup $(MUTATOR)/bin/cosmic-ray ## change the range core a line at a time: its tests must notice (ONLY="ranges pages" for some)
	@$(BIN)/python -m tests.mutants.dma $(ONLY)

$(MUTATOR)/bin/cosmic-ray:
	$(PYTHON) -m venv --clear $(MUTATOR) && $(MUTATOR)/bin/pip install --quiet cosmic-ray==8.7.0

lock: ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv --clear $(LOCKER) && $(LOCKER)/bin/pip install --quiet pip-tools==7.6.2
	CUSTOM_COMPILE_COMMAND='make lock' $(LOCKER)/bin/pip-compile --quiet --upgrade $(LOCK_OPTIONS) pyproject.toml

LOCK_OPTIONS = --extra dev --all-build-deps --allow-unsafe --strip-extras --generate-hashes --output-file requirements.lock \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: help setup run test test-ci test-wide test-kernel lint check guards conform-full bench bench-kernel dma-full fuzz mutants lock

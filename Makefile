# Two commands do all the set-up: `make run` and `make test`. They need Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

PEERS := .venv-peers

.PHONY: help run test test-all test-slow test-peers test-faults test-lowest bench bench-quick results docs lint build wheel-test accept clean

help:
	@echo "make run         install into .venv and run the human infusion to a trajectory and a picture"
	@echo "make test        install and run the tests"
	@echo "make test-all    test-slow, test-peers and test-faults too; says which part failed"
	@echo "make test-faults kills, full disks, damaged files, wrong input"
	@echo "make test-peers  against Brian2 and NEST, and the tests under their version of numpy"
	@echo "make bench       speed beside Brian2 and NEST, 30 minutes; make bench-quick 5 minutes"
	@echo "make results     every table of experiments/ that is stale, 16 h on two cores for all; make results QUICK=1: minutes, stores none"
	@echo "make test-lowest the tests with the declared minimum versions"
	@echo "make docs        these pages and the reference, as docs/_build/html/index.html"
	@echo "make lint        style, types, floors"
	@echo "make accept      after a new mechanism, signal, drug or parameter: rewrite what follows, list what is left"
	@echo "make build       sdist and wheel; make wheel-test runs the wheel in a new environment"
	@echo "make clean       remove environments and builds"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'ketasim needs Python 3.11 or newer; try make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,lint,build]"
	@echo done > $@

run: $(VENV)/installed
	$(BIN)/ketasim run configs/human_infusion.yaml --force
	$(BIN)/ketasim plot runs/human_infusion.h5 --force

test: $(VENV)/installed
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not peers and not faults"

# Every part, also after one that fails; each runs alone, too.
test-all:
	@failed=""; for part in test test-slow test-peers test-faults; do \
		echo "make $$part"; $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; else echo "all parts passed"; fi

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "slow and not peers and not faults"

# Kills, full disks, damaged files, wrong input.
test-faults: $(VENV)/installed
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m faults -rs

$(PEERS)/installed: pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test,peers]"
	@echo done > $@

test-peers: $(PEERS)/installed
	$(PEERS)/bin/python -m pytest -q -n 2 --dist loadfile -m "peers or (not slow and not faults)" -rs

bench: $(PEERS)/installed
	$(PEERS)/bin/python -m benchmarks
	$(PEERS)/bin/python benchmarks/tables.py

bench-quick: $(PEERS)/installed
	$(PEERS)/bin/python -m benchmarks --quick

# Tables of experiments that are missing or stale, each with its expected hours.
results: $(VENV)/installed
	$(BIN)/python experiments/make.py $(if $(QUICK),--quick)

.venv-docs/installed: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	@echo done > $@

# Warnings are errors, broken links among them.
docs: .venv-docs/installed
	.venv-docs/bin/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo docs/_build/html/index.html

test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python tools/lowest_versions.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test]" -c .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pytest -q -n 2 --dist loadfile -m "not slow and not peers and not faults"

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

build: $(VENV)/installed
	$(BIN)/python -m build --outdir dist .

# The wheel in a new environment, run from an empty folder.
wheel-test: build
	rm -rf .venv-wheel && $(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls -t dist/ketasim-*.whl | head -n 1)"
	folder=$$(mktemp -d) && wheel=$$PWD/.venv-wheel && cd $$folder && $$wheel/bin/ketasim run quick && test -s runs/quick.h5 && rm -r $$folder

accept: $(VENV)/installed
	$(BIN)/python -m tools.accept

clean:
	rm -rf .venv .venv-docs .venv-lowest .venv-peers .venv-wheel docs/_build docs/reference dist build

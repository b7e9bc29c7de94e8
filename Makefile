# Lesion Tracker: `make demo` shows it, `make serve` runs it for 3D Slicer and OHIF, `make check` and `make test` check it.
# Each works on a fresh machine with Python 3.11, and installs what it needs into .venv once.

SHELL := /bin/bash
PYTHON ?= python3.11
PORT ?= 8000
STUDIES ?=
DATA ?=
BIN := .venv/bin
APP := apps/lesion_tracker
INSTALL := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install

# Tests run beside each other, one process a processor and each with one thread; a file stays together. Those with servers,
# browsers and a PACS run one after the other: these use all processors themselves. Compiled files are kept whatever the
# environment says: each of these processes, and each that a test starts, would compile everything anew.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest
BESIDE := OMP_NUM_THREADS=1 $(PYTEST) -n logical --maxprocesses 8 --dist loadfile
OUTSIDE := server or browser or pacs

.PHONY: help demo serve check test venv lint types tests coverage benchmark benchmark-quick

help:
	@echo "make demo             track a lesion of the sample data through a real server, and draw a picture"
	@echo "make serve            run the server on port $(PORT) for 3D Slicer and OHIF  (STUDIES=folder or DICOMweb address, PORT=…)"
	@echo "make check            lint, types and the quick tests, none of which starts a server: minutes; before each commit"
	@echo "make test             all that is checked before anything is merged: lint, types and tests, also with real servers,"
	@echo "                      3D Slicer's own code, Chromium and a PACS where these are installed; not those marked slow or gpu"
	@echo "make lint types       only those"
	@echo "make coverage         what the tests without servers pass through"
	@echo "make venv             only install"
	@echo "make benchmark        every row beside the product's own, hours; goes on where it stopped  (DATA=folder)"
	@echo "make benchmark-quick  the same on a few pairs, ten minutes on 2 cores"

venv: .venv/.installed

.venv/.requirements: requirements.txt constraints.txt
	@bash $(APP)/scripts/check_machine.sh "$(PYTHON)" .
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.txt
	@touch $@

.venv/.installed: .venv/.requirements pyproject.toml
	$(INSTALL) --no-deps -e .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	@touch $@

# Slicer's own code wants numpy 2, so it has an environment of its own; without it those tests say that they are skipped.
.venv-slicer/.tried: | .venv/.requirements
	@mkdir -p .venv-slicer
	@echo "installing slicer-core (1 GB, once) for the tests with 3D Slicer's own code"
	@($(PYTHON) -m venv .venv-slicer && .venv-slicer/bin/python -m pip install -q "slicer-core==5.13.*" requests) \
		|| { rm -f .venv-slicer/bin/python; echo "slicer-core could not be installed: the tests with 3D Slicer's own code are skipped"; }
	@touch $@

# Chromium is driven through playwright-core (npm), and axe-core looks for barriers on the pages; without node, npm or
# Chromium those tests say that they are skipped.
.node/.tried:
	@mkdir -p .node
	@npm install --silent --no-audit --no-fund --prefix .node playwright-core@1.65.1 axe-core@4.14.1 \
		|| echo "playwright-core could not be installed: the tests in a real browser are skipped"
	@touch $@

demo: venv
	@$(BIN)/lesion-tracker demo

serve: venv
	@$(BIN)/lesion-tracker serve --port $(PORT) $(if $(STUDIES),--studies "$(STUDIES)")

# Without `../shared/data` (or DATA=folder) both say what is missing and end with 2.
benchmark: .venv/.installed-dev
	@$(if $(DATA),BENCHMARK_DATA="$(DATA)") $(BIN)/python -m benchmarks.peers

benchmark-quick: .venv/.installed-dev
	@$(if $(DATA),BENCHMARK_DATA="$(DATA)") $(BIN)/python -m benchmarks.peers --quick

check: lint types
	$(BESIDE) -m "not ($(OUTSIDE) or long or slow or gpu)"

test: lint types tests

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed-dev
	$(BIN)/mypy

tests: .venv/.installed-dev .venv-slicer/.tried .node/.tried
	$(BESIDE) -m "not ($(OUTSIDE) or slow or gpu)"
	$(PYTEST) -m "($(OUTSIDE)) and not slow and not gpu"

coverage: .venv/.installed-dev
	$(BESIDE) -m "not ($(OUTSIDE) or slow or gpu)" --cov --cov-report=term

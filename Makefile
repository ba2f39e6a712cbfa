# synthaudit: `make` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Each of the two test processes keeps to one core: libraries that start threads of their own would fight for both.
TEST_PROCESSES ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help setup demo test test-slow lint types clean

help:
	@echo "make setup      a virtual environment in $(VENV) with everything in it"
	@echo "make demo       simulated patients, a leaky and a safe generator, two audits, two reports"
	@echo "make test       the quick tests"
	@echo "make test-slow  the tests that take minutes"
	@echo "make lint       style and the direction of imports"
	@echo "make types      types"
	@echo "make clean      remove what was built; the environment stays"

setup: $(INSTALLED)

# uv takes a fraction of pip's time; where it does not get through (a proxy that only pip knows of), pip does it.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("synthaudit needs Python 3.11 or newer, found %d.%d; name one: make PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "the environment needs the module venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@{ $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; } || \
		{ echo "uv did not get through; installing with pip, which takes longer" >&2 && \
		$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'; }
	@touch $@

demo: setup
	$(BIN)/synthaudit demo --out demo

test: setup
	$(ONE_THREAD) $(BIN)/pytest -m "not slow and not gpu" -n $(TEST_PROCESSES) --dist worksteal -q

test-slow: setup
	$(ONE_THREAD) $(BIN)/pytest -m "slow and not gpu" --run-slow -n $(TEST_PROCESSES) --dist worksteal -q

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: setup
	$(BIN)/mypy

clean:
	rm -rf build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

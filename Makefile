# What each target needs lies in .venv, made on first use from the locks in requirements/.

.DEFAULT_GOAL := help
.PHONY: help up receiver test chaos conformance check clients bench fmt lock clean pictures
SHELL := /bin/bash

PYTHON ?= python3
PYTEST_ARGS ?= -n 3 --dist loadscope --no-loadscope-reorder
UP_ARGS ?=
RECEIVER_ARGS ?=
BENCH_ARGS ?=
PICTURE_ARGS ?=
SECONDS ?= 600
SEED ?=
MINUTES ?=
ONLY ?=
export PYTHON

V := .venv/bin
COMPILE := $(V)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
  --universal --python-version 3.11

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/app.stamp ## Run everything here, in the foreground (UP_ARGS="--port 8080")
	@RINGBACK_ALLOW_TARGETS="$${RINGBACK_ALLOW_TARGETS-127.0.0.0/8}" exec $(V)/ringback up $(UP_ARGS)

receiver: .venv/app.stamp ## Run a receiver that verifies and prints webhooks (RECEIVER_ARGS="--fail 2")
	@exec $(V)/python examples/receiver.py $(RECEIVER_ARGS)

test: .venv/dev.stamp ## Run the tests; installs RabbitMQ and Chromium if they are missing (PYTEST_ARGS)
	@tests/run $(PYTEST_ARGS)

chaos: .venv/dev.stamp ## Break one thing after another, prove that nothing is lost (MINUTES, SEED, ONLY)
	@tests/run --prepare
	@$(V)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(ONLY),--only '$(ONLY)')

conformance: .venv/dev.stamp ## Compare the API with its OpenAPI document for ten minutes (SECONDS, SEED)
	@SECONDS=$(SECONDS) SEED=$(SEED) $(V)/python -m pytest -p no:cacheprovider -s tests/conformance

check: .venv/dev.stamp ## Lint, types, layers, house rules, generated pages in step
	$(V)/ruff check .
	$(V)/ruff format --check .
	$(V)/basedpyright --pythonpath $(V)/python
	$(V)/lint-imports
	$(V)/python -m pytest tests/house tests/migrations -q
	$(V)/python -m api.openapi --check
	$(V)/python -m cli.configuration --check

clients: .venv/dev.stamp ## Bring clients/ in step with docs/openapi.json
	$(V)/python -m clients.generate

fmt: .venv/dev.stamp ## Format, and mend what can be mended
	$(V)/ruff format .
	$(V)/ruff check --fix .

pictures: .venv/dev.stamp ## Take the pictures of the dashboard again (PICTURE_ARGS="--minutes 10")
	$(V)/python -m tests.browser.pictures $(PICTURE_ARGS)

bench: .venv/dev.stamp ## Measure (BENCH_ARGS)
	$(V)/python -m benchmarks $(BENCH_ARGS)

lock: .venv/uv.stamp ## Resolve the dependencies anew
	$(COMPILE) --upgrade requirements/uv.in -o requirements/uv.txt
	$(COMPILE) --upgrade pyproject.toml --extra embedded --extra editable -o requirements/app.txt
	$(COMPILE) pyproject.toml -c requirements/app.txt -o requirements/image.txt
	$(COMPILE) requirements/wheel.in -c requirements/app.txt -o requirements/wheel.txt
	$(COMPILE) --upgrade pyproject.toml --all-extras -o requirements/dev.txt
	$(COMPILE) requirements/flower.in -c requirements/dev.txt -o requirements/flower.txt

clean: ## Remove the environment and the caches; data stays
	rm -rf .venv .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist clients/*/dist
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/uv.stamp: requirements/uv.txt requirements/bootstrap
	@requirements/bootstrap
	@touch $@

# An environment for development also runs everything: `up` never takes its tools away.
.venv/app.stamp: .venv/uv.stamp requirements/app.txt pyproject.toml
	@requirements/sync $(if $(wildcard .venv/dev.stamp),dev,app)
	@touch $@

.venv/dev.stamp: .venv/uv.stamp requirements/dev.txt pyproject.toml
	@requirements/sync dev
	@touch .venv/app.stamp $@

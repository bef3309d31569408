# Every target sets up what it needs; `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

.PHONY: help setup demo test test-all soak bench lint fmt lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv from requirements.lock; nothing to do is instant
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

lock: setup ## resolve pyproject.toml into requirements.lock anew
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--upgrade --custom-compile-command "make lock" --group dev --output-file requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory setup

clean: ## remove .venv and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find orchestrator tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

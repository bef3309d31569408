# Every target sets up what it needs; `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

WORKERS ?= auto
PYTEST := pytest --numprocesses=$(WORKERS) --dist=worksteal
SOAK_SEEDS ?= 100000
export SOAK_SEEDS

# Whatever is called test-… runs in CI, without a list to forget; test-all is only their sum.
EXTRA_TESTS := $(filter-out test-all,$(shell sed -n 's/^\(test-[a-z0-9-]*\):.*/\1/p' Makefile))

.PHONY: help setup demo demo-kube test quick test-slow test-differential test-mutation test-all extra-tests soak bench lint fmt docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: ## bring .venv to what requirements.lock says; instant when it is there
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

demo: setup ## the whole story in a throw-away repository, under a minute
	@interlock demo

demo-kube: setup ## the same story in a Kubernetes that is started for it; builds one on first use
	@python -m tests.kube.demo

test: lint ## everything but the slow suites; needs no network after setup
	@$(PYTEST)

# No setup and no cache: a gate starts in a fresh clone with the PATH of whoever runs the leader. PYTHONPATH, because an
# installed Interlock on that PATH would be tested instead of this tree.
QUICK := $(addprefix tests/unit/test_,docs.py own_swarm.py crds.py train.py order.py graph.py)
TESTS ?= $(QUICK)
quick: ## what the merge train's gate runs: layout and the quick tests, with the tools on PATH
	@ruff check --no-cache --quiet . && ruff format --no-cache --quiet --check .
	@PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 python -m pytest -q -p no:cacheprovider $(TESTS)

test-slow: setup ## the suites marked slow
	@$(PYTEST) -m slow --timeout=1200

test-browser: setup ## pages looked at in a real browser: $$CHROMIUM, one on PATH, or a pinned one
	@sh scripts/browser.sh
	@$(PYTEST) -m browser --timeout=300 tests/browser

# The folder is handed over: tests run with a home of their own, and would look for the cache there.
test-kube: setup ## against a real Kubernetes: $$KUBEBUILDER_ASSETS, else one built on first use (4 minutes)
	@KUBEBUILDER_ASSETS="$$(python -m tests.kube.assets)" && export KUBEBUILDER_ASSETS && \
		$(PYTEST) -m kube --timeout=600

test-differential: setup ## one schedule through us, backtrader and NautilusTrader (600 MB on first use), a real account, to the cent
	@python -m tests.differential.environment >/dev/null
	@python -m tests.differential.account >/dev/null
	@$(PYTEST) -m differential --timeout=600 tests/differential

# What the engine is held to, once more on the build; and what both are asked beside each other.
ON_BUILD := $(addprefix tests/trading/test_,$(addsuffix .py,agenda backtest calendar cases controls costs data \
	engine_properties log lookahead probes runs stages tail values walk))
test-accelerated: setup ## compile the engine (40 s), and hold it against its source byte by byte
	@trading accelerate
	@$(PYTEST) -m accelerated --timeout=300 tests/trading/test_compiled_same.py
	@$(PYTEST) -p tests.trading.on_compiled $(ON_BUILD)

test-mutation: setup ## break every control of the order firewall in every small way; each must be noticed
	@python scripts/mutate_gate.py

test-all: test $(EXTRA_TESTS) ## test and every other test-* target

extra-tests: # the names of the test-* targets beside test, for .ci/run
	@echo $(EXTRA_TESTS)

soak: setup ## seeds by the thousand, desks by the hundred (SOAK_SEEDS=100000 SOAK_DESKS=500)
	@$(PYTEST) -m soak --timeout=0

bench: setup ## ratios measured side by side in one run
	@set -e; for script in $(filter-out bench/trading.py,$(wildcard bench/*.py)) bench/desk/*.py; do echo "== $$script"; python "$$script"; done

lint: setup ## ruff, mypy --strict, import contracts, shell syntax
	@ruff check --quiet --output-format=concise .
	@ruff format --quiet --check . || { ruff format --check .; echo "run: make fmt" >&2; exit 1; }
	@mypy --no-error-summary orchestrator trading
	@lint-imports --no-logo
	@sh -n scripts/setup.sh
	@sh -n scripts/browser.sh
	@bash -n .ci/run

fmt: setup ## format and sort imports
	@ruff check --quiet --fix --select I .
	@ruff format --quiet .

docs: setup ## write the reference pages and the CRDs anew from the code
	@python scripts/gen_docs.py
	@interlock crds --out manifests/crds

# Packages that are taken for the prices in them: without what they need to run, and outside of the environment.
lock: setup ## resolve pyproject.toml into requirements.lock anew
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--upgrade --custom-compile-command "make lock" --group dev --extra trading --output-file requirements.lock pyproject.toml
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-deps --custom-compile-command "make lock" --output-file tests/trading/prices.lock tests/trading/prices.in
	@uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file tests/differential/engines.lock tests/differential/engines.in
	@for name in tools compiler; do uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --output-file trading/compiled/$$name.lock \
		trading/compiled/$$name.in || exit 1; done
	@$(MAKE) --no-print-directory setup

clean: ## remove .venv and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

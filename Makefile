# Two commands: `make demo` shows the product, `make test` proves it. Both set up what they need.
#
#   make demo                       the demo company in stockwright.db, planned, in the dashboard
#   make demo ORDERS=orders.csv     your own order file instead
#   make demo NO_BROWSER=1 PORT=8601 DATABASE=sqlite:///other.db TIME_ZONE=Europe/London CURRENCY=GBP
#   make test                       style, types, layers and all tests, on every core
#   make test PYTEST=tests/test_eoq.py WORKERS=0     some tests, in one process
#   make test-deep                  the same with larger random searches
#   make bench                      every benchmark, quickly
#   make lock                       renew the pinned versions (see CONTRIBUTING.md)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN)
BENCH_PARTS := measure.py servers.py rivals.py peers.py statsforecast_peer.py stockpyl_peer.py monthly_series.py large_panel.py shared_limits.py order_round.py simpy_peer.py ciw_peer.py queue_formulas.py stock_formulas.py
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help demo test test-deep check browser bench lock clean

help:
	sed -n 's/^# \{0,1\}//p' Makefile | head -10

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Stockwright needs Python 3.11 or newer: try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || { echo "cannot create $(VENV): install the venv module (Debian: apt-get install python3-venv)"; exit 1; }

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	echo "Installing the pinned packages …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# A compiled loop is kept beside its file and does not notice when a loop that it calls, in another file, has changed.
$(VENV)/.compiled: $(wildcard forecasting/*.py optimization/*.py simulation/*.py) $(VENV)/.installed
	echo "Compiling the kernels of forecasts, stock levels and simulations (once, a minute or two) …"
	find forecasting optimization simulation -name '*.nb[ci]' -delete
	$(BIN)/python -m forecasting.warming 2>/dev/null
	$(BIN)/python -m optimization.warming
	$(BIN)/python -m simulation.warming
	touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	echo "Installing what the tests need …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/.compiled
	exec $(BIN)/stockwright demo --port $(PORT) \
	  $(if $(DATABASE),--database '$(DATABASE)') $(if $(ORDERS),--orders '$(ORDERS)') \
	  $(if $(TIME_ZONE),--time-zone '$(TIME_ZONE)') $(if $(CURRENCY),--currency '$(CURRENCY)') \
	  $(if $(NO_BROWSER),--no-browser)

# A real browser for the tests: Debian's package where it is missing and we may install it.
browser:
	if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium …"; \
	  apt-get update -qq >/dev/null && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	else \
	  echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium; macOS: brew install chromium)"; \
	  echo "and run make test again"; \
	  exit 1; \
	fi

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread of linear algebra per process: more would only wait for each other.
test: export OPENBLAS_NUM_THREADS := 1
test: export OMP_NUM_THREADS := 1
test: $(VENV)/.installed-dev $(VENV)/.compiled browser check
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

test-deep: export HYPOTHESIS_PROFILE := deep
test-deep: test

# Peers need other versions than we do, so they live in an environment of their own.
$(VENV)/peers/.installed: requirements-peers.lock | $(BIN)/python
	echo "Installing the benchmarks' peers …"
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-peers.lock
	touch $@

bench: $(VENV)/.installed-dev $(VENV)/.compiled $(VENV)/peers/.installed
	for script in $(filter-out $(addprefix benchmarks/,$(BENCH_PARTS)),$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script --quick || exit 1; done

# Renewing needs uv; it is installed beside the environment, not into it. The locks share their versions.
lock: | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command 'make lock' $(UPGRADE) \
	  pyproject.toml --group dev -o requirements-dev.lock
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command 'make lock' $(UPGRADE) \
	  pyproject.toml --group build -c requirements-dev.lock -o requirements.lock
	$(VENV)/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command 'make lock' $(UPGRADE) \
	  --group pyproject.toml:peers -o requirements-peers.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

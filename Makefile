# Workprint. `make run` starts the studio, `make test` tests it; both set up what they need.
.DEFAULT_GOAL := help
.PHONY: help run up build check format test test-python test-web test-models soak bench bench-project bench-farm schema lock
export PATH := $(CURDIR)/.make/bin:$(CURDIR)/.venv/bin:$(PATH)
WEB := client/web
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/static $(WEB)/*.config.* -type f 2>/dev/null)

help:           ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

run up: build   ## Start the studio: hub, two farm workers, embedded Valkey; prints a one-time login
	@exec .venv/bin/workprint up

build: $(WEB)/build/index.html   ## Set up the environment and build the web app

$(WEB)/build/index.html: $(WEB_SOURCES) $(WEB)/package-lock.json requirements.lock pyproject.toml .ci/setup
	@.ci/setup node
	@echo "Building the web app"
	@cd $(WEB) && npm run --silent build >$(CURDIR)/.make/web-build.log 2>&1 || { cat $(CURDIR)/.make/web-build.log; exit 1; }
	@touch $@

check: build    ## Formatting, lint, types, import contracts, stale files
	@.ci/setup test
	ruff format --check
	ruff check
	cd $(WEB) && npm run --silent pyright
	lint-imports
	python -m crdt_schema.export_ts --check
	cd $(WEB) && npm run --silent check

format:         ## Format everything
	ruff format
	ruff check --fix
	cd $(WEB) && npm run --silent format

test: build     ## The whole suite: Python, web, real browsers
	@.ci/setup test
	cd $(WEB) && npm run --silent test
	python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --max-worker-restart=0 $(PYTEST)

soak:           ## The long runs: hours of load, crashes and fuzz, and new examples for every property
	@.ci/setup test
	@.ci/setup models
	python -m pytest -m "soak or models" $(PYTEST)
	python -m pytest -m hypothesis --hypothesis-profile="new examples" --timeout=3600 $(PYTEST)

test-models:    ## The models' containers with small random models; fetches torch for the CPU (1.5 GB)
	@.ci/setup test
	@.ci/setup models
	python -m pytest -m models $(PYTEST)

bench:          ## The hub beside its peers, for docs/benchmarks.md (80 minutes; BENCH="--quick --reps 1": 10)
	@.ci/setup node
	@python -m bench.compare $(BENCH)

bench-project:  ## Snapshots of a large project beside plain git, for docs/benchmarks.md (3 minutes)
	@python -m bench.snapshots

bench-farm:     ## The farm beside plain RQ, for docs/benchmarks.md (1 minute)
	@python -m bench.farm

schema:         ## Write the TypeScript twin of crdt_schema
	python -m crdt_schema.export_ts

lock:           ## Pin the Python packages that pyproject.toml allows: the `local` extra for everybody, all extras for the tests
	uvx_flags="--quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --universal --python-version 3.11"; \
	uv pip compile $$uvx_flags --extra local pyproject.toml -o requirements.lock && \
	uv pip compile $$uvx_flags --all-extras pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

# One verb for each need. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE ?= $(if $(PENSTOCK_CACHE),$(PENSTOCK_CACHE),$(HOME)/.cache/penstock)
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo $(CACHE)/uv/bin/uv)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
FILE ?= examples/order-processing.yaml
SET ?= --set customer_id=CUST-12345 --set order_total=899.99

export UV_COMPILE_BYTECODE = 1
# Bytecode may be switched off for a whole machine; a start without it takes twice as long.
export PYTHONDONTWRITEBYTECODE =
unexport VIRTUAL_ENV

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# --- set up ---------------------------------------------------------------------------------------

$(CACHE)/uv/bin/uv:
	@echo "setup: installing uv into $(CACHE)/uv"
	@$(PYTHON) -c 'import sys; sys.exit("Penstock needs Python 3.11 or later; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(CACHE)/uv && $(CACHE)/uv/bin/pip install --quiet 'uv>=0.9,<1'

.venv/.ready: uv.lock pyproject.toml | $(UV)
	@echo "setup: installing the locked dependencies into .venv"
	@$(UV) sync --quiet --frozen --all-extras
	@touch $@

.PHONY: setup
setup: .venv/.ready ## Install everything that the other targets need
	@$(BIN)/python -m compileall -q operator mcp_server runtimes_images

.PHONY: clean
clean: ## Remove what the targets made in this tree (not the cache)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# --- use ------------------------------------------------------------------------------------------

.PHONY: run
run: setup ## Run examples/order-processing.yaml on this machine; APPROVE=1 answers its gate
	@$(BIN)/penstock --local run $(FILE) $(SET) $(if $(APPROVE),--approve)
	@printf '\nNext:\n  %s\n  %s\n  %s\n' \
		'$(BIN)/penstock list              what ran here' \
		'$(BIN)/penstock init my-flows     a Workflow of your own to start from' \
		'make cluster-up images             the same file on a real Kubernetes: README.md, "On a cluster"'

.PHONY: wheel
wheel: setup ## The package, into dist/
	@rm -rf dist
	@$(UV) build --quiet --wheel --sdist --out-dir dist
	@ls dist

.PHONY: sbom
sbom: setup ## Bill of materials of what the lock file names, as CycloneDX, into build/sbom.cdx.json
	@mkdir -p build
	@$(UV) export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --output-file build/sbom.cdx.json >/dev/null
	@echo "build/sbom.cdx.json"

.PHONY: demo-ask
demo-ask: setup ## From a sentence to a run, in a shop on this machine; APPROVE=1 answers the gate, PROMPT="…" asks something else
	@$(BIN)/python -m examples.ask $(if $(value PROMPT),'$(subst ','\'',$(value PROMPT))') $(if $(APPROVE),--approve) $(ASK)

# --- check ----------------------------------------------------------------------------------------

.PHONY: test
test: lint types arch verify unit properties contract integration conformance e2e ## Everything, in this order

.PHONY: fmt
fmt: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

.PHONY: lint
lint: setup ## Style, banned calls, size limits
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_sizes.py

.PHONY: types
types: setup ## mypy, strict
	$(BIN)/mypy
	$(BIN)/mypy tests/cluster tests/chaos tools evals

.PHONY: arch
arch: setup ## Who may import whom
	$(BIN)/lint-imports --no-cache

.PHONY: verify
verify: setup ## Generated files are what their sources say
	$(BIN)/python -m tools.gen_chart_readme --check
	$(BIN)/python -m tools.gen_cli --check
	$(BIN)/python -m tools.gen_crds --check
	$(BIN)/python -m tools.gen_errors --check
	$(BIN)/python -m tools.gen_fields --check
	$(BIN)/python -m tools.gen_mcp_tools --check
	$(BIN)/python -m tools.gen_metrics --check
	$(BIN)/python -m tools.gen_phases --check
	$(BIN)/python -m tools.gen_settings --check
	@$(MAKE) docs

.PHONY: docs
docs: setup ## The site of docs/, into build/site; every link is checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

.PHONY: recordings
recordings: setup ## The pictures of a terminal in docs/images, from real runs
	@$(BIN)/python -m tools.record

.PHONY: generate
generate: setup ## Make the generated files again
	$(BIN)/python -m tools.gen_chart_readme
	$(BIN)/python -m tools.gen_cli
	$(BIN)/python -m tools.gen_crds
	$(BIN)/python -m tools.gen_errors
	$(BIN)/python -m tools.gen_fields
	$(BIN)/python -m tools.gen_mcp_tools
	$(BIN)/python -m tools.gen_metrics
	$(BIN)/python -m tools.gen_phases
	$(BIN)/python -m tools.gen_settings

.PHONY: unit
unit: setup ## Pure parts, no I/O
	$(PYTEST) -n auto tests/unit

.PHONY: properties
properties: setup ## Hypothesis: the state machine, the codecs
	$(PYTEST) -n auto tests/properties

.PHONY: properties-deep
properties-deep: setup ## The same on very many runs of the engine; takes minutes
	$(PYTEST) --hypothesis-profile=deep --hypothesis-show-statistics --timeout=0 tests/properties/test_oracle.py

.PHONY: contract
contract: setup ## One suite for every adapter: memory, SQLite, cluster
	$(PYTEST) -n auto tests/contract

.PHONY: integration
integration: setup ## Real interpreters, processes, SQLite, HTTP; no cluster
	$(PYTEST) -n auto tests/integration

.PHONY: conformance
conformance: setup ## The protocol's public conformance suite, and the Inspector, against our MCP server
	$(PYTEST) tests/conformance

.PHONY: e2e
e2e: setup ## The real cluster: everything that is promised there
	$(PYTEST) tests/e2e

SEED ?= 1
RUNS ?= 1000

.PHONY: chaos
chaos: setup ## Random faults over random Workflows, SEED=n RUNS=n; minutes for 1,000; no cluster
	$(BIN)/python -m tests.chaos --seed $(SEED) --runs $(RUNS)

.PHONY: chaos-cluster
chaos-cluster: setup ## The same on the real cluster, SEED=n RUNS=n; a minute for four
	$(BIN)/python -m tests.chaos.real --seed $(SEED) --runs $(if $(filter file,$(origin RUNS)),50,$(RUNS))

MINUTES ?= 30

.PHONY: soak
soak: setup ## Runs and faults without a pause on the real cluster, MINUTES=n SEED=n; writes build/soak.json
	$(BIN)/python -m tests.chaos.real.soak --minutes $(MINUTES) --seed $(SEED)

.PHONY: bench
bench: setup ## Measure on the real cluster (about an hour; says how long); writes build/bench.json
	$(BIN)/python -m bench $(BENCH)

.PHONY: bench-report
bench-report: setup ## docs/benchmarks.md and its plots out of build/bench.json (and build/bench-mcp.json, build/bench-argo.json)
	$(BIN)/python -m bench.report

ARGO ?= argo

.PHONY: bench-argo
bench-argo: setup ## The same beside Argo Workflows, whose controller watches the namespace ARGO; writes build/bench-argo.json
	$(BIN)/python -m bench --argo $(ARGO) --count 8 --crowds 0 --many 0 $(addprefix --only ,one_step chain3 fanout10) --output build/bench-argo.json

.PHONY: first-run
first-run: setup ## Time the words of README.md from `helm install` to a finished run, on the cluster for tests
	$(BIN)/python -m bench.first_run

.PHONY: bench-local
bench-local: setup ## Measure what local mode adds to a program; no cluster; writes build/bench-local.json
	$(BIN)/python -m bench.local

.PHONY: bench-mcp
bench-mcp: setup ## Measure the MCP server with up to 5,000 Workflows; no cluster; writes build/bench-mcp.json
	$(BIN)/python -m bench.mcp

MODEL ?= scripted

.PHONY: evals
evals: setup ## Let an agent solve tasks with the MCP tools; MODEL=openai:... or anthropic:..., default: without a model
	$(BIN)/python -m evals --model $(MODEL)

# --- the cluster for tests ------------------------------------------------------------------------

.PHONY: cluster-up
cluster-up: ## Start the cluster for tests (kind with Docker, else built from Go modules) and print its kubeconfig
	@$(PYTHON) -m tests.cluster up

.PHONY: cluster-down
cluster-down: ## Stop it
	@$(PYTHON) -m tests.cluster down

.PHONY: cluster-status
cluster-status: ## Say whether it runs, and where its kubeconfig is
	@$(PYTHON) -m tests.cluster status

.PHONY: images
images: setup cluster-up ## Build all images into the cluster for tests; write what helm needs to build/images.yaml
	@$(BIN)/python -m tests.support.installation

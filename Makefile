# Every target does all of its own set-up. `make help` lists them.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run run-cassandra demo-data test images lint format protocol mutants bench soak screenshot clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the application's packages into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Installing what tests and checks need into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(VENV)/.run ## Start the application on SQLite at http://127.0.0.1:8000 (HOST, PORT override)
	@exec $(BIN)/patientmgmt run --host $(HOST) --port $(PORT)

run-cassandra: $(VENV)/.run ## The same on Apache Cassandra (CASSANDRA_CONTACT_POINTS, or a local server)
	@PERSISTENCE_MODULE=eventstore_cassandra exec $(BIN)/patientmgmt run --host $(HOST) --port $(PORT)

demo-data: $(VENV)/.run ## Fill the running application's store with plausible hospital days
	@$(BIN)/patientmgmt demo-data

test: $(VENV)/.dev ## Install what the tests need and run all of them
	@$(BIN)/python -m tests.setup
	@$(BIN)/pytest

images: $(VENV)/.dev ## Build the containers' images without an engine, and run the system in them
	@$(BIN)/python -m tests.setup
	@$(BIN)/python -m tests.images.setup
	@$(BIN)/pytest tests/images

lint: $(VENV)/.dev ## Check style, format, types and import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## Put the code into its standard form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

protocol: $(VENV)/.dev ## Make the messages of the gRPC service anew, after storegrpc.proto has changed
	@$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. eventstore_grpc/protocol/storegrpc.proto

mutants: $(VENV)/.dev ## Change the pure modules in small ways, and list the changes that no test finds
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	@SIMULATED_WORLDS=40 SIMULATION_SEED=1 $(BIN)/mutmut run
	@$(BIN)/mutmut results

bench: $(VENV)/.dev ## Measure against a real node and print the ratios
	@$(BIN)/python -m benchmarks

soak: $(VENV)/.dev ## Let three nodes fail at random for MINUTES (10), and check that nothing is lost
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),10)

screenshot: $(VENV)/.dev ## Take the README's screenshot from the running program
	@$(BIN)/python -m docs.screenshot

clean: ## Remove everything that these targets made, the local data in var/ included
	@if [ -x $(BIN)/patientmgmt ]; then $(BIN)/patientmgmt cassandra stop; fi
	@rm -rf $(VENV) mutants var dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

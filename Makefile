# What a checkout can do. `make` alone lists it.
# PYTHON=/path/to/python chooses the interpreter, ARGS="…" is passed on to the tool.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-all bench lint studio lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?=
PROCESSES := -n 3 --dist worksteal
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
LOCK := uv pip compile --universal --python-version 3.11 --group dev \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Create .venv and install RecNet and its tools into it

demo: $(STAMP) ## Run a small network from start to end, without any key
	@$(BIN)/recnet demo $(ARGS)

test: $(STAMP) ## Run the quick tests of every part, in a few minutes (ARGS="tests/prompts -x" for some)
	@$(BIN)/python -m pytest $(PROCESSES) -m 'not slow' $(ARGS)

test-all: $(STAMP) ## Run all tests, with branch coverage (ARGS=--thorough tests properties on 1,000 examples)
	@$(BIN)/python -m pytest $(PROCESSES) --cov $(ARGS)

bench: $(STAMP) ## Run the benchmarks; over half an hour (ARGS="--quick": training alone, two minutes)
	@$(BIN)/python -m benchmarks train $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m benchmarks live)

lint: $(STAMP) ## Check style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# What is set already stays; without it, nothing is sent to anyone.
studio: $(STAMP) ## Serve the graphs to LangGraph Studio
	@LANGGRAPH_CLI_NO_ANALYTICS=$${LANGGRAPH_CLI_NO_ANALYTICS:-1} \
	LANGGRAPH_NO_VERSION_CHECK=$${LANGGRAPH_NO_VERSION_CHECK:-true} \
	LANGSMITH_TRACING=$${LANGSMITH_TRACING:-false} \
	$(BIN)/langgraph dev $(ARGS)

lock: ## Pin the dependencies again, by uv (ARGS=--upgrade takes newer ones)
	@$(LOCK) $(ARGS) pyproject.toml -o requirements.lock

clean: ## Remove .venv, caches and built files
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so an install that was stopped is done again.
$(STAMP): requirements.lock pyproject.toml
	@rm -f $@
	@set -e; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$python" -c '$(NEW_ENOUGH)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "RecNet needs Python 3.11 or newer; install it, or name it: make install PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	if command -v uv >/dev/null; then \
		$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || { rm -rf $(VENV); uv venv --quiet --python "$$found" $(VENV); }; \
		pip="uv pip install --quiet --python $(BIN)/python"; \
	else \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || "$$found" -m venv --clear $(VENV); \
		pip="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	fi; \
	echo "Installing RecNet into $(VENV) with $$found; a minute or two the first time"; \
	{ $$pip -r requirements.lock && $$pip --no-deps --no-build-isolation -e .; } || { \
		echo "The install failed; if it was stopped half-way before, 'make clean' begins it anew." >&2; \
		exit 1; \
	}
	@touch $@

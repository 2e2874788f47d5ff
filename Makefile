# Thin over snakemake and pytest: each target shows the command it runs.
CORES ?= 2
TORCH ?= cpu
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint fuzz

demo: .venv/.complete  ## train three seeds of the demo record and make its tables, plots and report
	$(BIN)/snakemake --cores $(CORES)

test: .venv/.complete  ## all tests
	$(BIN)/pytest -n $(CORES) --dist loadgroup

lint: .venv/.complete  ## formatting, lints and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint

.venv/.complete: envs/cpu.lock pyproject.toml envs/install.sh
	envs/install.sh .venv $(TORCH) $(PYTHON)

# Thin over snakemake and pytest: each target shows the command it runs.
CORES ?= 2
INSTALLED := $(shell cat .venv/.complete 2>/dev/null)
TORCH ?= $(or $(INSTALLED),cpu)
PYTHON ?= python3
FUZZ_SECONDS ?= 180
BIN := .venv/bin
# A GPU that PyTorch's CPU build can't use: Snakemake wants to be told that the CPU is meant.
ON_CPU = "this machine has a GPU, and .venv PyTorch's CPU build, which trains on the CPU; the other: make TORCH=cuda demo"
UNUSED_GPU = $(if $(filter cpu,$(TORCH)),$(shell nvidia-smi -L 2>/dev/null | grep -m 1 '^GPU'))

# Tests start hundreds of processes: each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo isobyte test kernels lint docs fuzz

install: .venv/.complete  ## the environment, .venv; TORCH=cuda for a machine with a GPU, in place of another build

demo: .venv/.complete  ## train three seeds of the demo record and make its tables, plots and report
	$(if $(UNUSED_GPU),@echo $(ON_CPU))
	$(BIN)/snakemake --cores $(CORES)$(if $(UNUSED_GPU), --config device=cpu)

isobyte: .venv/.complete  ## bits a weight at equal bytes: trials on text held aside, the points, and those again that missed their bytes
	$(BIN)/snakemake --cores $(CORES) compared --config experiment=isobyte/trials device=cpu
	$(BIN)/snakemake --cores $(CORES) compared --config experiment=isobyte device=cpu
	$(BIN)/snakemake --cores $(CORES) compared --config experiment=isobyte/fitted device=cpu

test: .venv/.complete  ## all tests
	$(BIN)/pytest -n $(CORES) --dist loadgroup

kernels: .venv/.complete  ## the GPU's kernels on the CPU, by Triton's interpreter, against their plain references
	$(BIN)/pip install --quiet --no-deps --target .venv/triton -r envs/triton.lock
	TRITON_INTERPRET=1 PYTHONPATH=.venv/triton $(BIN)/pytest -m interpreted tests/model tests/bundle/test_script_kernels.py

lint: .venv/.complete  ## formatting, lints and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/hadolint Dockerfile
	$(BIN)/mypy
	$(BIN)/snakemake --lint

docs:  ## the pages as a site, .docs/site/index.html; a link that leads nowhere fails
	test -e .docs/env/.complete || { $(PYTHON) -m venv .docs/env && .docs/env/bin/pip install -q --no-deps --no-compile -r envs/docs.lock \
		&& touch .docs/env/.complete; }
	rm -rf .docs/pages && mkdir -p .docs/pages
	cp -r --parents README.md CONTRIBUTING.md CHANGELOG.md CITATION.cff LICENSE docs profiles published/rulings.csv measured/README.md \
		measured/*/notebook.md .docs/pages
	NO_MKDOCS_2_WARNING=1 .docs/env/bin/mkdocs build -f docs/mkdocs.yml >.docs/log 2>&1 || { grep -v INFO .docs/log; exit 1; }

fuzz: .venv/.complete  ## readers of artifacts against made-up files, FUZZ_SECONDS each; crashes are kept in .fuzz
	$(BIN)/python -c 'import atheris' 2>/dev/null || \
		{ echo "fuzz: installing atheris into .venv" && $(BIN)/pip install --quiet 'atheris>=3,<4'; }
	mkdir -p .fuzz
	for reader in container ptz int6; do \
		$(BIN)/python benchmarks/fuzz_$$reader.py .fuzz/$$reader -artifact_prefix=.fuzz/$$reader- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=1500 || exit 1; \
	done

ifneq ($(TORCH),$(INSTALLED))
.PHONY: .venv/.complete  # the other build of torch is there
endif
.venv/.complete: $(wildcard envs/$(TORCH).lock) pyproject.toml envs/install.sh
	envs/install.sh .venv $(TORCH) $(PYTHON)

# Everything from a bare machine: `make run` and `make test` include the setup.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help reference run test test-fast lint bench gpu-check report docs image clean setup setup-dev
.NOTPARALLEL:

# The study to run; default: the one in config.yaml
STUDY ?=
CORES ?= all
# Additional extras of pyproject.toml, e.g. EXTRAS=gpu
EXTRAS ?=
# Further arguments for snakemake (run, report) or pytest (test)
ARGS ?=
# Tests that run in parallel
WORKERS ?= 2
MTBKD_MIRROR ?= $(wildcard ../shared/data)

export UV_PROJECT_ENVIRONMENT ?= .venv
# otherwise every job would spend seconds compiling its imports
unexport PYTHONDONTWRITEBYTECODE
ifneq ($(strip $(MTBKD_MIRROR)),)
# absolute path, because jobs may run in other folders
override MTBKD_MIRROR := $(shell cd "$(MTBKD_MIRROR)" 2>/dev/null && pwd || echo "$(MTBKD_MIRROR)")
export MTBKD_MIRROR
endif

VENV := $(UV_PROJECT_ENVIRONMENT)
BIN := $(VENV)/bin
NAME = $(or $(STUDY),$(shell "$(BIN)/python" -m mtbkd.study.config_files --study $(ARGS)))
RESULTS = results/$(NAME)
# jobs and tests use the programs of the environment
IN_VENV = PATH="$$(cd "$(BIN)" && pwd):$$PATH"
# Workers take files in the order of tests/conftest.py, not those with most tests first: the longest have few.
PYTEST = $(IN_VENV) "$(BIN)/python" -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
RUN = $(IN_VENV) "$(BIN)/python" -m mtbkd run $(if $(STUDY),--study $(STUDY))

help:  ## list these targets
	@echo "usage: make TARGET [STUDY=name] [CORES=all] [EXTRAS=gpu] [ARGS=...] [MTBKD_MIRROR=folder]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: setup  ## run the study STUDY (default: as in config.yaml) and build its report; repeat to resume
	@echo "[run] study '$(NAME)' on $(CORES) cores"
	@$(RUN) --cores $(CORES) $(ARGS) || { \
	  echo; echo "[run] ERROR: the study '$(NAME)' did not finish; see the messages above for the file or the job's log." >&2; \
	  echo "[run] HINT:  'make run$(if $(STUDY), STUDY=$(STUDY))' resumes it." >&2; exit 1; }
	@if [ -e $(RESULTS)/report.html ]; then echo; echo "[run] The report: $(RESULTS)/report.html"; fi

test: export OMP_NUM_THREADS ?= 1
test: lint  ## check the code and run every test; the last lines list skipped tests with reasons
	@echo "[test] pytest"
	@$(PYTEST) $(ARGS)

FAST = tests/base tests/contracts tests/data tests/signals tests/pooling tests/posterior tests/students tests/evaluation tests/study
test-fast: export OMP_NUM_THREADS ?= 1
test-fast: lint  ## check the code and run the fast tests (minutes)
	@$(PYTEST) -m "not slow and not workflow" $(FAST) $(ARGS)

lint: setup-dev  ## check style, types and imports: ruff, snakefmt, pyright, import-linter
	@echo "[lint] ruff"
	@"$(BIN)/ruff" check --quiet . && "$(BIN)/ruff" format --quiet --check . || { \
	  echo "[lint] HINT: '$(BIN)/ruff check --fix . && $(BIN)/ruff format .' repairs most of it" >&2; exit 1; }
	@echo "[lint] snakefmt"
	@"$(BIN)/snakefmt" --check workflow || { \
	  echo "[lint] HINT: '$(BIN)/snakefmt workflow' repairs it" >&2; exit 1; }
	@echo "[lint] pyright"
	@"$(BIN)/pyright" --pythonpath "$(BIN)/python"
	@echo "[lint] import-linter"
	@"$(BIN)/lint-imports" --no-logo --no-cache

bench: setup  ## measure speed and memory
	@$(IN_VENV) "$(BIN)/python" scripts/bench.py $(ARGS)

reference: run  ## run STUDY and compare its scores with those kept in tests/reference: smoke, demo or tables
	@$(IN_VENV) "$(BIN)/python" -m mtbkd compare $(RESULTS) tests/reference/$(NAME).csv

gpu-check: setup-dev  ## compare GPU fits with the CPU, measure speed, write docs/gpu.md; ARGS="--device cpu" rehearses on the CPU
	@$(IN_VENV) "$(BIN)/python" scripts/gpu_check.py $(ARGS)

report: setup  ## after `make run`: Snakemake's own report of STUDY, a single HTML file
	@$(RUN) --report $(RESULTS)/snakemake-report.html $(ARGS) || { \
	  echo "[report] HINT: the report needs a finished study: first 'make run STUDY=$(NAME)'" >&2; exit 1; }
	@echo "[report] Snakemake's report: $(RESULTS)/snakemake-report.html"

# ARGS=linkcheck asks the addresses of other sites; MTBKD_DOCS_NOTEBOOKS=off leaves the notebooks without outputs
docs: export MTBKD_DOCS_NOTEBOOKS ?= cache
docs:  ## build the documentation in build/docs; ARGS=linkcheck asks addresses outside, too
	@scripts/setup.sh docs
	@$(IN_VENV) "$(BIN)/python" -m sphinx --builder $(or $(ARGS),html) --nitpicky --fail-on-warning --quiet --fresh-env \
	  docs build/$(if $(ARGS),$(ARGS),docs)
	@echo "[docs] $(if $(ARGS),build/$(ARGS)/output.txt,The documentation: build/docs/index.html)"

ENGINE ?= podman
VARIANT ?= cuda
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
TAG ?= mtbkd:$(VERSION)$(if $(filter cpu,$(VARIANT)),-cpu)
image:  ## build the image for pods and apptainer; VARIANT=cpu is without CUDA, ENGINE=podman, docker or buildah
	@$(ENGINE) build --file Containerfile --build-arg VARIANT=$(VARIANT) --build-arg VERSION=$(VERSION) \
	  --build-arg COMMIT=$$(git rev-parse HEAD) --tag $(TAG) .

clean:  ## remove results/ and .snakemake/, but keep the environment
	@for folder in results .snakemake; do \
	  if [ -e $$folder ]; then rm -rf $$folder && echo "[clean] removed $$folder"; else echo "[clean] no $$folder here"; fi; done

setup:  ## create the environment only
	@scripts/setup.sh $(EXTRAS)

setup-dev:
	@scripts/setup.sh dev jax $(EXTRAS)

# make bench                            the default run, its report and summary; CONFIG=config/mnist.yaml another one
# make bench CONFIG=... MIRROR=folder   take data files from a folder (or address) before the original sources
# make bench CONFIG=... PROFILE=gpu     settings of profiles/gpu in place of profiles/default; CORES=4 limits the cores
# make tune DATASET=wine METHOD=aecm_random TRIALS=50    search for parameters; TUNE="--by-labels NMI" passes options on
# make test-cluster                   the tests that start Slurm and MLflow servers: as root (docs/clusters.md)
# make paper RUN=results/default     the tables and figures of the AE-CM paper, of any run or export, into results/<its name>-paper or OUT=folder
# make test | lint | docs | smoke | ui | lock
# make test-fast                      all tests but those marked slow, and no linters: while working on something
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := bench
.PHONY: bench smoke tune paper test test-fast test-cluster lint docs ui lock install

CONFIG ?= config.yaml
CORES ?= all
PROFILE ?= default
VENV ?= .venv
# The first of these that fits makes the environment.
PYTHONS ?= python3.11 python3.12 python3.13 python3.14 python3
PY := $(VENV)/bin/python
# Whatever the locale: names of folders and labels may have any letters.
export PYTHONUTF8 := 1
# Many containers set it; each of a hundred steps would compile what it imports of ours anew.
unexport PYTHONDONTWRITEBYTECODE
ifdef MIRROR
export JCAE_DATA_MIRROR := $(MIRROR)
endif

bench: install
	$(PY) -m jcae unlock
	$(PY) -m snakemake --logger jcae --workflow-profile $(PROFILE) --cores $(CORES) --configfile $(CONFIG)
	$(PY) -m jcae summary "results/$$($(PY) -m jcae check-config --run config.yaml $(CONFIG))"

smoke:
	$(MAKE) --no-print-directory bench CONFIG=config/smoke.yaml

tune: install
	$(PY) -m jcae tune $(filter-out config.yaml,$(CONFIG)) --dataset $(DATASET) --method $(METHOD) --trials $(TRIALS) $(TUNE)

RUN ?= results/default
paper: install
	$(PY) -m jcae paper $(RUN) --out $(if $(OUT),$(OUT),results/$(notdir $(RUN:/=))-paper)

# Four for two cores, since tests that run the pipeline wait for it; files in the order in which tests/conftest.py puts them.
PYTEST := -m pytest -n 4 --dist loadfile --no-loadscope-reorder
test: install
	$(PY) $(PYTEST)
	$(MAKE) lint

test-fast: install
	$(PY) $(PYTEST) -m "not slow"

test-cluster: install
	JCAE_TEST_SLURM=1 $(PY) -m pytest tests/cluster

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check baselines docs jcae tests
	$(PY) -m snakefmt --check --line-length 120 Snakefile workflow
	$(PY) -m snakemake --lint

docs: install
	$(PY) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet --doctree-dir build/doctrees docs site
	echo "Site: site/index.html"

ui: install
	$(PY) -m jcae ui

# Versions and hashes, no index addresses: the same file serves every index and mirror.
lock:
	uv pip compile requirements.in -o requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --quiet

# The stamp holds what was installed, not when: a fresh checkout with the same lock installs nothing.
STAMP := $(VENV)/installed
install:
	if [[ -f $(STAMP) ]] && cat requirements.lock pyproject.toml | cmp -s - $(STAMP); then exit 0; fi
	uv=$$(command -v uv || true)
	if [[ ! -x $(PY) ]]; then
	  fits=
	  for python in $(PYTHONS); do
	    if "$$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2> /dev/null; then
	      fits=$$python
	      break
	    fi
	  done
	  if [[ -n $$uv ]]; then
	    uv venv --quiet --seed --python "$${fits:-3.11}" $(VENV)  # where none fits, uv fetches one
	  elif [[ -n $$fits ]]; then
	    "$$fits" -m venv $(VENV)
	  else
	    echo "Python 3.11 to 3.14 is needed, or uv, which fetches one; none of $(PYTHONS) is one." >&2
	    exit 1
	  fi
	fi
	echo "Installing the pinned packages into $(VENV): minutes, once."
	if [[ -n $$uv ]]; then
	  pip=(uv pip install --python $(PY))
	else
	  pip=($(PY) -m pip install --disable-pip-version-check)
	fi
	"$${pip[@]}" --quiet --require-hashes -r requirements.lock
	"$${pip[@]}" --quiet --no-deps --no-build-isolation -e .
	cat requirements.lock pyproject.toml > $(STAMP)

.ONESHELL:
# Recipes say what they do by themselves; with one shell per recipe make would print the whole script.
.SILENT:

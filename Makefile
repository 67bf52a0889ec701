# Everything there is to run; CI calls these targets and nothing else.
# A fresh Linux machine needs Python 3.11 (with venv), git and make, or 3.12 or 3.13 with
# glibc 2.39: the rest is set up by the first target that needs it, from the hash-pinned
# files in requirements/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The interpreter the environments are made from: make PYTHON=/path/to/python3.11 ...
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c '' 2>/dev/null && break; done; echo $$p)
# A uv from the PATH or, where there is none, our own pinned one.
UV ?= $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
# Which pins `make lock` lets go: a list of names, or all.
UPGRADE ?=

# Where `make test-debian13` keeps its root (empty: with the caches), and Debian's mirror.
DEBIAN13_ROOT ?=
DEBIAN_MIRROR ?= http://deb.debian.org/debian

# What `make image` and `make server-image` build with, from and to; IMAGE_SET=gpu adds
# CUDA's libraries, IMAGE_ARGS are further arguments of the tool.
CONTAINER_TOOL ?= docker
BASE_IMAGE ?= python:3.11-slim-bookworm
IMAGE ?= keras-transformer-pipeline:0.1.0
IMAGE_SET ?= pipeline
SERVER_IMAGE ?= keras-transformer-server:0.1.0
IMAGE_ARGS ?=

BIN := .venv/bin
READY := .venv/.installed
EDGE_READY := .venv-edge/.installed
REFERENCE_READY := .venv-reference/.installed
PYTEST := $(BIN)/python -m pytest
# mkdocs-material announces its own future at every start; this is its switch.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs
# Two processes, a file stays in one: of the CPU time they cost 5 % more, for importing
# TensorFlow twice, and each takes its half. More processes want 1.5 GB each.
WORKERS ?= 2
# TensorFlow alone is half a gigabyte: be patient with a slow line.
export UV_HTTP_TIMEOUT ?= 300
export UV_PYTHON_DOWNLOADS := never

##@ Use
.PHONY: demo setup
demo: $(READY) $(EDGE_READY) ## run, serve, ask by gRPC and REST, ask the TFLite model
	$(BIN)/python -m examples.demo --edge-python .venv-edge/bin/python

setup: $(READY) $(EDGE_READY) ## set up .venv and .venv-edge, and no more

##@ Test
.PHONY: test test-slow test-containers test-all test-debian13 reference bench bench-serving bench-train bench-adaptation accuracy goldens
test: $(READY) $(EDGE_READY) ## the default tests: CPU, no container, under ten minutes
	$(PYTEST) -n $(WORKERS) --dist loadfile

test-slow: $(READY) $(EDGE_READY) ## the slower tests that need no special hardware
	$(PYTEST) -m "slow and not (gpu or container or web or arm64)"

# Needs podman; builds both images, some minutes and 10 GB for the first time.
test-containers: $(READY) ## the tests that build and run container images
	$(PYTHON) -m scripts.containers --base $(BASE_IMAGE) --mirror $(DEBIAN_MIRROR) \
		$(PYTEST) -m container

test-all: $(READY) $(EDGE_READY) ## every test, also for a GPU, containers, browsers; what they cover
	$(PYTEST) -m "" --cov --cov-report=term --cov-report=html

# Needs root, debootstrap and a network, no environment; ARGS="--run 'make check'".
test-debian13: ## make demo and make test, on Debian 13 in a root of its own
	$(PYTHON) -m scripts.debian13 --mirror $(DEBIAN_MIRROR) \
		$(if $(DEBIAN13_ROOT),--root $(DEBIAN13_ROOT)) $(ARGS)

# Some 2 GB; the slow tests that need it skip without it.
reference: $(REFERENCE_READY) ## set up .venv-reference: PyTorch, JAX, transformers

# ARGS="--sizes small --data banking77". What `make reference` sets up is compared with.
bench-train: $(READY) ## training steps of ours, PyTorch and Keras on JAX, in turns
	$(BIN)/python -m benchmarks.training $(ARGS)

bench: $(READY) $(EDGE_READY) ## the benchmarks of the server, each side by side
	for name in latency serving swaps drain; do \
		echo "== benchmarks/$$name.py"; $(BIN)/python -m benchmarks.$$name; done

# ARGS="--model runs/velora --texts FILE.csv": your model, your texts.
bench-serving: $(READY) ## the server under load, beside the in-process limit
	$(BIN)/python -m benchmarks.serving $(ARGS)

# ARGS="--pretrained DIR --datasets banking77 --variants full,lora --seeds 1,2,3"; what
# was measured is not measured again, so stop and start it as you like. A day for all.
accuracy: $(READY) ## every way of training on every data set: table and drawings
	$(BIN)/python -m benchmarks.accuracy $(ARGS)

# ARGS="--pretrained DIR --data banking77 --seeds 1 2 3"
bench-adaptation: $(READY) ## the ways of fine-tuning, side by side
	$(BIN)/python -m benchmarks.adaptation $(ARGS)

goldens: $(READY) ## rewrite the golden files; review the difference as code
	$(PYTEST) --update-goldens -m "not (gpu or container or web or arm64)"

##@ Check
.PHONY: check lint types check-manifests check-tree check-docs check-lock format
check: lint types check-manifests check-docs check-lock ## lint, types, manifests, docs, pins

lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy over the four packages
	$(BIN)/mypy

check-manifests: $(READY) ## the Kubernetes manifests against their schemas
	$(PYTEST) tests/k8s

check-tree: $(READY) ## before you apply: TREE=k8s/overlays/production
	$(BIN)/python -m tests.support.k8s.check $(TREE)

# What warns fails: a link, an anchor, a page or a docstring that is not there.
check-docs: $(READY) ## the documentation: links, pages, references
	@site=$$(mktemp -d) && trap "rm -rf $$site" EXIT && \
	$(MKDOCS) build --strict --site-dir $$site

check-lock: $(UV) ## do the pins in requirements/ still answer pyproject.toml?
	$(PYTHON) -m scripts.lock --check --uv $(UV)

format: $(READY) ## let ruff format, and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

##@ Maintain
# With the pinned build backend of .tools; nothing is fetched once that is there.
.PHONY: wheels
wheels: .tools/bin/uv ## build the pipeline, ktp-client and ktp-edge into dist/
	.tools/bin/python -m scripts.wheels --output dist

.PHONY: docs lock k8s-config image server-image clean distclean help
docs: $(READY) ## build the documentation; look with: python3 -m http.server -d site
	$(MKDOCS) build --strict

lock: $(UV) ## write requirements/ anew; UPGRADE="name ..." or UPGRADE=all moves pins
	$(PYTHON) -m scripts.lock --uv $(UV) $(if $(UPGRADE),--upgrade $(UPGRADE))

k8s-config: $(READY) ## write what k8s/ tells the server, from serving/launch/presets.py
	$(BIN)/python -m scripts.k8s_config

# $(1): target in the Dockerfile, $(2): set of requirements, $(3): name.
build_image = $(CONTAINER_TOOL) build --target $(1) --tag $(3) \
	--build-arg BASE=$(BASE_IMAGE) --build-arg SET=$(2) $(IMAGE_ARGS) .

image: ## build the image of pipeline steps and command line; IMAGE_SET=gpu for GPUs
	$(call build_image,pipeline,$(IMAGE_SET),$(IMAGE))

server-image: ## build the embedded server's image; CONTAINER_TOOL=podman
	$(call build_image,server,server,$(SERVER_IMAGE))

clean: ## remove caches and builds; keep environments and runs
	rm -rf dist build site .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -not -path './.*' -prune -exec rm -rf {} +

distclean: clean ## also remove the environments
	rm -rf .venv .venv-edge .venv-reference .tools

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Set-up. A stamp is as new as the last install; it is redone when a pin changes.
# $(1): environment, $(2): set of requirements.
define install
	@echo "Setting up $(1) with the pinned set '$(2)' ..."
	@closure=$$($(PYTHON) scripts/closure.py) && \
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(1) && \
	$(UV) pip sync --python $(1)/bin/python --require-hashes \
		--build-constraints requirements/tools.txt requirements/$(2)-$$closure.txt && \
	$(UV) pip install --quiet --python $(1)/bin/python --no-deps \
		--build-constraints requirements/tools.txt --editable . && \
	touch $(1)/.installed
endef

REFERENCE := requirements/reference.txt
PINS := $(filter-out $(REFERENCE),$(wildcard requirements/*.txt)) pyproject.toml

$(READY): $(PINS) | $(UV)
	$(call install,.venv,dev)

$(EDGE_READY): $(PINS) | $(UV)
	$(call install,.venv-edge,edge)

# With pip, which takes a CPU build of torch where its own settings offer one.
$(REFERENCE_READY): $(REFERENCE)
	$(PYTHON) -m venv --clear .venv-reference
	.venv-reference/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.tools/bin/uv: requirements/tools.txt
	$(PYTHON) -m venv --clear .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --only-binary :all: --require-hashes -r $<
	touch $@

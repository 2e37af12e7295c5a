# What a person types. Every target sets up what it needs, in its own virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL = $(PIP) install --constraint constraints.txt

# On cores that other work shares, OpenMP threads that spin while they wait starve each other:
# ten times slower was seen. Sleeping costs an idle machine a quarter.
demo quick test soak bench: export OMP_WAIT_POLICY = PASSIVE
# Every worker imports every test: without compiled files, that is a third of `make quick`.
quick test soak: export PYTHONDONTWRITEBYTECODE =

.PHONY: demo quick test soak check bench docs pictures clean
.DEFAULT_GOAL := demo

# The main job: a text, a picture and a recording, answered on this machine.
demo: $(VENV)/demo.stamp
	@$(BIN)/fmsdk models get demo-text demo-vision demo-audio
	@$(BIN)/python examples/demo.py

# Two workers a core, since most tests wait. Torch shares what cores there are.
PYTEST = $(BIN)/python -m pytest -q --numprocesses $(WORKERS)
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(2 * (os.cpu_count() or 1), 16))')

# The fast tier: what neither takes long nor needs weights.
quick: $(VENV)/dev.stamp
	$(PYTEST) -m fast

test: $(VENV)/dev.stamp
	@$(BIN)/fmsdk models get demo-text demo-vision demo-audio
	$(PYTEST)

# Everything at its full size: thousands of calls, every schedule, many generated examples.
soak: $(VENV)/dev.stamp
	@$(BIN)/fmsdk models get demo-text demo-vision demo-audio
	FMSDK_SOAK=1 $(PYTEST) --timeout 1200

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/check_names.py

bench: $(VENV)/dev.stamp
	@$(BIN)/fmsdk models get demo-text demo-vision demo-audio
	$(BIN)/python -m benchmarks

# The pages that are generated: public names and options, by the docstrings; what each provider
# carries, by asking.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m scripts.write_api_page
	$(BIN)/python -m tests.matrix.render

# The pictures of the README, from real output. Needs Debian's chromium.
pictures: $(VENV)/dev.stamp
	@$(BIN)/fmsdk models get demo-vision
	$(BIN)/python -m scripts.write_pictures

$(VENV)/demo.stamp: pyproject.toml constraints.txt
	@echo "Setting up $(VENV): the first time takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[all]'
	@touch $@

# `--group` came with pip 25.1. What users type works with the pip that their Python brings.
$(VENV)/dev.stamp: $(VENV)/demo.stamp requirements-data.txt
	@$(PIP) install 'pip>=25.1'
	@$(INSTALL) --group dev
	@$(PIP) install --no-deps --requirement requirements-data.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist .ruff_cache .hypothesis

# Everything a fresh clone needs: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: demo test faults test-processors lint types format docs clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

demo: $(READY)
	$(BIN)/impossible demo --output demo

test: $(READY)
	$(BIN)/python -m pytest -n auto

# Faults of every kind on every stage: `make faults MINUTES=25 SEED=0`; it goes on where it was stopped.
MINUTES ?= 25
SEED ?= 0
faults: $(READY)
	$(BIN)/python -m tests.faults --output faults --minutes $(MINUTES) --seed $(SEED)

PROCESSORS ?= all
test-processors: $(READY)
	.ci/processors $(PROCESSORS)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)
	$(BIN)/python docs/generated.py build/docs
	$(BIN)/python -m zensical build --strict --clean

clean:
	rm -rf $(VENV) demo build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

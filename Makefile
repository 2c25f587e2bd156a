# Everything here works on a fresh machine: each target first makes .venv with the exact versions of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo demo-toy test test-slow lint bench-toy bench-network bench-recipes bench-studies wheels clean

demo: $(INSTALLED)
	$(BIN)/asc run nn_training --model gpt2-nano --steps 600

demo-toy: $(INSTALLED)
	$(BIN)/python examples/tour.py

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench-toy: $(INSTALLED)
	$(BIN)/python benchmarks/toy.py

bench-network: $(INSTALLED)
	$(BIN)/python benchmarks/network.py

bench-recipes: $(INSTALLED)
	$(BIN)/python benchmarks/recipes.py

bench-studies: $(INSTALLED)
	$(BIN)/python benchmarks/studies.py
	$(BIN)/python benchmarks/findings.py

wheels: $(INSTALLED)
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . ./backends/toy ./backends/nn_training

clean:
	rm -rf $(VENV) dist build *.egg-info backends/*/build backends/*/*.egg-info

$(INSTALLED): pyproject.toml backends/toy/pyproject.toml backends/nn_training/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -e 'backends/toy[dask]' -e 'backends/nn_training[plots,tensorboard]'
	touch $@

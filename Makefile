# make shakespeare   train on Shakespeare and print text from the model
# make test          run the tests that protect a user, in minutes; make test-thorough runs all there are
# Both first make .venv with the package in it. PYTHON=python3.12 make … uses another interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# make bench: the figures of the README; TORCH=… names an interpreter that has PyTorch.
.PHONY: shakespeare test test-thorough test-lowest bench docs lint format clean
.DEFAULT_GOAL := test

$(VENV)/installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@

shakespeare: $(VENV)/installed
	$(BIN)/keras-charrnn train recipes/shakespeare.yaml

test: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST)

# All of `make test` and what is marked as thorough, with many more examples.
test-thorough:
	$(MAKE) test PYTEST='-m ""'

# The oldest releases that setup.cfg allows, in an environment of their own.
test-lowest:
	$(MAKE) test VENV=.venv-lowest PIP_CONSTRAINT=$(CURDIR)/tests/lowest.txt

bench: $(VENV)/installed
	for name in training generation; do $(BIN)/python benchmarks/$$name.py $(if $(TORCH),--torch $(TORCH)); done
	for name in linear startup memory encoding; do $(BIN)/python benchmarks/$$name.py; done

# The pages in docs/ as a site in build/docs, the tables of recipes.md anew.
docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	$(BIN)/python docs/recipe_keys.py
	$(BIN)/mkdocs build --strict

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-lowest build *.egg-info

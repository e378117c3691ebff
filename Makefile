# make run · make test · make ci · make bench · make long; the rest serves these.
PY := .venv/bin/python
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: setup run test lint types contract tests ci bench coverage long hazards trace lock demo-lunch clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	python3 -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Dusangire needs Python 3.11 or newer.")'
	test -x $(PY) || python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

run: setup
	$(BIN)/dusangire serve

test: setup
	./.ci/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long" --junitxml=.dusangire/results.xml tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests bench migrations
	$(BIN)/hadolint Dockerfile

types: setup
	$(BIN)/mypy

contract: setup
	$(BIN)/lint-imports

ci: lint types contract test hazards trace

# Another seed each time, printed by every test; DUSANGIRE_SEED=<number> draws the same choices again.
long: export DUSANGIRE_SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
long: setup
	./.ci/browser
	$(BIN)/python -m pytest -s -m long tests

# Lines and branches of the safety core that the tests of rules, orders and safety reach.
CORE := */diets/rules/verdict.py,*/diets/rules/allergy.py,*/diets/rules/texture.py,*/diets/rules/holds.py,*/diets/rules/items.py,*/diets/rules/orders.py,*/diets/rules/conflicts.py,*/diets/rules/sums.py,*/diets/rules/limits.py,*/diets/rules/overrides.py,*/diets/rules/facts.py,*/orders/service/judging.py,*/orders/service/moving.py,*/orders/service/holding.py
coverage: setup
	$(PY) -m coverage run --branch --data-file=.dusangire/coverage --include='$(CORE)' -m pytest -m "not long" tests/diets tests/orders tests/delivery tests/safety
	$(PY) -m coverage report --data-file=.dusangire/coverage --show-missing

bench: setup
	$(PY) -m bench

# Of the run that `make test` left behind.
hazards: setup
	$(PY) -m tests.hazards --check

trace: setup
	$(PY) -m tests.trace --check

demo-lunch: setup
	$(BIN)/dusangire demo-lunch

lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .dusangire

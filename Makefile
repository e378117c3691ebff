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
	$(MAKE) coverage

# Every line and branch of the safety core is reached by the tests of rules, orders and safety, or this fails. Tracing
# costs two thirds more of processor time and upsets the tests that hold a clock, so it is no part of `make test`.
RULES := verdict allergy texture holds items orders conflicts sums limits overrides facts
STEPS := judging moving holding
comma := ,
empty :=
CORE := $(subst $(empty) $(empty),$(comma),$(RULES:%=*/diets/rules/%.py) $(STEPS:%=*/orders/service/%.py))
coverage: setup
	$(PY) -m coverage run --branch --data-file=.dusangire/coverage --include='$(CORE)' -m pytest -m "not long" -k "not quick" tests/diets tests/orders tests/delivery
	$(PY) -m coverage report --data-file=.dusangire/coverage --show-missing --fail-under=100

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

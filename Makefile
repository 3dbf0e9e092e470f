# Two commands do everything: `make run` and `make test`. Both set up, or repair, the environment first.
PYTHON ?= python3
VENV   := .venv
TOOLKIT := .venv-toolkit
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
UV     := VIRTUAL_ENV="$(CURDIR)/$(VENV)" "$(CURDIR)/$(BIN)/uv"
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup run test test-image check lint soak bench lock clean

help:  ## show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP)  ## make or repair the environment in .venv
	@$(BIN)/python -c "import pipelines, sagemaker.core, xgboost, pandas, sklearn, boto3, pytest, moto" 2>/dev/null || \
	  { echo "the environment is damaged: making it anew"; rm -rf $(VENV); $(MAKE) --no-print-directory $(STAMP); }

$(STAMP): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; got $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.11"; exit 2; }
	@[ -x $(BIN)/python ] && $(BIN)/python -c "import sys" 2>/dev/null && [ -x $(BIN)/pip ] || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: setup  ## run the hotel-bookings pipeline locally, on sample data made here
	@[ -f examples/hotel-bookings/data/hotel_bookings.csv ] || $(BIN)/sagewright sample hotel-bookings --data-only --directory examples/hotel-bookings
	@$(BIN)/sagewright run examples/hotel-bookings/pipeline.yaml

# Tests start interpreters by the hundred; where the shell says that none may leave its bytecode, each would compile every library anew.
test test-image check: export PYTHONDONTWRITEBYTECODE :=

test: setup test-image $(TOOLKIT)/.ready  ## run every test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# The jobs once more with the versions that the XGBoost image has: pandas 2.2, where .venv has the newest.
IMAGE := .venv-image
test-image: setup $(IMAGE)/.ready
	@$(IMAGE)/bin/python -m pytest -n $(WORKERS) --dist worksteal tests/unit/jobs

$(IMAGE)/.ready: requirements-image.lock
	@rm -rf $(IMAGE)
	@$(PYTHON) -m venv --without-pip $(IMAGE)
	@VIRTUAL_ENV="$(CURDIR)/$(IMAGE)" "$(CURDIR)/$(BIN)/uv" pip sync --quiet --require-hashes requirements-image.lock
	@touch $@

# The sagemaker-training toolkit, which tests compare script mode with. Its source is unpacked; gethostname is a part in C that only MPI uses.
$(TOOLKIT)/.ready: requirements-toolkit.lock requirements-toolkit-source.txt $(STAMP)
	@rm -rf $(TOOLKIT)
	@$(PYTHON) -m venv --without-pip $(TOOLKIT)
	@VIRTUAL_ENV="$(CURDIR)/$(TOOLKIT)" "$(CURDIR)/$(BIN)/uv" pip sync --quiet --require-hashes requirements-toolkit.lock
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation --require-hashes \
	  -r requirements-toolkit-source.txt --dest $(TOOLKIT)/source
	@tar -xzf $(TOOLKIT)/source/*.tar.gz --strip-components=1 -C $(TOOLKIT)/source
	@touch $(TOOLKIT)/source/src/gethostname.py $@

check: setup lint  ## the quick loop: linters and fast tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" tests/unit

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy

soak: setup  ## kill tests and long runs, outside CI
	@$(BIN)/python benchmarks/kill_soak.py
	@$(BIN)/python benchmarks/serving_soak.py

bench: setup  ## measure both sides of every claim of speed, outside CI
	@for program in benchmarks/run_vs_floor.py benchmarks/prepare.py benchmarks/apply_one_row.py benchmarks/tuning.py benchmarks/batch.py benchmarks/load_rate.py benchmarks/serving.py benchmarks/bias.py; do $(BIN)/python $$program || exit 1; done

lock: setup  ## write requirements.lock anew from requirements.in
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --override overrides.txt --excludes excludes.txt requirements.in --output-file requirements.lock
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --override overrides.txt --excludes excludes.txt requirements-image.in --output-file requirements-image.lock
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  requirements-toolkit.in --output-file requirements-toolkit.lock

clean:  ## remove the environment, local runs and everything generated
	@rm -rf $(VENV) $(IMAGE) $(TOOLKIT) .sagewright .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info examples/*/data
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

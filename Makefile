# Two commands do all: `make audit` looks at this machine, `make test` runs every test.
INVENTORY ?= inventories/localhost.yml
BIN := .venv/bin
PACKAGE := ansible_collections.lifeboat.oom.plugins

.PHONY: audit test lint types unit browser lab proof clean

audit:
	@tools/setup run
	@$(BIN)/ansible-playbook -i $(INVENTORY) lifeboat.oom.audit $(ARGS)

test: lint types unit browser lab

lint:
	@tools/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --offline --profile production
	$(BIN)/antsibull-changelog lint
	$(BIN)/python tools/document --check
	shellcheck plugins/plugin_utils/_bare/collect.sh roles/oom_monitor/files/sample.sh tools/setup .ci/run tests/lab/lab

types:
	@tools/setup test
	$(BIN)/mypy -p $(PACKAGE)
	MYPYPATH=collections:tests:benchmarks $(BIN)/mypy -p lab -p browser

unit:
	@tools/setup test
	$(BIN)/pytest --numprocesses 2 tests/unit

browser:
	@tools/setup test
	$(BIN)/pytest tests/browser

lab:
	@tools/setup test
	$(BIN)/pytest --numprocesses 2 --dist loadfile tests/precedence tests/lab

proof:
	@tools/setup test
	PYTHONPATH=tests $(BIN)/python -m lab.proof

clean:
	rm -rf .venv .lab oom-report

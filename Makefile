# The two commands are `make up` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mirage.accel
REPORT := /var/lib/mirage-accel/report/verify.txt
# Extra arguments for ansible-playbook, e.g. make up ARGS='-e gpu_mock_profile=gb200 -e gpu_mock_count=4'
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: preflight ## Mock GPUs on this host, a real Kubernetes that serves them, and a table that proves it
	@venv=$$(tools/venv.sh run); \
	PATH="$$venv/bin:$$PATH" ansible-playbook playbooks/site.yml $(ARGS); \
	cat $(REPORT)

.PHONY: down
down: ## Take everything off again (distribution packages and the cache stay)
	@venv=$$(tools/venv.sh run); \
	PATH="$$venv/bin:$$PATH" ansible-playbook playbooks/teardown.yml $(ARGS)

.PHONY: verify
verify: ## Check again what `make up` made
	@venv=$$(tools/venv.sh run); \
	PATH="$$venv/bin:$$PATH" ansible-playbook playbooks/verify.yml $(ARGS); \
	cat $(REPORT)

.PHONY: test
test: preflight ## Run every test; ends with one line "N passed, N failed"
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/run.py $(ARGS)

.PHONY: bench
bench: preflight ## Measure the library against a bare C function; prints JSON
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/bench/bench.py $(ARGS)

.PHONY: lock
lock: ## Pin requirements/*.in again, with hashes (needs the command uv)
	@for set in run test; do \
		uv pip compile --quiet --upgrade --generate-hashes --no-header --python-version 3.11 --python-platform linux \
			requirements/$$set.in --output-file requirements/$$set.txt; \
	done

.PHONY: venv-path
venv-path: ## Print the virtual environment's folder, making it first where it is missing
	@tools/venv.sh test

.PHONY: clean
clean: ## Remove what was built inside the checkout
	$(MAKE) -C native clean

.PHONY: preflight
preflight:
	@tools/preflight.sh

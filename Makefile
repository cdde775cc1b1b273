# The two commands are `make up` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

REPORT := /var/lib/mirage-accel/report/verify.txt
# Extra arguments for ansible-playbook, e.g. make up ARGS='-e gpu_mock_profile=gb200 -e gpu_mock_count=4'
ARGS ?=

play = venv=$$(tools/venv.sh run) && rm -f $(REPORT) && PATH="$$venv/bin:$$PATH" ansible-playbook playbooks/$(1).yml $(ARGS)
# The play that verifies has written it, unless other tags were asked for.
show = if [ -e $(REPORT) ]; then cat $(REPORT); fi

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: preflight ## Mock GPUs on this host, a real Kubernetes that serves them, and a table that proves it
	@status=0; $(call play,site) || status=$$?; $(show); exit $$status

.PHONY: down
down: ## Take everything off again (distribution packages and the cache stay)
	@$(call play,teardown)

.PHONY: verify
verify: ## Check again what `make up` made
	@status=0; $(call play,verify) || status=$$?; $(show); exit $$status

.PHONY: test
test: preflight ## Run every test; ends with one line "N passed, N failed"
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/run.py $(ARGS)

.PHONY: bench
bench: preflight ## Measure the library, the modules for DRA, the DRA driver and the kernel module; prints JSON
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/bench/bench.py $(ARGS)

.PHONY: fuzz
fuzz: ## Fuzz the profile parser, sequences of NVML calls and the device page: 20 minutes each (FUZZ_SECONDS=)
	$(MAKE) -C native/nvml fuzz

.PHONY: mutation
mutation: ## Break _dra/ in every small way and count how often the unit tests notice (half an hour)
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/mutation/run.py $(ARGS)

.PHONY: soak
soak: preflight ## Use the kernel module for an hour in guests, one with a debug kernel; prints JSON
	@venv=$$(tools/venv.sh test); \
	PATH="$$venv/bin:$$PATH" "$$venv/bin/python" tests/kernel/soak/run.py $(ARGS)

.PHONY: lock
lock: ## Pin requirements/*.in and the DRA driver's again, with hashes (needs the command uv)
	@for set in requirements/run requirements/test requirements/mutation roles/dra_driver/files/requirements; do \
		uv pip compile --quiet --upgrade --generate-hashes --no-header --python-version 3.11 --python-platform linux \
			$$set.in --output-file $$set.txt; \
	done

.PHONY: stubs
stubs: ## Write the DRA driver's stubs anew from its .proto files
	@venv=$$(tools/venv.sh test); "$$venv/bin/python" tools/dra_stubs.py

.PHONY: venv-path
venv-path: ## Print the virtual environment's folder, making it first where it is missing
	@tools/venv.sh test

.PHONY: clean
clean: ## Remove what was built inside the checkout
	$(MAKE) -C native clean
	rm -rf build/mutation

.PHONY: preflight
preflight:
	@tools/preflight.sh

# The commands of this project. They need Python >= 3.11 with venv, and make; everything else is
# installed into $(VENV). Without a C compiler the legs of the kernel are skipped, with a line
# that says so; with CI=true that is a failure.

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
LEG := $(PY) tests/packaging/leg.py
KERNEL_LEG := $(LEG) --kernel

# What every change is tried with, and what CI runs besides.
FAST_LEGS := lint types stubtest contracts-check fast
LEGS := $(FAST_LEGS) test-reference slow-kernel slow-reference bench-check sdist no-compiler \
	portable sanitize pure-wheel wheel theorems

# One process per core, each with a PostgreSQL server of its own. Of the fast tests a file stays in
# one process, so that what its tests share is made once.
PYTEST := $(PY) -m pytest -q -n auto
BY_FILE := $(PYTEST) --dist loadfile
TESTS := tests specs
# What does not depend on the backend runs with the kernel.
EITHER := not database and not once
FAST_REFERENCE = env QFS_BACKEND=reference $(BY_FILE) -m "not slow and $(EITHER)" $(TESTS)
# Known once the environment is there.
HAS_KERNEL = $(filter yes,$(firstword $(file < $(VENV)/kernel.facts)))

# A leg means what it says, whatever is set in the shell that calls make.
unexport QFS_BACKEND QFS_ISA QFS_NO_KERNEL QFS_PORTABLE QFS_REQUIRE_KERNEL QFS_SANITIZE
unexport QFS_THREADS PYTHONPATH PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests also run from outside the checkout, where a relative path would lead elsewhere.
export QFS_TEST_DATA := $(abspath $(or $(QFS_TEST_DATA),../shared/data))

.DEFAULT_GOAL := help
.PHONY: help demo docs test test-all prove fuzz contracts build bench bench-log clean sanitize-all \
	$(LEGS)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=$(PYTHON) makes the environment VENV=$(VENV), which everything runs in."
	@echo "  A leg of the tests that passed runs again when a file changed, or with FORCE=1."

demo: $(VENV)/cli.stamp ## close an epoch of a made-up network, with evidence and report
	rm -rf build/demo
	$(VENV)/bin/qfs demo --out build/demo
	@echo
	@echo "qfs lies in $(VENV)/bin: . $(VENV)/bin/activate"

test: $(FAST_LEGS) ## the fast layers: lint, types, proofs up to date, tests with both backends
	@$(LEG) --summary $(FAST_LEGS)

test-all: $(LEGS) ## everything that CI runs: each leg below
	@$(LEG) --summary $(LEGS)

prove: $(VENV)/dev.stamp ## run what specs/REPORT.md is about: proofs, samples, planted bugs; 200 crashes
	QFS_BACKEND=kernel QFS_CRASH_ROUNDS=200 $(PYTEST) tests/ledger/test_crash_close.py
	$(PY) specs/planted $(if $(FORCE),--all)
	$(PY) specs/gate $(if $(FORCE),--all)

fuzz: $(VENV)/dev.stamp ## fuzz the entry points, SECONDS of each (60)
	$(PY) specs/fuzz --seconds $(or $(SECONDS),60)

build: $(VENV)/dev.stamp ## the development environment; the kernel is rebuilt if it changed

lint: $(VENV)/dev.stamp ## leg: ruff, rules and layout
	@$(LEG) $@ "ruff finds nothing in any Python file, and its layout is that of ruff format" \
		sh -c '$(PY) -m ruff format --check . && $(PY) -m ruff check .'

types: $(VENV)/dev.stamp ## leg: mypy --strict
	@$(LEG) $@ "mypy --strict finds nothing in qfs and qfs_kernel" $(PY) -m mypy

stubtest: $(VENV)/dev.stamp ## leg: the stubs against the compiled kernel
	@$(KERNEL_LEG) $@ "the .pyi files say what the compiled modules have" \
		$(PY) -m mypy.stubtest qfs_kernel --allowlist tests/stubtest_allowlist.txt

contracts-check: $(VENV)/dev.stamp ## leg: the rows of the proofs against the sources
	@$(LEG) $@ "no proof in specs/REPORT.md is missing or older than what it speaks of" \
		$(PY) specs/gate --check

fast: $(VENV)/dev.stamp ## leg: the fast tests, of both backends
	@$(LEG) $@ "the tests but the slow ones, of both backends; of the reference without a compiler" \
		$(if $(HAS_KERNEL),$(BY_FILE) -m "not slow" $(TESTS),$(FAST_REFERENCE))

test-reference: $(VENV)/dev.stamp ## leg: the tests in pure Python
	@$(LEG) $@ "the tests of what the backend computes but the slow ones, in pure Python" \
		$(FAST_REFERENCE)

slow-kernel: $(VENV)/dev.stamp ## leg: the slow tests with the kernel
	@$(KERNEL_LEG) $@ "crashes, full disks, whole networks and provers, with the kernel" \
		env QFS_BACKEND=kernel $(PYTEST) -m slow

slow-reference: $(VENV)/dev.stamp ## leg: the slow tests in pure Python
	@$(LEG) $@ "the slow tests of what the backend computes, in pure Python" \
		env QFS_BACKEND=reference $(PYTEST) -m "slow and $(EITHER)" $(TESTS)

bench-check: $(VENV)/dev.stamp ## leg: the fast paths are taken
	@$(KERNEL_LEG) $@ "no fast path is lost, by ratios within one run; each benchmark runs once" \
		sh -c '$(VENV)/bin/qfs bench --check --rounds 5 && QFS_BACKEND=kernel $(PYTEST) benchmarks'

sdist: $(VENV)/dev.stamp ## leg: the source distribution
	@$(LEG) $@ "the source distribution is complete" $(PY) tests/packaging/sdist.py

no-compiler: sdist ## leg: an install where nothing can compile
	@$(LEG) $@ "without a compiler the install succeeds and falls back, saying so" \
		$(PY) tests/packaging/no_compiler.py

portable: sdist ## leg: the kernel without the compiler's 128-bit integers
	@$(KERNEL_LEG) $@ "the kernel without 128-bit integers of the compiler passes its tests" \
		$(PY) tests/packaging/portable.py

sanitize: $(VENV)/dev.stamp ## leg: the kernel and its steps under sanitizers
	@$(KERNEL_LEG) $@ "no test makes the kernel leave its memory or do what C leaves undefined" \
		$(PY) tests/packaging/sanitized.py

sanitize-all: $(VENV)/dev.stamp ## the same with every test of the kernel, slow ones too
	$(PY) tests/packaging/sanitized.py all

pure-wheel: sdist ## leg: the wheel without a kernel
	@$(LEG) $@ "the wheel of QFS_NO_KERNEL=1 fits every platform and works" \
		$(PY) tests/packaging/wheel.py pure

wheel: sdist ## leg: the wheel with the kernel, tested outside the checkout
	@$(KERNEL_LEG) $@ "the wheel has the right files and passes the tests outside the checkout" \
		$(PY) tests/packaging/wheel.py kernel

contracts: $(VENV)/dev.stamp ## the proofs alone, of what changed; all of them with FORCE=1
	$(PY) specs/gate --layers contract,model,lemma $(if $(FORCE),--all)

theorems: $(VENV)/dev.stamp ## leg: the theorems in Coq
	@$(LEG) $@ "Coq accepts every proof of specs/proofs, and none rests on an axiom" \
		$(PY) specs/gate/theorems.py

bench: $(VENV)/bench.stamp ## measure, with every peer, into docs/performance.md
	$(PY) benchmarks/run.py

bench-log: $(VENV)/dev.stamp ## measure the log in its databases
	QFS_BACKEND=kernel $(PY) -m pytest benchmarks --benchmark-enable --benchmark-only

docs: $(VENV)/dev.stamp ## write docs/STATE_GAP_MATRIX.md again
	$(PY) tests/specs/make_matrix.py

clean: ## remove everything that make and the tests wrote
	rm -rf $(VENV) build dist *.egg-info .benchmarks .hypothesis .mypy_cache .ruff_cache
	rm -f qfs_kernel/*.so
	find qfs qfs_kernel tests specs benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The stamps of the environment. An extra is added to the package that is already installed, so
# that the kernel is compiled once. Where the build tools are there already, they are used.

$(PY):
	$(PYTHON) -m venv $(VENV)

# Looked at every time, written only where the kernel must be built again: its sources changed,
# its modules are gone, or there is a compiler now.
$(VENV)/kernel.facts: ALWAYS | $(PY)
	@$(PY) tests/packaging/compiler.py $@
.PHONY: ALWAYS

$(VENV)/kernel.stamp: $(VENV)/kernel.facts
	@echo "Installing the checkout into $(VENV); can the kernel be compiled: $$(head -n 1 $<)"
	rm -f qfs_kernel/*$$($(PY) -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
	QFS_REQUIRE_KERNEL=$$(grep -cx yes $<) $(PY) -m pip install -q --no-deps -e . \
		$(if $(wildcard $(VENV)/dev.stamp),--no-build-isolation)
	@touch $@

$(VENV)/cli.stamp: $(VENV)/kernel.stamp
	$(PY) -m pip install -q 'qfs[cli]'
	@touch $@

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(PY) -m pip install -q 'qfs[bench]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/kernel.stamp
	$(PY) -m pip install -q 'qfs[dev]'
	@touch $@

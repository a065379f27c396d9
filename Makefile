# `make help` is the manual. Every target sets up what it needs (deploy/setup.sh).
.DEFAULT_GOAL := help
.PHONY: help demo unit test sweeps coverage check format e2e incidents explore accuracy predictions bench bench-record bench-overhead bench-replay bench-why bench-fleet determinism kill-sweep fuzz soak neo4j docs picture fixtures wheel wheel-check image lock sbom clean setup-unit setup-demo setup-test setup-image setup-release
PY := .venv/bin/python
PYTEST := .venv/bin/pytest
# Workers and the programs that tests start share compiled modules, also where the environment forbids to write them.
COMPILED := PYTHONDONTWRITEBYTECODE=
# `make test` has three workers, also on two cores: one often waits for a program that its test has started.

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup-unit:
	@deploy/setup.sh unit

setup-demo:
	@deploy/setup.sh demo

setup-test:
	@deploy/setup.sh test

setup-image:
	@deploy/setup.sh image

setup-release:
	@deploy/setup.sh release

demo: setup-demo ## Record a real incident on this machine, explain it and write demo/report.html
	@$(PY) fixtures/lab/demo.py

unit: setup-unit ## The tests that need no root, kernel, Java or browser; also on macOS; in about four minutes
	@$(COMPILED) $(PYTEST) --unit -q -n auto --dist loadgroup

test: setup-test ## Run all tests, and of laws with many cases a share
	@$(COMPILED) $(PYTEST) -n 3 --dist loadgroup

sweeps: setup-test ## Run the cases of long laws of which `make test` runs a share
	@$(COMPILED) $(PYTEST) -n 3 --dist loadgroup --sweeps

coverage: setup-test ## Run all tests, traced, and print the line and branch coverage (the gate is 90 %)
	@$(PY) -m coverage erase
	@$(COMPILED) $(PYTEST) -n 3 --dist loadgroup --cov --cov-report=term --cov-fail-under=90

explore: setup-test ## Look for new counterexamples: every property test with new random examples
	@$(PYTEST) -n 2 -m hypothesis --hypothesis-profile=explore

check: setup-test ## Check formatting, lint (Python, shell, C), types, layers and lock files
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) deploy/write_lock.py --check
	@git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror

format: setup-test ## Format the code and apply the safe fixes
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

e2e: setup-test ## Record and explain an incident in a real cluster (KUBECONFIG, or ../shared/cluster)
	@$(PY) fixtures/lab/e2e.py

incidents: setup-test ## Record live incidents on a real cluster (SEED=1 COUNT=20 KINDS='quota-*'), for `make accuracy`
	@$(PY) fixtures/live/incidents.py --seed $(or $(SEED),1) $(if $(COUNT),--count $(COUNT)) $(if $(KINDS),--kinds '$(KINDS)')

accuracy: setup-test ## Measure how often the analyzer is right on every set of recordings; writes docs/accuracy.md
	@$(PY) fixtures/accuracy/measure.py -o docs/accuracy.md

predictions: setup-test ## Make captures from seeds, measure how often predictions are right; writes docs/prediction.md
	@$(PY) fixtures/prediction/measure.py

canaries: setup-test ## Plant 10,000 values in 50 captures, anonymize them, and count the values that are left
	@$(PY) fixtures/canaries/measure.py

bench: bench-record bench-overhead bench-replay bench-why bench-fleet ## Run all benchmarks; every figure is min / median / max of five runs

bench-record: setup-test ## Compare the recorder with `perf record` at 10,000, 165,000 and 1,000,000 events/s
	@$(PY) tests/bench/bench_record.py

bench-overhead: setup-test ## Measure how much more CPU time programs of the node need while a recorder runs
	@$(PY) tests/bench/bench_overhead.py

bench-replay: setup-test ## Measure time and memory of `tapio analyze` for 1, 10 and 36 million events
	@$(PY) tests/bench/bench_replay.py

bench-why: setup-test ## Measure CPU of `tapio why` and `tapio analyze` for 250 kB and for 1 million events
	@$(PY) tests/bench/bench_why.py

bench-fleet: setup-test ## Measure time, memory and bytes of `tapio corpus` for 40 captures, with one worker and with two
	@$(PY) tests/bench/bench_fleet.py

determinism: setup-test ## Analyze every fixture with eleven interpreters and compare the bytes
	@$(PY) tests/golden/determinism_sweep.py

kill-sweep: setup-test ## Kill the recorder 200 times under load; no acknowledged event may be lost
	@$(PY) tests/robustness/kill_sweep.py --kills 200

fuzz: setup-test ## Mutate real captures for ten minutes (SEED=1 MINUTES=10) and read each; nothing may crash, hang or fail unexpectedly
	@$(PY) tests/robustness/fuzz_captures.py --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

soak: setup-test ## Measure memory and CPU of the recorder with all sources, five times for ten minutes
	@$(PY) tests/bench/soak.py --minutes 10

neo4j: setup-test ## Start a real Neo4j on loopback, in the foreground
	@$(PY) fixtures/lab/neo4j/server.py

docs: setup-test ## Generate docs/reference.md, docs/sources.md, docs/man and the schemas from the code
	@$(PY) tests/docs/reference.py
	@$(PY) tests/docs/man_pages.py
	@$(PY) tests/docs/schemas.py

picture: setup-test ## Take the picture of the page in README.md anew (Chromium)
	@$(PY) tests/docs/page_picture.py

fixtures: setup-test ## Record the incidents of fixtures/incidents anew
	@$(PY) fixtures/lab/record_all.py

wheel: setup-test ## Build the source distribution and the wheel into dist/ (offline, reproducible)
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PY) -m build --no-isolation --outdir dist >/dev/null
	@ls dist/*

wheel-check: wheel ## Install the wheel into a fresh environment outside the checkout and run its commands
	@$(PY) deploy/wheel_check.py dist/*.whl

image: setup-image wheel ## Build the container images with buildah, also as archives in build/image (TARGET=recorder: only this one)
	@$(PY) deploy/build_image.py $(if $(TARGET),--target $(TARGET))

lock: setup-release ## Write deploy/lock/*.txt from pyproject.toml (UPGRADE=1: newest versions)
	@$(PY) deploy/write_lock.py $(if $(UPGRADE),--upgrade)

sbom: setup-release ## Write the bill of materials of the analyzer's lock file, dist/tapio.cdx.json (CycloneDX)
	@mkdir -p dist
	@.venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o dist/tapio.cdx.json deploy/lock/analyzer.txt

clean: ## Remove files of builds and demos (not .venv)
	@rm -rf demo build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

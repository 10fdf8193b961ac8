# Every target sets up what it needs; a second run reuses it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A person sees the installer's own progress; a build log stays short.
QUIET := $(shell test -t 2 || echo --quiet)
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(QUIET) -c constraints.txt
# Several times as fast as pip, which it falls back to.
INSTALL := $(BIN)/python .ci/install.py $(QUIET) -c constraints.txt
DEMO := .demo
# Several processes share the tests; each loads the model libraries, so that memory sets a bound too.
# One more than there are cores: some tests wait for a process or a clock.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PYTEST = HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal
export HF_HUB_DISABLE_TELEMETRY := 1
# Container images often forbid compiled modules on disk: every child process of a test would compile its own.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo prior test test-fast lint types imports unit audit fuzz bench bench-ann bench-cluster bench-desk bench-duplicates bench-encode bench-gtin bench-judge bench-kill bench-kill-mixed bench-ledger bench-ledger-kill bench-lexical bench-match bench-messy bench-proxies bench-proxy-workspace bench-retrain bench-rows bench-scale bench-serve bench-serve-soak bench-ssh clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-17s %s\n", $$1, $$2}'

demo: $(VENV)/all ## the demo workspace, then the desk; without a terminal, the whole loop unattended
	@HF_HUB_OFFLINE=1 $(BIN)/samesku --home $(DEMO) demo

# Two at a time, since each check is a single process.
test: $(VENV)/dev ## lint, types, import contracts, tests
	@$(MAKE) --no-print-directory --jobs 2 types lint imports $(VENV)/bytecode
	@$(MAKE) --no-print-directory unit

lint: $(VENV)/dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/dev
	@$(BIN)/mypy

imports: $(VENV)/dev
	@$(BIN)/lint-imports

audit: $(VENV)/dev ## unsafe code (bandit), and known vulnerabilities of what is installed (pip-audit)
	@$(BIN)/python -m bandit --quiet --recursive --configfile pyproject.toml labels core tui
	@$(BIN)/python -m tests.bench.dependency_audit

unit: $(VENV)/dev ## the tests alone, on all cores; WORKERS=0: in one process, as a debugger needs it
	@$(PYTEST)

test-fast: $(VENV)/dev ## the tests without processes, desks, models, commands and pictures: a minute, while one works
	@$(PYTEST) -m "not slow"

bench: $(VENV)/all ## the README's table, on ../shared/data/walmart_amazon or DATA=folder
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.walmart_amazon $(DATA)

prior: $(VENV)/all ## fit the matcher's weights before any label, core/matching/data/prior.json, to generated catalogues
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.prior

bench-match: $(VENV)/all ## the matcher's speed, against plain Python, on the same data; no encoder needed
	@$(BIN)/python -m tests.bench.match $(DATA)

bench-proxies: $(VENV)/all ## the matcher on altered forms of that data and on generated offers; half an hour; ARGS="--seeds 1 --only offers"
	@$(BIN)/python -m tests.bench.proxies $(DATA) $(ARGS)

bench-proxy-workspace: $(VENV)/all ## the whole loop with titles only: a simulated campaign, pairs; ARGS="--retrain" adds a retrain
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.proxy_workspace $(DATA) $(ARGS)

bench-judge: $(VENV)/dev ## a judge's speed: batches, prompt cache; WORKSPACE=one with a judge: whether the desk waits for it
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.judge
	@$(if $(WORKSPACE),HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.judge_desk --home $(WORKSPACE))

bench-gtin: $(VENV)/all ## what GTINs are worth on the demo: with and without, before and after labels
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.gtin

bench-duplicates: $(VENV)/all ## duplicates within one catalogue: among the ten, and told apart, before and after labels
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.duplicates

bench-desk: $(VENV)/dev ## the desk's speed, bytes, memory and keys per query; WORKSPACE=an indexed one, DATA=its four files
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.desk $(if $(WORKSPACE),--home $(WORKSPACE)) $(if $(DATA),--data $(DATA))

bench-encode: $(VENV)/all ## how fast the catalogue is encoded in 8 bits, against torch, and what it costs
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.encode $(DATA)

bench-ann: $(VENV)/all ## the kinds of dense index on COUNT vectors (a million): recall, latency, memory; WORKSPACE=an indexed one
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.ann --count $(or $(COUNT),1000000) $(if $(WORKSPACE),--home $(WORKSPACE)) $(if $(FOLDER),--folder $(FOLDER))

bench-lexical: $(VENV)/all ## the lexical index on up to a million products: latency, recall, memory; COUNTS=200000,1000000; no encoder needed
	@$(BIN)/python -m tests.bench.lexical $(if $(DATA),--data $(DATA)) $(if $(COUNTS),--counts $(COUNTS))

bench-cluster: $(VENV)/all ## a million synthetic listings in groups: seconds, memory; then the groups of three demo catalogues
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.cluster --listings $(or $(COUNT),1000000) --quality

bench-rows: $(VENV)/dev ## whether two candidates of a query look the same in the desk's list; WORKSPACE=an indexed one, else the demo's
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.list_rows $(if $(WORKSPACE),--home $(WORKSPACE))

bench-messy: $(VENV)/all ## two messy catalogues: what the import keeps, hits and bands before any label
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.messy_catalogs

bench-retrain: $(VENV)/all ## how long a retrain takes, and its training against the plain trainer; half an hour
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.retrain $(DATA)

bench-scale: $(VENV)/all ## index runs: after a change against a full one, then of PRODUCTS and QUERIES, killed twice; no encoder needed
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.scale $(DATA)
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.million $(if $(DATA),--data $(DATA)) --products $(or $(PRODUCTS),1000000) --queries $(or $(QUERIES),100000) $(if $(FOLDER),--home $(FOLDER))

bench-serve: $(VENV)/all ## the HTTP service: requests/s, latencies, batching against none; on the demo or WORKSPACE=an indexed one
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.serve $(if $(WORKSPACE),--home $(WORKSPACE))

bench-serve-soak: $(VENV)/dev ## REQUESTS (10,000) by 16 clients through two promotions and an index run; none may fail
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.serve_soak --requests $(or $(REQUESTS),10000)

bench-ssh: $(VENV)/dev ## two accounts over a real SSH server, cut in the middle of decisions; needs root and sshd
	@$(BIN)/python -m tests.bench.ssh_desk --rounds $(or $(ROUNDS),20)

bench-kill: $(VENV)/dev ## kill the desk at ROUNDS random moments; nothing that was decided is lost
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.kill_desk --rounds $(or $(ROUNDS),100)

bench-ledger: $(VENV)/dev ## twenty writers on one labels.db, then a million events; nothing lost, doubled or slow
	@$(BIN)/python -m tests.bench.ledger
	@$(BIN)/python -m tests.bench.ledger_size

bench-ledger-kill: $(VENV)/dev ## kill what acts on the ledger at ROUNDS random moments; nothing that was done is lost
	@$(BIN)/python -m tests.bench.kill_ledger --rounds $(or $(ROUNDS),500)

bench-kill-mixed: $(VENV)/dev ## kill desks, imports, merges, backups and restores that act at once, ROUNDS times in all
	@$(BIN)/python -m tests.bench.kill_mixed --kills $(or $(ROUNDS),500)

.PHONY: docs reference recording lock
docs: $(VENV)/dev ## the documentation site, into site/; warnings are errors
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo "site/index.html"

reference: $(VENV)/dev ## the reference of commands, settings and keys in docs/reference, from the program
	@$(BIN)/python -m docs.scripts.reference

recording: $(VENV)/dev ## the desk's picture and recording in docs/assets, from a session on the demo
	@HF_HUB_OFFLINE=1 $(BIN)/python -m docs.scripts.recording

# Packages of the CUDA build of torch are left out: the CPU build needs none, and the other pins its own.
lock: | $(BIN)/python ## pin every package of all extras in requirements.lock, for Linux and macOS
	@$(PIP) uv
	@$(BIN)/uv pip compile pyproject.toml --extra all --extra dev --constraint constraints.txt --universal \
	    --python-version 3.11 --no-annotate --quiet --upgrade --custom-compile-command "make lock" \
	    $(foreach p,cublas cuda-cupti cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx,--no-emit-package nvidia-$(p)) \
	    $(foreach p,cuda-bindings cuda-pathfinder cuda-toolkit triton,--no-emit-package $(p)) \
	    --output-file requirements.lock

fuzz: $(VENV)/dev ## damage the files of a workspace, CASES times, and see what every verb and desk makes of it
	@HF_HUB_OFFLINE=1 $(BIN)/python -m tests.bench.fuzz_workspace --cases $(or $(CASES),1000) --seed $(or $(SEED),7)

clean: ## remove the environment and the demo workspace
	rm -rf $(VENV) $(DEMO)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "samesku needs Python 3.11 or newer: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing samesku and its model libraries into $(VENV) (a few minutes, once) …"
	@$(INSTALL) --compile -e '.[all]'
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing samesku, its model libraries and the test tools into $(VENV) (a few minutes, once) …"
	@$(INSTALL) --no-compile -e '.[all,dev]'
	@touch $@ $(VENV)/all

# Otherwise each process of the tests would compile what it imports; an installer would compile all, most of it for nothing.
$(VENV)/bytecode: $(VENV)/dev
	@$(BIN)/python -W ignore -c 'import torch, sentence_transformers.sentence_transformer.trainer, peft, mlx_lm' || true
	@HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --collect-only --quiet --quiet >/dev/null 2>&1 || true  # the tests say what is wrong
	@touch $@

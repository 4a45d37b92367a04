GO      ?= go
BIN     := bin/train
ARGS    ?=

# What cgo links and the tools it needs, as Debian and Ubuntu name them.
PACKAGES    := gcc g++ pkg-config coinor-libclp-dev
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: train deps build test lint fmt ptx bench results clean

# The main job. Settings: make train ARGS="--seed 3 --steps 50_000"
train: build
	$(BIN) $(ARGS)

# Installs what is missing and nothing else.
deps:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or later is needed: https://go.dev/dl" >&2; exit 1; }
	@have() { command -v gcc && command -v g++ && command -v pkg-config && pkg-config --exists clp; }; \
	if have >/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "missing: a C++ compiler, pkg-config, and CLP with its headers ($(PACKAGES) on Debian)" >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; command -v sudo >/dev/null || { \
		echo "missing packages; as root: apt-get install $(PACKAGES)" >&2; exit 1; }; fi; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) && have >/dev/null

build: deps
	$(GO) build -o $(BIN) ./cmd/train

test: deps lint
	$(GO) test -race -timeout 14m ./...

lint: deps
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted" >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fmt:
	gofmt -w .

# The PTX of the kernels from their sources, by the compiler of a PyPI wheel.
ptx:
	$(GO) run ./kernels/internal/genptx

# Speed of every stage; make bench ARGS=--json for scripts.
bench: build
	$(BIN) bench $(ARGS)

# Trains every benchmark over 5 seeds, with the paper's settings and tuned ones and
# with one change at a time, and writes docs/experiments and the README's table.
results: deps
	$(GO) run ./cmd/experiments learning --ablate portfolio synthetic compute
	$(GO) run ./cmd/experiments debias
	$(GO) run ./cmd/experiments readme README.md

clean:
	rm -rf bin

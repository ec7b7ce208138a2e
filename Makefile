# portwatch: make alone shows what there is.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ARGS    ?=
GO      ?= go
export CGO_ENABLED = 0

BINARY  := bin/portwatch
LDFLAGS := -s -w -X main.version=$(VERSION)
CACHE   := .cache
# The unit tests: everything but the suites that run on other kernels.
UNIT    := ./cmd/... ./internal/...

.PHONY: help run build test unit lint live matrix systemd container bpf check-bpf bench image clean

help: ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build portwatch and run it (as root): make run ARGS="--output json"
	@./$(BINARY) run $(ARGS)

build: ## build bin/portwatch: static, no C compiler needed
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/portwatch

test: ## run everything; on Debian and Ubuntu it installs what it lacks
	@test/lab/setup vm arm64 bpf container
	@$(MAKE) --no-print-directory build lint check-bpf unit matrix systemd container

unit: ## the tests of the packages, on this machine
	@$(GO) test $(UNIT)

lint: ## vet, staticcheck and the import rules
	@test/lint

matrix: ## the behavioural suite on this kernel and on Debian 6.1 and 6.12
	@test/matrix

live: ## the behavioural suite on this kernel alone
	@test/matrix native

systemd: build ## the acceptance of the systemd unit, in a virtual machine
	@$(GO) test -tags vm -c -o $(CACHE)/systemd.test ./test/systemd
	@test/lab/vmrun -f $(BINARY) -f deploy/systemd/portwatch.service 6.12 $(CACHE)/systemd.test -test.v

container: ## build the image and run it with podman
	@test/container/run

bpf: ## make the BPF object anew (clang 19)
	@test/lab/setup bpf
	@cd internal/probe && $(GO) generate ./...

check-bpf: ## the committed BPF object is what its source gives
	@test/check-bpf

bench: build ## measure, beside a bare ring-buffer reader
	@$(GO) test -run '^$$' -bench . -benchtime 1s ./internal/...
	@$(GO) test -tags bench -c -o $(CACHE)/bench.test ./test/bench && $(CACHE)/bench.test -test.v -test.timeout 600s

image: ## build the container image with docker or podman
	@if command -v docker >/dev/null; then docker build --build-arg VERSION=$(VERSION) -t portwatch .; \
	else podman build --build-arg VERSION=$(VERSION) -t portwatch .; fi

clean: ## remove what was built
	@rm -rf bin $(CACHE)/*.test

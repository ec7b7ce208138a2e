# portwatch: make alone shows what there is.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      ?= go
export CGO_ENABLED = 0

BINARY  := bin/portwatch
LDFLAGS := -s -w -X main.version=$(VERSION)
# The packages with unit tests; the suites in test/ need a kernel each.
UNIT    := ./cmd/... ./internal/...
# What run passes on, which runs matrix makes, and on which kernel systemd boots.
ARGS    ?=
RUNS    ?=
KERNEL  ?= 6.12

.PHONY: help run build test unit race lint live matrix lockdown systemd container bpf check-bpf fuzz bench image clean

help: ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build portwatch and run it (as root): make run ARGS="--output json"
	@./$(BINARY) run $(ARGS)

build: ## build bin/portwatch: static, no C compiler needed
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/portwatch

test: ## run everything; on Debian and Ubuntu it installs what it lacks
	@test/lab/setup vm arm64 bpf container lint race
	@$(MAKE) --no-print-directory --keep-going build unit race lint check-bpf matrix lockdown systemd container

unit: ## the tests of the packages, on this machine
	@$(GO) test $(UNIT)

race: ## the same under the race detector (needs gcc)
	@test/lab/setup race
	@CGO_ENABLED=1 $(GO) test -race $(UNIT)

lint: ## vet, staticcheck, the import rules, the scripts
	@test/lint

live: ## the behavioural suite on this kernel alone
	@test/matrix native

matrix: ## the same on Debian's kernels as well: make matrix RUNS="native sid-auto"
	@test/lab/setup vm arm64
	@test/matrix $(RUNS)

lockdown: build ## what a kernel in lockdown allows, in a virtual machine
	@test/lockdown

systemd: build ## the acceptance of the unit, in a virtual machine with systemd
	@test/lab/setup vm
	@PORTWATCH_VM_TIMEOUT=400 $(GO) test -tags vm -v -count=1 -timeout 380s ./test/systemd -exec "'$(CURDIR)/test/lab/vmrun' \
		-b ../systemd/before-boot -f '$(CURDIR)/$(BINARY)' -f '$(CURDIR)/deploy/systemd/portwatch.service' $(KERNEL)"

container: ## build the image as the Dockerfile says and run it with podman
	@test/lab/setup container
	@test/container/run

bpf: ## make the BPF object anew (clang 19)
	@test/lab/setup bpf
	@cd internal/probe && $(GO) generate ./...

check-bpf: ## the committed BPF object is what its source gives
	@test/lab/setup bpf
	@test/check-bpf

fuzz: ## a minute of fuzzing for each fuzz test
	@test/fuzz 60s

bench: build ## measure, beside a bare ring-buffer reader
	@$(GO) test -run '^$$' -bench . -benchtime 1s ./internal/...
	@mkdir -p .cache && $(GO) test -tags bench -c -o .cache/bench.test ./test/bench && .cache/bench.test -test.v -test.timeout 600s

image: ## build the container image with docker or podman
	@if command -v docker >/dev/null; then docker build --build-arg VERSION=$(VERSION) -t portwatch .; \
	else podman build --build-arg VERSION=$(VERSION) -t portwatch .; fi

clean: ## remove what was built; rm -r .cache removes what was downloaded
	@rm -rf bin .cache/*.test

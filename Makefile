# What a person types. `make demo` and `make test` need a Rust toolchain and a C compiler, nothing else.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
BIN := target/release
CASES ?= 1000000
PROGRAMS := $(basename $(notdir $(wildcard crates/dl-cli/src/bin/dl-*.rs)))

.PHONY: help build demo demo-transfer test test-docs test-arm test-slow fuzz lint gen check models bench bench-peers install uninstall

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

build: ## Build every program in release
	@cargo build --release --locked --workspace

demo: build ## Find traffic signs in the shipped pictures, draw them, print mAP
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo.sh out/demo

demo-transfer: build ## Learn ten new signs from a few pictures, with and without the shipped backbone
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo-transfer.sh out/demo-transfer

test: ## Run every quick test
	@cargo test --release --locked --workspace

test-docs: build ## Run the commands of README, docs and --help in bash, zsh and fish
	@testdata/test-docs.sh $(BIN)

test-arm: ## Run the tests of the kernels for 64-bit ARM in QEMU (see docs/add-a-kernel.md)
	@CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
	  cargo test --release --locked --target aarch64-unknown-linux-gnu --target-dir target/arm \
	  -p dl-kernels -p dl-ops --lib --tests

test-slow: ## Run the tests that are too slow for every day
	@cargo test --release --locked --workspace -- --ignored --test-threads 1

fuzz: build ## Feed hostile input to every reader: CASES=1000000, on stable (see fuzz/README.md)
	@$(BIN)/fuzz --cases $(CASES)

lint: ## Check format and lints, warnings denied
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings

gen: build ## Write man pages, completions and the record's schema
	@$(BIN)/xtask gen

check: build ## Fail when a generated file is stale
	@$(BIN)/xtask check

models: build ## Train the shipped models anew, from pictures to SVMs
	@PATH="$$PWD/$(BIN):$$PATH" testdata/models/make.sh

bench-peers: build ## Measure the programs beside their peers (makes a Python venv in bench/.venv)
	@bench/run.sh

install: build ## Install programs, man pages, completions and models below PREFIX
	@install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/man/man5" \
	  "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" \
	  "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d" "$(DESTDIR)$(PREFIX)/share/dl-tools/models"
	@install -m 755 $(addprefix $(BIN)/,$(PROGRAMS)) "$(DESTDIR)$(PREFIX)/bin"
	@install -m 644 man/man1/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1"
	@install -m 644 man/man5/*.5 "$(DESTDIR)$(PREFIX)/share/man/man5"
	@install -m 644 completions/bash/* "$(DESTDIR)$(PREFIX)/share/bash-completion/completions"
	@install -m 644 completions/zsh/* "$(DESTDIR)$(PREFIX)/share/zsh/site-functions"
	@install -m 644 completions/fish/* "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	@install -m 644 testdata/models/*.safetensors "$(DESTDIR)$(PREFIX)/share/dl-tools/models"
	@echo "Installed $(words $(PROGRAMS)) programs in $(DESTDIR)$(PREFIX)/bin"

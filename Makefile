# Commands for people. `make demo` and `make test` need only a Rust toolchain and a C compiler.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
BIN := target/release
CASES ?= 1000000
PROGRAMS := $(basename $(notdir $(wildcard crates/dl-cli/src/bin/dl-*.rs)))
SHARE = $(DESTDIR)$(PREFIX)/share
# Folders of files to install, and their places below share.
DATA := man/man1=man/man1 man/man5=man/man5 man/man7=man/man7 \
  completions/bash=bash-completion/completions completions/zsh=zsh/site-functions \
  completions/fish=fish/vendor_completions.d testdata/models=dl-tools/models
data_files = $(filter-out %.sh,$(wildcard $(1)/*))

.PHONY: help build demo demo-detectors demo-gan demo-methods demo-transfer test test-docs test-arm test-slow fuzz lint gen check models bench-peers install uninstall

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# candle-transformers takes five minutes of processor time to build.
install test test-slow lint: FEATURES := --features dl-cli/transformers

build: ## Build all programs
	@cargo build --release --locked --workspace --exclude dl-fuzz $(FEATURES)

demo: build ## Find traffic signs in the included images, draw them, print mAP
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo.sh out/demo

demo-transfer: build ## Train on a few images of ten new signs, with and without the included backbone
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo-transfer.sh out/demo-transfer

demo-detectors: build ## Train and compare all kinds of detectors on drawn traffic signs (about 40 minutes)
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo-detectors.sh out/demo-detectors

demo-gan: build ## Draw a sheet of signs with the included generator, print the Frechet distance
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo-gan.sh out/demo-gan

demo-methods: build ## Compare methods of transfer between domains on drawn signs
	@PATH="$$PWD/$(BIN):$$PATH" testdata/demo-methods.sh out/demo-methods

test: ## Run every quick test
	@cargo test --release --locked --workspace $(FEATURES)

test-docs: build ## Run the commands of README, docs and --help in bash, zsh and fish
	@testdata/test-docs.sh $(BIN)

test-arm: ## Run the tests of the kernels for 64-bit ARM in QEMU (see docs/add-a-kernel.md)
	@CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu" \
	  cargo test --release --locked --target aarch64-unknown-linux-gnu --target-dir target/arm \
	  -p dl-kernels -p dl-ops --lib --tests

test-slow: ## Run the slow tests
	@cargo test --release --locked --workspace $(FEATURES) -- --ignored --test-threads 1

fuzz: ## Feed hostile input to all readers, CASES=1000000 (see fuzz/README.md)
	@cargo run --release --locked --package dl-fuzz --bin fuzz -- --cases $(CASES)

lint: ## Check formatting and lints; warnings are errors
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --all-targets $(FEATURES) -- -D warnings

gen: build ## Write the man pages, the completions and the schema of records
	@$(BIN)/xtask gen

check: build ## Fail if a generated file is stale
	@$(BIN)/xtask check

models: build ## Train the included models from scratch
	@PATH="$$PWD/$(BIN):$$PATH" testdata/models/make.sh

bench-peers: build ## Benchmark the programs against their peers (makes a Python venv in bench/.venv)
	@bench/run.sh

install: build ## Install programs, man pages, completions and models below PREFIX (default: /usr/local)
	@install -d "$(DESTDIR)$(PREFIX)/bin" $(foreach pair,$(DATA),"$(SHARE)/$(lastword $(subst =, ,$(pair)))")
	@install -m 755 $(addprefix $(BIN)/,$(PROGRAMS)) "$(DESTDIR)$(PREFIX)/bin"
	@$(foreach pair,$(DATA),install -m 644 $(call data_files,$(firstword $(subst =, ,$(pair)))) \
	  "$(SHARE)/$(lastword $(subst =, ,$(pair)))";)
	@echo "Installed $(words $(PROGRAMS)) programs in $(DESTDIR)$(PREFIX)/bin"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "Add it to PATH: export PATH=\"$(PREFIX)/bin:\$$PATH\"" ;; esac

uninstall: ## Remove the files that make install installed below PREFIX
	@rm -f $(foreach program,$(PROGRAMS),"$(DESTDIR)$(PREFIX)/bin/$(program)") \
	  $(foreach pair,$(DATA),$(foreach file,$(notdir $(call data_files,$(firstword $(subst =, ,$(pair))))),\
	    "$(SHARE)/$(lastword $(subst =, ,$(pair)))/$(file)"))
	@for folder in "$(SHARE)/dl-tools/models" "$(SHARE)/dl-tools"; do rmdir "$$folder" 2> /dev/null || true; done
	@echo "Removed dl-tools from $(DESTDIR)$(PREFIX)"

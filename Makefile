# The words for everyday work; `make` alone lists them. Each is a line that can be typed as well.

ARCHITECTURE ?= arm64
FUNCTION ?= chat-completions

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the whole service on loopback
	cargo run --locked

test: ## every test
	cargo test --locked --workspace

check: ## all that must hold before a change lands
	.ci/run

build: ## packages for AWS, their sizes and what is in them; ARCHITECTURE=x86_64 for the other processor
	ARCHITECTURE=$(ARCHITECTURE) .ci/run package

invoke: ## one function under AWS's emulator; FUNCTION=models, EVENT=infra/events/models.json
	@cargo build --locked --workspace --quiet && .ci/run sam_tools >&2
	@python3 tests/emulator/run.py --show $(FUNCTION) $(if $(EVENT),--event $(EVENT))

deploy: build ## build, then deploy to AWS; asks what it needs to know
	.ci/tools/sam/bin/sam deploy --guided --parameter-overrides Architecture=$(ARCHITECTURE)

bench: ## how functions start and answer, of what was built for this machine's processor
	cargo bench --locked --workspace --bench start --profile dev -- --json target/bench-start.json

shards: ## requests a second by shards, where an item takes only so many writes
	cargo bench --locked --workspace --bench shards --profile dev

.PHONY: help run test check build invoke deploy bench shards

# The words for everyday work; `make` alone lists them. Each is a line that can be typed as well.

ARCHITECTURE ?= arm64
FUNCTION ?= chat-completions

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

models: ## the facts of models anew; FILE=the JSON of a newer table, on disk
	infra/models.py $(FILE)

bench: bench-start bench-sides ## how functions start and answer, and Lanyard beside a proxy that does nothing

bench-start: ## each function's start and answers, of what `make build` made for this machine's processor
	cargo bench --locked --workspace --bench start --profile dev -- --json target/bench-start.json $(ARGS)

bench-emulator: ## the same under AWS's emulator, with its checks
	@cargo build --locked --workspace --quiet && .ci/run sam_tools >&2
	python3 tests/emulator/run.py --binaries target/lambda $(ARGS)

bench-sides: ## seven minutes: processor time, added time, frames held back; ARGS=--quick for less than one
	cargo bench --locked --workspace --bench service -- sides $(ARGS)

bench-load: ## 18 minutes: a crowd, refusals, a greedy attendee, retries, chaos; ARGS=crowd for one of them
	@.ci/run clients_openai >&2
	cargo bench --locked --workspace --bench service -- load $(ARGS)

bench-growth: ## five minutes and 10 GB of memory: what a request costs as attendees, events and records become many
	cargo bench --locked --workspace --bench service -- growth $(ARGS)

bench-shards: ## requests a second by shards, where an item takes only so many writes
	cargo bench --locked --workspace --bench shards --profile dev -- $(ARGS)

.PHONY: help run test check build invoke deploy models
.PHONY: bench bench-start bench-emulator bench-sides bench-load bench-growth bench-shards

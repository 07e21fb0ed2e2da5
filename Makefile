# Common tasks. `make` lists them; each is a command that can be typed as well.

ARCHITECTURE ?= arm64
FUNCTION ?= chat-completions

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the complete service on loopback
	cargo run --locked

generate: ## what repeats the table of functions, after a change of infra/functions
	cargo run --locked --package xtask -- generate

pages: ## the bundles of the pages, after a change of functions/pages/web
	@.ci/run page_packages >&2
	node functions/pages/build.mjs

test: ## every test
	cargo test --locked --workspace

check: ## everything that must pass before a change lands
	.ci/run

build: ## packages for AWS with sizes and contents; ARCHITECTURE=x86_64 for the other processor
	ARCHITECTURE=$(ARCHITECTURE) .ci/run package

invoke: ## one function under AWS's emulator; FUNCTION=models, EVENT=infra/events/models.json
	@cargo build --locked --workspace --quiet && .ci/run sam_tools >&2
	@python3 tests/emulator/run.py --show $(FUNCTION) $(if $(EVENT),--event $(EVENT))

release: build ## one archive for `lanyard deploy`, in dist
	infra/release.py $(ARCHITECTURE)

deploy: release ## build, then deploy to AWS; ARGS="--region eu-north-1"
	cargo run --locked --package lanyard-cli -- deploy --packages dist/lanyard-$$(infra/release.py --version)-packages-$(ARCHITECTURE).tar.gz $(ARGS)

moto: ## an imitation of AWS on loopback, to try `lanyard deploy`
	@.ci/run moto_tools >&2
	.ci/tools/moto/bin/python tests/template/serve.py

models: ## the facts of models anew; FILE=the JSON of a newer table, on disk
	infra/models.py $(FILE)

bench: bench-start bench-sides ## start and response times, and Lanyard beside a proxy that does nothing

bench-start: ## start and response times of the packages that `make build` made for this processor
	cargo bench --locked --workspace --bench start --profile dev -- --json target/bench-start.json $(ARGS)

bench-emulator: ## the same under AWS's emulator, with its checks
	@cargo build --locked --workspace --quiet && .ci/run sam_tools >&2
	python3 tests/emulator/run.py --binaries target/lambda $(ARGS)

bench-sides: ## seven minutes: processor time, added latency, delayed frames; ARGS=--quick for less than one
	cargo bench --locked --workspace --bench service -- sides $(ARGS)

bench-local: ## one minute: chats per second of the service of `make run`, its engine included
	cargo bench --locked --workspace --bench service -- local $(ARGS)

bench-load: ## 18 minutes: 1,000 attendees, refusals, a greedy attendee, retries, faults; ARGS=streams for one of them, ARGS=soak for an hour
	@.ci/run clients_openai >&2
	cargo bench --locked --workspace --bench service -- load $(ARGS)

bench-growth: ## five minutes, 10 GB of memory: the cost of a request with many attendees, events and records
	cargo bench --locked --workspace --bench service -- growth $(ARGS)

bench-shards: ## requests per second by number of shards, with a write limit per item
	cargo bench --locked --workspace --bench shards --profile dev -- $(ARGS)

.PHONY: help run generate pages test check build release invoke deploy models
.PHONY: bench bench-start bench-emulator bench-sides bench-local bench-load bench-growth bench-shards

# The two commands: `make demo` and `make test`. Each does all of its set-up.

CONFIG := examples/company/lorekeeper.toml
COMPANY := examples/company/generated
DATA := lorekeeper-data
CARGO_TARGET_DIR ?= target
PROGRAM := $(CARGO_TARGET_DIR)/release/lorekeeper
LOREKEEPER := $(PROGRAM) --config $(CONFIG) --data-dir $(DATA)

.PHONY: demo demo-model test check-loki setup build company eval bench lint clean

## The sample company in a terminal chat; a question a line where standard input is no terminal.
demo: build company
	@$(LOREKEEPER) ingest
	@$(LOREKEEPER) chat

## The decoder at work: a model of random weights, so what it writes means nothing. It shows that a
## folder loads, that requests run together with and without an adapter, and that a schema is kept.
demo-model: build
	@echo 'random weights: the words mean nothing; the speed, the adapter and the kept schema are real'
	@printf '%s\n' \
	  '{"id":"a sentence","prompt":"Customers may return","max_tokens":24}' \
	  '{"id":"a plan","prompt":"Customers may return","max_tokens":64,"schema":{"type":"object","properties":{"intent":{"enum":["knowledge","live"]},"top":{"type":"integer","minimum":1,"maximum":9}},"required":["intent","top"],"additionalProperties":false}}' \
	  | $(PROGRAM) generate --model tests/fixtures/models/llama-lora --adapter tests/fixtures/adapters/north --lines

## Every test, with a throw-away PostgreSQL, another with pgvector, and a throw-away MariaDB.
test: setup company
	@deploy/setup/pgvector.sh .setup
	tests/with-postgres tests/with-mariadb tests/with-pgvector deploy/setup/run-tests.sh

## Logs over a server with Loki's interface that was not written here; wants npm and curl.
check-loki:
	tests/peers/check-loki.sh

setup:
	@deploy/setup/packages.sh
	@deploy/setup/models.sh .setup

build: setup
	cargo build --release --locked

company:
	@python3 examples/company/generate.py --out $(COMPANY)

## The gold questions on the sample company.
eval: build company
	@$(LOREKEEPER) ingest
	@$(LOREKEEPER) eval

lint:
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

clean:
	rm -rf $(DATA) $(COMPANY)

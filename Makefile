# What developers type. `make test` is what decides whether a change lands (with format and lints: .ci/run).

.PHONY: demo test lint bench

demo:
	cargo run --release -- demo

# On SQLite and on a private PostgreSQL that is thrown away.
test:
	scripts/with-postgres.sh cargo test --workspace --locked

lint:
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Figures in ratios, everything in one run; needs a quiet machine and about ten minutes.
bench:
	cargo build --release -p tollgate-sim
	target/release/bench

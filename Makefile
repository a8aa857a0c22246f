# What developers type. `make test` is what decides whether a change lands (with format and lints: .ci/run).

.PHONY: demo test lint bench bench-core crash

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

# What judging a request costs without IO: nanoseconds, instructions (needs valgrind), memory of a customer.
bench-core:
	cargo bench -p tollgate-core --bench decide
	cargo build --release -p tollgate-core --examples
	target/release/examples/memory
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*serve_anybody*' \
		target/release/examples/instructions 10000

# A thousand kills of the real binary under load, and an audit after each; about twenty minutes.
crash:
	cargo build --release -p tollgate -p tollgate-sim
	target/release/crash --binary target/release/tollgate --kills 1000

#!/bin/sh
# Runs the tests with cargo-nextest where it is installed, else with cargo.
set -eu
if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked --no-fail-fast "$@"
fi
exec cargo test --locked --no-fail-fast "$@"

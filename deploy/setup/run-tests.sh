#!/bin/sh
# Runs the tests with cargo-nextest where it is installed, else with cargo.
# What this machine can't run is left out, and named with the reason.
set -eu

skipped=
skip() { # skip PART-OF-A-NAME REASON
    echo "skipped: $1 ($2)"
    skipped="$skipped $1"
}

unshare --mount --map-root-user sh -c 'mount -t tmpfs tmpfs /mnt' >/dev/null 2>&1 ||
    skip full_disk_delays_a_question_and_loses_none 'this machine lets nobody mount a disk of their own'
[ -n "${LOREKEEPER_TEST_MARIADB:-}" ] ||
    skip tools::mariadb:: 'there is no MariaDB; tests/with-mariadb starts one where it is installed'
[ -n "${LOREKEEPER_TEST_PGVECTOR:-}" ] ||
    skip on_pgvector 'there is no PostgreSQL with pgvector; deploy/setup/pgvector.sh fetches one, tests/with-pgvector starts it'

command -v tesseract >/dev/null 2>&1 && command -v pdftoppm >/dev/null 2>&1 ||
    skip knowledge::ocr:: 'tesseract-ocr and poppler-utils are not installed'

echo "skipped: tools::logs_measured (wants data that is not ours: see benches/README.md, Logs)"
echo "skipped: tools::logs_peer (wants a server with Loki's interface: make check-loki)"

if command -v cargo-nextest >/dev/null 2>&1; then
    # One expression: nextest runs what any of several admits.
    rest='all()'
    for name in $skipped; do
        rest="$rest and not test($name)"
    done
    exec cargo nextest run --locked --no-fail-fast -E "$rest" "$@"
fi
set -- "$@" --
for name in $skipped; do
    set -- "$@" --skip "$name"
done
exec cargo test --locked --no-fail-fast "$@"

#!/bin/sh
# Runs the tests with cargo-nextest where it is installed, else with cargo.
# What this machine can't run is left out, and named with the reason.
set -eu

full_disk=full_disk_delays_a_question_and_loses_none
skipped=
if ! unshare --mount --map-root-user sh -c 'mount -t tmpfs tmpfs /mnt' >/dev/null 2>&1; then
    echo "skipped: $full_disk (this machine lets nobody mount a disk of their own)"
    skipped=$full_disk
fi

echo "skipped: tools::logs_measured (wants data that is not ours: see benches/README.md, Logs)"
echo "skipped: tools::logs_peer (wants a server with Loki's interface: make check-loki)"

if command -v cargo-nextest >/dev/null 2>&1; then
    exec cargo nextest run --locked --no-fail-fast ${skipped:+-E "not test($skipped)"} "$@"
fi
exec cargo test --locked --no-fail-fast "$@" -- ${skipped:+--skip "$skipped"}

#!/bin/sh
# Compares the tools over a real server that speaks Loki's interface with those
# over the same lines in files. The server is qryn on ClickHouse's embedded
# engine, both from package registries, in a folder of their own.
# usage: tests/peers/check-loki.sh [FOLDER]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-.setup/qryn}
clickhouse=${CHECK_LOKI_CLICKHOUSE_PORT:-18123}
loki=${CHECK_LOKI_PORT:-13100}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ ! -d "$folder/node_modules/qryn" ]; then
    npm install --prefix "$folder" --no-audit --no-fund --no-save qryn@3.2.39
fi
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet chdb==4.4.0
fi

"$folder/venv/bin/python" "$here/clickhouse_shim.py" "$clickhouse" 2>"$folder/clickhouse.log" &
engine=$!
(
    cd "$folder/node_modules/qryn"
    HOST=127.0.0.1 PORT=$loki CLICKHOUSE_SERVER=127.0.0.1 CLICKHOUSE_PORT=$clickhouse \
        CLICKHOUSE_AUTH=default: CLICKHOUSE_DB=loki exec node qryn_node.js >"$folder/qryn.log" 2>&1
) &
server=$!
trap 'kill "$server" "$engine" 2>/dev/null || true' EXIT INT TERM

tries=0
until curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$loki/loki/api/v1/labels"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
        echo "qryn does not answer; see $folder/qryn.log" >&2
        exit 1
    fi
    sleep 1
done

LOREKEEPER_TEST_LOKI=http://127.0.0.1:$loki cargo test --locked --test lorekeeper -- \
    --ignored --exact tools::logs_peer::server_and_files_say_the_same

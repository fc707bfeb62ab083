#!/bin/sh
# Installs the system packages that building and testing need, if one is
# missing. Debian or Ubuntu; elsewhere it names what to install.
set -eu

say() { printf '%s\n' "setup: $*" >&2; }

missing=''
need() { # need COMMAND-OR-FILE PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || missing="$missing $2"
}

need cc build-essential
need clang clang
need pkg-config pkg-config
need python3 python3
python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
# clang's library, which reads the C headers of PostgreSQL's parser.
ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* >/dev/null 2>&1 || missing="$missing libclang-dev"
# Tests run against a real PostgreSQL and a real MariaDB.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
mariadbd=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mariadbd || true)
[ -n "$mariadbd" ] || missing="$missing mariadb-server"

if ! command -v cargo >/dev/null 2>&1; then
    say "cargo is missing"
    say "remedy: install Rust 1.95 or newer with rustup"
    exit 1
fi

[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    say "these packages are missing:$missing"
    say "remedy: install them with your system's package manager"
    exit 1
fi
say "installing:$missing"
sudo=''
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
    say "remedy: as root, apt-get install$missing"
    exit 1
fi
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
# shellcheck disable=SC2086 # a list of packages
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2

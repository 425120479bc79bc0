# Where the project's tools live, and the variables a build needs. Sourced by scripts/setup.sh, the Makefile and .ci/run.
#
# The tools (PostgreSQL 18, MariaDB, MySQL 9, libclang where the system has none, the Python and Node drivers) are shared
# by all clones of a user, so that a fresh clone is ready at once. PORTCULLIS_TOOLS moves them. Root's home is closed to the unprivileged
# user that PostgreSQL must run as, so root keeps them in /var/cache.

# Make and dash source this file: plain POSIX shell only.
if [ -z "${PORTCULLIS_TOOLS:-}" ]; then
  if [ "$(id -u)" = 0 ]; then
    PORTCULLIS_TOOLS=/var/cache/portcullis/tools
  else
    PORTCULLIS_TOOLS="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/tools"
  fi
fi
export PORTCULLIS_TOOLS

# The first libclang of the system, if there is one; nothing otherwise.
system_libclang() {
  for lib in /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib64/libclang*.so*; do
    case "$lib" in *cpp*) continue ;; esac
    [ -e "$lib" ] && { echo "$lib"; return 0; }
  done
  return 1
}

# pg_query's bindgen: without a system libclang, the one from the wheel, and the C compiler's own headers.
if [ -z "${LIBCLANG_PATH:-}" ] && ! system_libclang >/dev/null && [ -e "$PORTCULLIS_TOOLS/libclang" ]; then
  LIBCLANG_PATH="$PORTCULLIS_TOOLS/libclang"
  BINDGEN_EXTRA_CLANG_ARGS="-I$(cc -print-file-name=include) ${BINDGEN_EXTRA_CLANG_ARGS:-}"
  export LIBCLANG_PATH BINDGEN_EXTRA_CLANG_ARGS
fi

# Node from the wheel, where the machine has none.
command -v node >/dev/null 2>&1 || PATH="$PATH:$PORTCULLIS_TOOLS/venv/bin"

# One target folder for all CI clones of a machine, so that the dependencies are compiled once. Only in CI: there
# .ci/run holds a lock and marks every source as changed; two clones worked on by hand would mistake each other's
# workspace crates for fresh ones.
if [ "${CI:-}" = true ] && [ -z "${CARGO_TARGET_DIR:-}" ]; then
  CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/target"
  export CARGO_TARGET_DIR
fi

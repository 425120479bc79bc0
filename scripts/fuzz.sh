#!/usr/bin/env bash
# Runs every fuzz target for a while: scripts/fuzz.sh SECONDS [target...]
#
# libFuzzer needs only coverage instrumentation, which stable rustc can give; so neither a nightly toolchain nor
# cargo-fuzz has to be installed. The corpus grows in fuzz/corpus, an input that breaks a law is kept in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=$1
shift
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  mapfile -t targets < <(sed -n '/^\[\[bin\]\]/,$s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
fi

host=$(rustc -vV | sed -n 's/^host: //p')
# --target keeps the flags away from build scripts and macros, which are not fuzzed.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-fuzz/target}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$host" --bins

for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  echo "fuzz: $target for $seconds s"
  "$CARGO_TARGET_DIR/$host/release/$target" "fuzz/corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/" 2>"fuzz/artifacts/$target.log" ||
    { tail -n 40 "fuzz/artifacts/$target.log"; echo "fuzz: $target broke a law; the input is in fuzz/artifacts/$target"; exit 1; }
  grep -E "^Done |stat::number_of_executed_units|stat::average_exec_per_sec" "fuzz/artifacts/$target.log" || true
done

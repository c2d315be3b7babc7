#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer under AddressSanitizer and UBSan: `fuzz.sh [--seconds N] [TARGET...]`,
# N seconds (60) for each target of tests/fuzz, all of them when none is named. Needs clang with its
# run-time libraries (Debian: clang, libclang-rt-14-dev). What was found grows in build/fuzz/found; an
# input that crashes ends the run and belongs into tests/fuzz/corpus once the crash is mended.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
if [ "${1:-}" = --seconds ]; then
    seconds=$2
    shift 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        [ "$name" = fuzz_file ] || targets+=("${name#fuzz_}")
    done
fi

cmake --preset fuzz -G Ninja >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}"
export ASAN_OPTIONS=allocator_may_return_null=1
printf '%-12s %14s %10s %8s\n' target executions per\ second peak\ MiB
for target in "${targets[@]}"; do
    found=build/fuzz/found/$target
    log=build/fuzz/$target.log
    mkdir -p "$found"
    "build/fuzz/tests/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2500 -max_len=20000 \
        -artifact_prefix="build/fuzz/$target-" -print_final_stats=1 "$found" "tests/fuzz/corpus/$target" 2>"$log" || {
        tail -40 "$log"
        echo "$target: failed"
        exit 1
    }
    awk -v name="$target" '/number_of_executed/ { n = $2 } /average_exec_per_sec/ { r = $2 } /peak_rss_mb/ { m = $2 }
        END { printf "%-12s %14d %10d %8d\n", name, n, r, m }' "$log"
done

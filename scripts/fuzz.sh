#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer under AddressSanitizer and UBSan:
#
#     fuzz.sh [--seconds N | --full [--image-hours H]] [--figures FILE] [TARGET...]
#
# N seconds (60) for each target of tests/fuzz, all of them when none is named. --full: ten million
# executions of each parser (a million of a whole model's), and H hours (6) of a processor for
# pictures, end to end. --figures: adds what was tried to a JSON list, for tests/faults/report.py.
#
# Needs clang with its run-time libraries (Debian: clang, libclang-rt-14-dev). What was found grows in
# build/fuzz/found. An input that crashes lies in build/fuzz and makes the exit status 1 when the
# other targets are done; it belongs into tests/fuzz/corpus once the crash is mended.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
image_hours=6
full=
figures=
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2; shift ;;
    --image-hours) image_hours=$2; shift ;;
    --figures) figures=$2; shift ;;
    --full) full=1 ;;
    -*) echo "fuzz.sh: unknown option $1" >&2; exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
if [ ${#targets[@]} -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        targets+=("${name#fuzz_}")
    done
fi

# Words of the format; those of safetensors for what is built on it, too.
dictionary() { # target
    local words=tests/fuzz/dictionaries out=build/fuzz/$1.dict
    case $1 in
    index | probe | shards | single) cat "$words/safetensors.dict" "$words/$1.dict" >"$out" ;;
    model) cat "$words/safetensors.dict" "$words/single.dict" >"$out" ;;
    *) cat "$words/$1.dict" >"$out" 2>/dev/null || return 0 ;;
    esac
    echo "-dict=$out"
}

# Long inputs are slow ones: longer where the format needs it.
most_bytes() { # target
    case $1 in
    image | model) echo 20000 ;;
    *) echo 4096 ;;
    esac
}

# A whole model is a header of 50 tensors, a hundred times the work of the others.
wanted_runs() { # target
    case $1 in
    model) echo 1000000 ;;
    *) echo 10000000 ;;
    esac
}

statistic() { # name
    awk -v name="stat::$1:" '$1 == name { print $2 }' "$log"
}

# One process; adds its figures to those of the target. False when something was found.
fuzz_once() { # target, limit
    local status=0 cpu number words TIMEFORMAT='%U %S'
    words=$(dictionary "$1")
    { time "build/fuzz/tests/fuzz/fuzz_$1" "$2" $words -timeout=10 -rss_limit_mb=2500 \
        -max_len="$(most_bytes "$1")" -artifact_prefix="build/fuzz/$1-" -print_final_stats=1 \
        "build/fuzz/found/$1" "tests/fuzz/corpus/$1" 2>"$log"; } 2>"$log.cpu" || status=1
    cpu=$(awk '{ printf "%d", $1 + $2 }' "$log.cpu")
    cpu_seconds=$((cpu_seconds + cpu))
    number=$(statistic number_of_executed_units)
    executions=$((executions + ${number:-0}))
    rate=$(statistic average_exec_per_sec)
    peak=$(statistic peak_rss_mb)
    slowest=$(statistic slowest_unit_time_sec)
    return $status
}

fuzz_target() { # target; sets the figures
    executions=0 cpu_seconds=0 bad=0 rate=0 peak=0 slowest=0
    log=build/fuzz/$1.log
    mkdir -p "build/fuzz/found/$1"
    if [ -z "$full" ]; then
        fuzz_once "$1" "-max_total_time=$seconds" || bad=1
    elif [ "$1" != image ]; then
        fuzz_once "$1" "-runs=$(wanted_runs "$1")" || bad=1
    else
        # The clock runs on where others have the processor.
        local wanted=$((image_hours * 3600))
        while [ $cpu_seconds -lt $wanted ] && [ $bad -eq 0 ]; do
            fuzz_once "$1" "-max_total_time=$((wanted - cpu_seconds + 1))" || bad=1
        done
    fi
}

# Adds a row as tests/faults/conftest.py has it; a target's first line says what it takes.
add_figure() { # target
    python3 - "$figures" "$1" "$executions" "$bad" "$cpu_seconds" "$peak" <<'PYTHON'
import json
import pathlib
import sys

path, target, executions, bad, cpu, peak = sys.argv[1:]
first = pathlib.Path(f"tests/fuzz/fuzz_{target}.c").read_text().splitlines()[0]
file = pathlib.Path(path)
rows = json.loads(file.read_text()) if file.exists() else []
rows.append({"fault": "hostile image" if target == "image" else "hostile input: parsers",
             "what": first.removeprefix("/* ").removesuffix(" */"), "tried": int(executions), "bad": int(bad),
             "note": f"{int(cpu) / 60:.0f} minutes of a processor, at most {peak} MiB"})
file.write_text(json.dumps(rows, indent=1))
PYTHON
}

cmake --preset fuzz -G Ninja >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}"
# An input's allocations are few: the memory of the last ones is watched long enough in 16 MiB. A
# report that needs more of the allocation's stack comes from running the input again.
export ASAN_OPTIONS=allocator_may_return_null=1:quarantine_size_mb=16:malloc_context_size=2
found=0
printf '%-12s %12s %8s %9s %11s %7s\n' target executions per\ s peak\ MiB slowest\ ms crashes
for target in "${targets[@]}"; do
    fuzz_target "$target"
    # libFuzzer knows whole seconds.
    [ "${slowest:-0}" -gt 0 ] && slowest=$((slowest * 1000)) || slowest='< 1000'
    printf '%-12s %12d %8d %9d %11s %7d\n' "$target" "$executions" "${rate:-0}" "${peak:=0}" "$slowest" "$bad"
    if [ "$bad" -gt 0 ]; then
        tail -40 "$log"
        found=1
    fi
    [ -z "$figures" ] || add_figure "$target"
done
exit $found

#!/usr/bin/env bash
# Builds with the counters of gcov, runs the unit tests and those tests of the program that reach what
# they do not, prints a table, and fails where a branch is missing (tests/coverage/report.py). Takes the
# packages and the Python environment of scripts/test.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${CLIPCLS_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/clipcls/test-venv}
build=$PWD/build/coverage
export CLIPCLS_BUILD=$build PYTHONDONTWRITEBYTECODE=1 PATH=$venv/bin:$PATH

# Two runs of about the same length, side by side.
program_tests() { # name, arguments of pytest...
    local name=$1
    shift
    python3 -m pytest -q -p no:cacheprovider --tb=short "$@" >"$build/$name.log" 2>&1 || {
        tail -n 40 "$build/$name.log"
        return 1
    }
}

# Left out: a user who may not write the counters' files, a limit on the size of files.
unit_and_short_tests() {
    ctest --test-dir "$build" --output-on-failure -Q -O "$build/unit.log" || {
        tail -n 40 "$build/unit.log"
        return 1
    }
    program_tests short tests/cli/test_bench.py tests/cli/test_sandbox.py tests/cli/test_int8_file.py \
        tests/cli/test_expectations.py tests/cli/test_explain_labels.py tests/cli/test_mistakes.py \
        tests/cli/test_manual.py tests/cli/test_shard.py tests/cli/test_report.py tests/cli/test_explain.py \
        --deselect tests/cli/test_sandbox.py::test_without_processes_there_is_no_sandbox \
        --deselect tests/cli/test_explain.py::test_a_file_beyond_the_limit_of_sizes_leaves_nothing \
        --deselect tests/cli/test_report.py::test_a_disk_that_is_full
}

# One small checkpoint of each family.
families="(tiny or grid) and (image_embeddings or scores or single_file)"

# The quickest of their file.
help="saved or cannot_be_read or tables_of_labels or a_map_and_a_subset or one_picture or only_label or mistakes"

# Left out: a limit on the size of files, which the counters' files hit.
long_tests() {
    program_tests long tests/cli/test_probe.py tests/cli/test_streaming.py tests/cli/test_search.py \
        tests/cli/test_embed.py tests/cli/test_eval.py tests/cli/test_exit.py tests/cli/test_formats.py \
        tests/cli/test_inputs.py tests/cli/test_labels.py tests/cli/test_subcommands.py tests/cli/test_classify.py \
        tests/cli/test_cache.py --deselect tests/cli/test_cache.py::test_a_limit_on_the_size_of_files_is_survived
    program_tests help tests/cli/test_prompt_help.py -k "$help"
    program_tests families tests/parity/test_families.py -k "$families"
}

cmake --preset coverage -G Ninja >/dev/null
nice -n 5 cmake --build "$build" >"$build/build.log" || {
    cat "$build/build.log"
    exit 1
}
ninja -C "$build" -t cleandead >/dev/null # objects of sources that are gone
find "$build" -name '*.gcda' -delete
unit_and_short_tests &
unit=$!
failed=0
long_tests || failed=1
wait "$unit" || failed=1
[ "$failed" -eq 0 ] || exit 1
python3 tests/coverage/report.py "$build"

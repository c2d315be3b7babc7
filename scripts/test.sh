#!/usr/bin/env bash
# Installs what the tests need, builds, runs all of them, and ends with a line "N passed, N failed".
# For Debian and Ubuntu, as root or with sudo. The Python packages go into a virtual environment:
# $CLIPCLS_TEST_VENV, by default ~/.cache/clipcls/test-venv.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

venv=${CLIPCLS_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/clipcls/test-venv}
reports=build/reports
passed=0
failed=0
running=()

prepare() {
    scripts/install-packages.sh test || return
    if ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
        python3 -m venv "$venv" && "$venv/bin/pip" install -q -r tests/requirements.txt &&
            cp tests/requirements.txt "$venv/requirements.txt" || return
    fi
    local site
    site=$("$venv/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))') &&
        cp tests/torchvision_cpu.py "$site" && echo "import torchvision_cpu" >"$site/torchvision_cpu.pth"
}

# Adds up a JUnit report, of ctest or of pytest.
count() { # report
    local numbers
    if ! numbers=$(python3 - "$1" <<'EOF'
import sys
import xml.etree.ElementTree as tree

cases = list(tree.parse(sys.argv[1]).iter("testcase"))
bad = sum(any(child.tag in ("failure", "error") for child in case) for case in cases)
skipped = [case for case in cases if any(child.tag == "skipped" for child in case)]
for case in skipped:
    reason = next(child for child in case if child.tag == "skipped").get("message", "")
    print("skipped:", case.get("classname"), case.get("name"), "-", reason, file=sys.stderr)
print(len(cases) - bad - len(skipped), bad)
EOF
    ); then
        echo "no report: $1"
        failed=$((failed + 1))
        return
    fi
    passed=$((passed + ${numbers% *}))
    failed=$((failed + ${numbers#* }))
}

# A step that is no test suite by itself counts as one test.
step() { # name, command...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        echo "FAILED: $name"
        failed=$((failed + 1))
    fi
}

# Configures and builds a preset, or a variant of one; a failure is final, nothing could be tested.
build() { # name, preset, options...
    local name=$1 preset=$2
    shift 2
    cmake --preset "$preset" -B "build/$name" -G Ninja -DCLIPCLS_WERROR=ON "$@" >"$reports/cmake-$name.log" &&
        cmake --build "build/$name" || {
        cat "$reports/cmake-$name.log"
        echo "building $name failed"
        echo "$passed passed, $((failed + 1)) failed"
        exit 1
    }
}

unit_tests() { # preset
    ctest --test-dir "build/$1" -j 2 --output-on-failure --output-junit "$PWD/$reports/unit-$1.xml"
    count "$reports/unit-$1.xml"
}

run_pytest() { # preset, report, folder or file...
    local preset=$1 report=$2
    shift 2
    CLIPCLS_BUILD=$PWD/build/$preset PATH=$venv/bin:$PATH \
        python3 -m pytest -q -p no:cacheprovider --junitxml="$reports/$report.xml" "$@"
}

python_tests() { # preset, report, folder or file...
    run_pytest "$@"
    count "$reports/$2.xml"
}

# The same in the background, for suites that leave a core idle. gather shows and counts them.
beside() { # preset, report, folder or file...
    run_pytest "$@" >"$reports/$2.log" 2>&1 &
    running+=("$2")
}

gather() {
    wait
    local report
    for report in "${running[@]}"; do
        cat "$reports/$report.log"
        count "$reports/$report.xml"
    done
    running=()
}

mkdir -p "$reports"
rm -f "$reports"/*
prepare || { echo "0 passed, 1 failed"; exit 1; }
export PYTHONDONTWRITEBYTECODE=1

build release release
unit_tests release
scripts_tests=(tests/cli/test_get_model.py tests/cli/test_train_default.py tests/cli/test_trainer_parts.py
               tests/cli/test_unpickle.py tests/cli/test_unpickle_hostile.py)
beside release scripts "${scripts_tests[@]}"
python_tests release cli tests/cli "${scripts_tests[@]/#/--ignore=}"
gather
beside release packaging tests/packaging
python_tests release parity tests/parity --ignore=tests/parity/test_fast_decode.py
gather
# It measures time.
python_tests release alone tests/parity/test_fast_decode.py

# Harm of every kind, a part of each; what the tests reach.
scripts/faults.sh --quick
count "$reports/faults.xml"
step "coverage" scripts/coverage.sh

# What runs where there are no kernels for blocked weights: OpenBLAS alone.
beside release cluster tests/cluster
build openblas release -DCLIPCLS_WITH_XSMM=OFF
unit_tests openblas
python_tests openblas parity-openblas tests/parity/test_embeddings.py -k "tiny or head80"
gather

# The sanitizers see the same unit tests and every way through the program, but for a measurement of memory
# (AddressSanitizer keeps what was freed) and one of accuracy (3,232 passes through the built-in model's tower).
build asan asan
unit_tests asan
beside asan cli-asan tests/cli/test_classify.py tests/cli/test_exit.py tests/cli/test_formats.py \
    tests/cli/test_inputs.py tests/cli/test_labels.py tests/cli/test_subcommands.py \
    tests/cli/test_expectations.py tests/cli/test_streaming.py tests/cli/test_eval.py \
    tests/cli/test_embed.py tests/cli/test_search.py tests/cli/test_sandbox.py tests/cli/test_explain_labels.py \
    tests/cli/test_probe.py tests/cli/test_shard.py tests/cli/test_report.py tests/cli/test_explain.py \
    --deselect tests/cli/test_report.py::test_memory_does_not_grow_with_the_pictures \
    --deselect tests/cli/test_explain.py::test_heat_lies_on_the_half_that_the_label_is_of

step "valgrind" scripts/valgrind.sh
gather

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

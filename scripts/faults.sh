#!/usr/bin/env bash
# Does harm to the program in every way that docs/reliability.md tells of, and counts what it cost:
# `faults.sh [--quick]` a small part of each, with a table at the end; `faults.sh --full` all of it,
# fuzzers included (most of a day), with the table put into docs/reliability.md. Takes the packages and
# the Python environment of scripts/test.sh; --full takes clang, too.
set -euo pipefail
cd "$(dirname "$0")/.."

how=${1:---quick}
venv=${CLIPCLS_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/clipcls/test-venv}
figures=$PWD/build/reports/faults.json
more=()
case $how in
--quick) page=() ;;
--full) more=(--full) page=(docs/reliability.md) ;;
*) echo "usage: faults.sh [--quick|--full]" >&2; exit 2 ;;
esac

build() { # preset
    local log=build/reports/faults-$1.log
    { cmake --preset "$1" -G Ninja && cmake --build "build/$1"; } >"$log" 2>&1 || {
        cat "$log"
        exit 1
    }
}

mkdir -p build/reports
rm -f "$figures"
build release
build tsan
CLIPCLS_BUILD=$PWD/build/release PYTHONDONTWRITEBYTECODE=1 PATH=$venv/bin:$PATH \
    python3 -m pytest -q -p no:cacheprovider --junitxml=build/reports/faults.xml --figures "$figures" "${more[@]}" tests/faults
[ "$how" != --full ] || scripts/fuzz.sh --full --figures "$figures"
python3 tests/faults/report.py "$figures" "${page[@]}"

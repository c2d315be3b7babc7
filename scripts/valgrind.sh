#!/usr/bin/env bash
# One run under valgrind's memcheck with the reference backend: no error, no leak.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake -B build/valgrind -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCLIPCLS_BLAS=reference -DCLIPCLS_TESTS=OFF >/dev/null
cmake --build build/valgrind
photos=tests/data/photos
valgrind --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=all \
    build/valgrind/clipcls --threads 2 --labels "$photos/labels.txt" "$photos/cat.jpg" "$photos/chair.png"

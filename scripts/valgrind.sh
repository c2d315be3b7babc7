#!/usr/bin/env bash
# Runs under valgrind's memcheck with the reference backend, the second with the labels that the first
# left in the cache: no error, no leak. Without a sandbox, which would refuse valgrind's own system calls.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake -B build/valgrind -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCLIPCLS_BLAS=reference -DCLIPCLS_TESTS=OFF >/dev/null
cmake --build build/valgrind
photos=tests/data/photos
cache=$(mktemp -d)
trap 'rm -r "$cache"' EXIT
for _ in cold warm; do
    valgrind --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=all \
        build/valgrind/clipcls --threads 2 --no-sandbox --cache-dir "$cache" --labels "$photos/labels.txt" \
        "$photos/cat.jpg" "$photos/chair.png"
done

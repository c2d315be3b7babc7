#!/usr/bin/env bash
# From nothing to a ranking: installs the packages, builds, classifies the sample pictures with the
# built-in model. For Debian and Ubuntu, as root or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-packages.sh build
cmake --preset release -G Ninja -DCLIPCLS_TESTS=OFF
cmake --build --preset release

echo
echo '$ build/release/clipcls --labels tests/data/photos/labels.txt --top-k 3 tests/data/photos'
build/release/clipcls --labels tests/data/photos/labels.txt --top-k 3 tests/data/photos

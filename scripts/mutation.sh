#!/bin/sh
# Zeroes each kind of parameter in turn in the checkpoint that the engine reads and shows that the
# comparison with the reference notices. Needs the packages of tests/requirements.txt.
#
#     scripts/mutation.sh [pytest arguments]
#
# CLIPCLS_BUILD names a build folder; without it build/release is built first.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${CLIPCLS_BUILD-}" ]; then
	CLIPCLS_BUILD=$root/build/release
	cmake -S "$root" -B "$CLIPCLS_BUILD" -DCMAKE_BUILD_TYPE=Release >/dev/null
	cmake --build "$CLIPCLS_BUILD" -j >/dev/null
fi
export CLIPCLS_BUILD
exec python3 -m pytest -q -p no:cacheprovider "$root/tests/parity/test_mutation.py" "$@"

#!/bin/sh
# Compares the engine with the reference implementations (transformers, open_clip) on random
# checkpoints that are made on the fly. Needs the packages of tests/requirements.txt.
#
#     scripts/parity.sh [--full] [pytest arguments]
#
# --full adds the large shapes (B/16, L/14, L/14-336, H/14, every family at its true sizes): 12 GB of
# memory and 8 GB of disk, an hour and more.
# CLIPCLS_BUILD names a build folder; without it build/release is built first.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1-}" = --full ]; then
	shift
	CLIPCLS_PARITY=full
	export CLIPCLS_PARITY
fi
if [ -z "${CLIPCLS_BUILD-}" ]; then
	CLIPCLS_BUILD=$root/build/release
	cmake -S "$root" -B "$CLIPCLS_BUILD" -DCMAKE_BUILD_TYPE=Release >/dev/null
	cmake --build "$CLIPCLS_BUILD" -j >/dev/null
fi
export CLIPCLS_BUILD
exec python3 -m pytest -q -p no:cacheprovider "$root/tests/parity/test_embeddings.py" \
	"$root/tests/parity/test_families.py" "$@"

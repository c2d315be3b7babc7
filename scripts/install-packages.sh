#!/usr/bin/env bash
# Installs Debian or Ubuntu packages: `install-packages.sh build` what building takes,
# `install-packages.sh test` what the tests take on top. Needs root or sudo; does nothing, and needs
# neither, when all of them are there.
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config curl ca-certificates python3 python3-numpy
       libopenblas-dev libcjson-dev libutf8proc-dev libxxhash-dev libstb-dev liblbfgs-dev
       libjpeg-dev libspng-dev libwebp-dev libgif-dev libseccomp-dev)
# Kernels for x86 processors, and int8 and bf16 products; elsewhere OpenBLAS does the work.
[ "$(dpkg --print-architecture)" != amd64 ] || build+=(libxsmm-dev libdnnl-dev)
# wordnet-base: the nouns of the tokenizer's test; procps: its look at a process list; strace: kills
# at each system call; ffmpeg, jq: README's recipes.
test=(libcmocka-dev python3-venv valgrind wordnet-base procps strace ffmpeg jq)
# Of the manual, the completions, the API reference, scripts, packages and clusters.
test+=(man-db mandoc bash-completion zsh fish doxygen shellcheck g++ make dpkg-dev file lintian parallel
       default-jre-headless)
# The report's browser; Ubuntu has it as a snap alone, and the tests in a browser are skipped there.
grep -q '^ID=ubuntu' /etc/os-release || test+=(chromium chromium-driver)

case "${1:-}" in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
*) echo "usage: install-packages.sh build|test" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' ||
        missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "these packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"

#!/usr/bin/env bash
# The Debian packages in systems of their own: builds them in a fresh Debian stable, twice, installs
# them in a second one without a compiler, where the program must say what the one built here says,
# builds the examples there with what the packages brought, and purges: not a file may be left.
#
#     package-test.sh [--keep FOLDER]     copies the packages to FOLDER when all is well
#
# As root, with debootstrap and the mirror that apt has on this system. CLIPCLS_BUILD: the build that
# results are compared with (default build/release). Takes minutes and 1.5 GB of TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=stable
program=${CLIPCLS_BUILD:-build/release}/clipcls
keep=
case "${1:-}" in
'') ;;
--keep) keep=${2:?"--keep wants a folder"} ;;
*) echo "usage: package-test.sh [--keep FOLDER]" >&2; exit 2 ;;
esac

fail() { echo "package-test: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail "chroots take root"
command -v debootstrap >/dev/null || fail "debootstrap is not installed"
[ -x "$program" ] || fail "no $program to compare with; CLIPCLS_BUILD names a build"
program=$(realpath "$program")

# Mounts that are made from here on are seen by this process and its children alone, and end with them.
if [ "${CLIPCLS_PACKAGE_TEST_MOUNTS:-}" != own ]; then
    CLIPCLS_PACKAGE_TEST_MOUNTS=own exec unshare --mount --propagation private "scripts/${0##*/}" "$@"
fi

work=$(mktemp -d)
builder=$work/builder
clean=$work/clean

# A tree with something mounted in it is left alone; nothing of the host but its resolver is ever in it.
remove_all() {
    local system
    for system in "$builder" "$clean"; do
        umount "$system/proc" 2>/dev/null || true
    done
    if grep -q " $work" /proc/mounts; then
        echo "package-test: something is mounted in $work, which stays" >&2
    else
        rm -rf --one-file-system -- "$work"
    fi
}
trap remove_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# The mirror of this system's own apt, and its proxy.
mirror() {
    # shellcheck disable=SC2016 # apt's own
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1
}

# A command in one of the systems, with nothing of this one's environment.
inside() { # SYSTEM, command...
    local system=$1
    shift
    chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

quietly() { # command...: its output only when it fails
    "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; fail "failed: $*"; }
}

# Resolver and proxy as here, so that apt reaches the mirror.
prepare() { # SYSTEM
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    apt-config dump --format '%f "%v";%n' Acquire::http::Proxy Acquire::https::Proxy >"$1/etc/apt/apt.conf.d/10host"
    mount -t proc proc "$1/proc"
    quietly inside "$1" apt-get update -q
}

install_packages() { # SYSTEM, packages...
    local system=$1
    shift
    quietly inside "$system" apt-get install -y -q --no-install-recommends "$@"
}

# Every path there is, but for what dpkg, apt and the linker keep of what they did.
list_files() { # SYSTEM
    (cd "$1" && find . -xdev \( -path ./proc -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache \
        -o -path ./var/log -o -path ./tmp \) -prune -o -print | sort)
}

# ---- building -------------------------------------------------------------------------------------

build_packages() { # FOLDER in the builder, which has no commit at hand
    quietly inside "$builder" env SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" sh -ec "cd /$1
        cmake --preset deb -G Ninja -DCLIPCLS_WERROR=ON
        cmake --build build/deb --target package"
}

# The same pictures, labels and ranks; numbers to the digits printed but one: another compiler and
# another OpenBLAS may round a sum otherwise.
compare_results() { # ONE, OTHER
    paste "$1" "$2" | awk -F '\t' '
        function differ(a, b) { return a - b > 2e-6 || b - a > 2e-6 }
        NF != 12 || $1 != $7 || $2 != $8 || $3 != $9 || $6 != $12 || differ($4, $10) || differ($5, $11) {
            print "differs: " $0; bad = 1
        }
        END { exit bad || NR < 2 }' || fail "results differ from those of $program"
    echo "        $(wc -l <"$1") lines, $(diff "$1" "$2" | grep -c '^<' || true) differ in a last digit"
}

# All that `cmake --install` puts beside the library is in the packages, manual pages compressed.
missing_files() {
    local path
    while read -r path; do
        case $path in
        share/doc/*) continue ;;
        share/man/*) path=$path.gz ;;
        esac
        [ -e "$clean/usr/$path" ] || fail "the package clipcls lacks /usr/$path"
    done < <(cd "$builder/installed" && find bin libexec share -type f)
}

purge_packages() { # packages: what was there before is there now, and nothing else
    quietly inside "$clean" dpkg --purge "$@"
    list_files "$clean" >"$work/after"
    diff "$work/before" "$work/after" || fail "purging $* leaves something else than was there before"
}

site=$(mirror)
[ -n "$site" ] || fail "apt knows no Debian mirror here"
step "debootstrap $suite from $site"
quietly debootstrap --variant=minbase "$suite" "$builder" "$site"
cp -a "$builder" "$clean"
prepare "$builder"
prepare "$clean"
step "packages to build with"
mkdir -p "$builder/source" "$builder/another"
git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$builder/source"
cp -a "$builder/source" "$builder/another/folder"
quietly inside "$builder" /source/scripts/install-packages.sh build
install_packages "$builder" dpkg-dev file lintian
step "build"
build_packages source
built=$builder/source/build/deb
step "the same in another folder"
build_packages another/folder
for package in "$built"/*.deb; do
    cmp "$package" "$builder/another/folder/build/deb/${package##*/}" || fail "two builds differ"
done
step "lintian of $suite"
inside "$builder" sh -c 'lintian --allow-root --fail-on error /source/build/deb/*.deb' ||
    fail "lintian finds errors"

# ---- installing -----------------------------------------------------------------------------------

mkdir "$clean/tmp/packages"
cp "$built"/*.deb "$clean/tmp/packages"
cp -R tests/data/photos "$clean/tmp/photos"
quietly inside "$builder" cmake --install /source/build/deb --prefix /installed

step "what the packages depend on"
# shellcheck disable=SC2046 # a list of words
install_packages "$clean" $(inside "$clean" sh -c 'apt-get install -s --no-install-recommends /tmp/packages/*.deb' |
    awk '$1 == "Inst" && $2 !~ /clipcls/ { print $2 }')
list_files "$clean" >"$work/before"

step "the program alone, in a system without a compiler"
! inside "$clean" sh -c 'command -v cc' >/dev/null || fail "the clean system has a compiler"
quietly inside "$clean" sh -c 'apt-get install -y -q --no-install-recommends /tmp/packages/clipcls_*.deb'
! inside "$clean" ldd /usr/bin/clipcls | grep 'not found' || fail "libraries are missing"
arguments=(--no-cache -k 0 -l photos/labels.txt -f tsv photos)
(cd tests/data && "$program" "${arguments[@]}") >"$work/here"
inside "$clean" sh -c 'cd /tmp && exec clipcls "$@"' sh "${arguments[@]}" >"$work/there"
compare_results "$work/here" "$work/there"
inside "$clean" clipcls get no-such-model 2>"$work/log" && fail "'clipcls get' knows any model"
grep -q '^get-model: ' "$work/log" || fail "'clipcls get' does not find its script: $(cat "$work/log")"
missing_files
purge_packages clipcls

step "the examples, with what the packages brought"
install_packages "$clean" gcc libc6-dev make cmake pkg-config python3
list_files "$clean" >"$work/before"
quietly inside "$clean" sh -c 'apt-get install -y -q --no-install-recommends /tmp/packages/*.deb'
# shellcheck disable=SC2016 # for the shell there
quietly inside "$clean" sh -ec 'cp -R /usr/share/doc/libclipcls-dev/examples /tmp/examples
    cd /tmp/examples
    cc -Wall -Wextra -Werror classify.c -o by-hand -lclipcls
    cc -Wall -Wextra -Werror search.c -o search $(pkg-config --cflags --libs clipcls)
    cmake -B build && cmake --build build
    [ "$(./search koala ../photos/*.??g | cut -f 2 | head -n 1)" = ../photos/koala.jpg ]'
labels=(koala bison "suspension bridge")
inside "$clean" clipcls --no-cache -k 0 -f tsv -L koala -L bison -L "suspension bridge" /tmp/photos/koala.jpg |
    awk -F '\t' -v OFS='\t' 'NR > 1 { print $4, $5, $3 }' >"$work/program"
for example in ./by-hand build/classify "python3 classify.py"; do
    # shellcheck disable=SC2016 # for the shell there
    inside "$clean" sh -c 'cd /tmp/examples && exec '"$example"' /tmp/photos/koala.jpg "$@"' sh "${labels[@]}" >"$work/example"
    cmp "$work/program" "$work/example" || fail "$example says something else than the program"
done
purge_packages clipcls libclipcls0 libclipcls-dev

if [ -n "$keep" ]; then
    mkdir -p "$keep"
    cp "$built"/*.deb "$keep"
fi
step "all well"

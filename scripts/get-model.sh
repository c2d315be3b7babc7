#!/bin/sh
# Downloads a checkpoint of the catalogue, verifies it, and puts it where `clipcls -m NAME` finds it.
#
# A model appears at once and whole: its files are gathered in NAME.partial/, each as FILE.part until
# its hash is right, and the directory is renamed at the end. What a broken run leaves there, the next
# one goes on from. The hash of a file is the one that the hub states for it (huggingface.co: the
# SHA-256 of a large file, the git blob's SHA-1 of a small one) or that its URL holds (OpenAI's).
set -u

program=get-model
hub_endpoint=${HF_ENDPOINT:-https://huggingface.co}
hub_endpoint=${hub_endpoint%/}
openai_base=https://openaipublic.azureedge.net
openai_endpoint=${CLIPCLS_OPENAI_ENDPOINT:-$openai_base}
openai_endpoint=${openai_endpoint%/}
spare_kib=16384 # to leave free on the disk

usage() {
    cat <<EOF
usage: get-model.sh [--verify] [--progress] NAME
       get-model.sh --list

Downloads the checkpoint NAME of the catalogue into
\${XDG_DATA_HOME:-\$HOME/.local/share}/clipcls/models/NAME, verified, and prints that path.

  --verify     if it is there already: check the hashes of its files again
  --progress   show a progress bar though standard error is no terminal
  --list       print the catalogue, and what of it is downloaded
  -h, --help   this text

Environment: HF_ENDPOINT (default https://huggingface.co), HF_TOKEN (sent there and nowhere else),
CLIPCLS_OPENAI_ENDPOINT (default $openai_base), CLIPCLS_CATALOGUE,
XDG_DATA_HOME; http_proxy, https_proxy, all_proxy and no_proxy as for curl.
Exit status: 0 done or already there, 1 download or verification failed, 2 usage or unknown name,
130 or 143 ended by a signal (what has arrived is kept).
EOF
}

say() { printf '%s: %s\n' "$program" "$*" >&2; }
fail() { say "$@"; exit 1; }
fail_usage() { say "$@"; exit 2; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 2
# shellcheck source=scripts/fetch.sh
. "$here/fetch.sh" || exit 2

# ---- the catalogue ------------------------------------------------------------------------------

find_catalogue() {
    for catalogue in "${CLIPCLS_CATALOGUE:-}" "$here/../models/catalogue.tsv" \
        "$here/catalogue.tsv" "$here/../share/clipcls/catalogue.tsv" \
        "$here/../../share/clipcls/catalogue.tsv"; do
        [ -n "$catalogue" ] || continue
        [ -r "$catalogue" ] && return
        [ "$catalogue" != "${CLIPCLS_CATALOGUE:-}" ] || break
    done
    fail_usage "no catalogue: ${CLIPCLS_CATALOGUE:-$here/../share/clipcls/catalogue.tsv} cannot be read"
}

# field N of the entry NAME
entry_field() {
    awk -F '\t' -v name="$2" -v field="$1" '
        $0 !~ /^#/ && $1 == name { print $field; exit }' "$catalogue"
}

list_catalogue() {
    awk -F '\t' '$0 !~ /^#/ && NF >= 7 { print $1 "\t" $5 "\t" $6 "\t" $7 }' "$catalogue" |
        while IFS='	' read -r entry bytes licence description; do
            state=-
            if [ -d "$models/$entry" ]; then
                state=downloaded
            elif [ -d "$models/$entry.partial" ]; then
                state=partial
            fi
            printf '%-18s %8s  %-10s  %-18s  %s\n' "$entry" "$bytes" "$state" "$licence" "$description"
        done
}

# Names within an edit distance of a third of their length, or that hold the one given.
near_names() {
    awk -F '\t' -v want="$1" '
        function least(a, b, c) { if (b < a) a = b; return c < a ? c : a }
        function distance(a, b,   i, j, row, above, diagonal) {
            for (j = 0; j <= length(b); j++) row[j] = j
            for (i = 1; i <= length(a); i++) {
                diagonal = row[0]; row[0] = i
                for (j = 1; j <= length(b); j++) {
                    above = row[j]
                    row[j] = least(above + 1, row[j - 1] + 1,
                                   diagonal + (substr(a, i, 1) != substr(b, j, 1)))
                    diagonal = above
                }
            }
            return row[length(b)]
        }
        $0 !~ /^#/ && NF >= 7 &&
            (index($1, want) || index(want, $1) || distance($1, want) * 3 <= length($1)) {
            printf "%s%s", found++ ? ", " : "", $1
        }' "$catalogue"
}

# ---- one model ------------------------------------------------------------------------------------

file_url() { # FILE
    case $layout in
    openai) printf '%s\n' "$openai_endpoint${source#"$openai_base"}" ;;
    *) printf '%s\n' "$hub_endpoint/$source/resolve/${revision:-main}/$1" ;;
    esac
}

# Lines "FILE TARGET HASH SIZE URL" of what to download; TARGET is what FILE is converted to, or -.
make_plan() {
    : >"$work/plan"
    needed_kib=$spare_kib
    set -f # `file?` is no pattern
    for item in $(entry_field 4 "$name"); do
        found='' alternatives=${item%\?}
        target=${alternatives%%|*}
        while [ -n "$alternatives" ]; do
            file=${alternatives%%|*}
            alternatives=${alternatives#"$file"}
            alternatives=${alternatives#|}
            url=$(file_url "$file")
            resolve "$url" && { found=yes; break; }
        done
        if [ -z "$found" ]; then
            [ "$item" = "${item%\?}" ] || continue
            fail "$url: not found (HTTP 404); the catalogue asks for $item"
        fi
        # The hash is part of OpenAI's URLs: .../models/SHA256/FILE
        [ "$layout" != openai ] || { hash=${source%/*}; hash=${hash##*/}; }
        check_hash_form "$url"
        case $file in *.bin | *.pt) ;; *) target=- ;; esac
        count_room
        printf '%s %s %s %s %s\n' "$file" "$target" "$hash" "${size:--}" "$url" >>"$work/plan"
    done
    set +f
}

count_room() {
    kib=$((${size:-0} / 1024 + 1))
    have=0
    for there in "$partial/$file" "$partial/$file.part"; do
        [ ! -e "$there" ] || have=$(($(file_size "$there") / 1024))
    done
    needed_kib=$((needed_kib + (kib > have ? kib - have : 0)))
    [ "$target" = - ] || needed_kib=$((needed_kib + kib)) # the converted copy
}

check_room() {
    free_kib=$(df -Pk "$partial" | awk 'NR == 2 { print $4 }')
    case $free_kib in '' | *[!0-9]*) return ;; esac # a file system that does not say
    [ "$needed_kib" -le "$free_kib" ] ||
        fail "$name: no room in $models: $(human $((needed_kib * 1024))) are needed," \
            "$(human $((free_kib * 1024))) are free"
}

check_converter() {
    converter=$here/unpickle.py
    [ -r "$converter" ] || fail "$name has to be converted, and $converter is not there"
    python3 -c 'import numpy' 2>/dev/null ||
        fail "$name has to be converted from PyTorch's format: python3 with numpy is needed for that"
}

convert() { # FILE TARGET
    say "converting $1"
    case $layout in
    openai) python3 "$converter" --quick-gelu "$partial/$1" "$partial" >&2 ;;
    *) python3 "$converter" "$partial/$1" "$partial/$2" >&2 ;;
    esac || fail "$1 could not be converted; it is kept in $partial"
    rm -f "$partial/$1"
}

write_records() {
    for file in "$partial"/*; do
        [ "${file##*/}" != SHA256SUMS ] || continue
        printf '%s  %s\n' "$(digest 256 <"$file")" "${file##*/}"
    done >"$work/sums" || exit 1
    cp "$work/sums" "$partial/SHA256SUMS" || exit 1
    printf 'name: %s\nsource: %s\nrevision: %s\nlicence: %s\n' "$name" "$source" \
        "${revision:--}" "$(entry_field 6 "$name")" >"$partial/SOURCE.txt" || exit 1
}

verify_installed() {
    [ -r "$models/$name/SHA256SUMS" ] || fail "$models/$name has no SHA256SUMS: it cannot be verified"
    while read -r sum file; do
        [ -r "$models/$name/$file" ] && [ "$(digest 256 <"$models/$name/$file")" = "$sum" ] ||
            fail "$models/$name/$file: wrong hash, or missing: remove $models/$name and get it again"
    done <"$models/$name/SHA256SUMS" || exit 1
    say "$name: all files have the right hash"
}

take_lock() {
    if ! ln -s $$ "$partial/.lock" 2>/dev/null; then
        holder=$(readlink "$partial/.lock")
        if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null; then
            fail "$name is being downloaded by another run (process $holder)"
        fi
        ln -sfn $$ "$partial/.lock" || fail "$partial: cannot be written"
    fi
    locked=yes
}

get() {
    mkdir -p "$partial" || fail "$partial: cannot be made"
    take_lock
    say "$name: $(entry_field 7 "$name") (licence: $(entry_field 6 "$name"))"
    make_plan
    check_room
    if grep -q '^[^ ]* [^-]' "$work/plan"; then check_converter; fi
    while read -r file target hash size url <&3; do
        [ "$size" != - ] || size=''
        expected=$hash
        if [ ! -e "$partial/$file" ] || ! has_hash "$partial/$file" "$hash"; then
            resolve "$url" || fail "$url: not found"
            hash=$expected
            fetch "$file" "$url"
        fi
        [ "$target" = - ] || convert "$file" "$target"
    done 3<"$work/plan"
    write_records
    rm -f "$partial/.lock"
    locked=
    mv "$partial" "$models/$name" || exit 1
}

# ---- the run --------------------------------------------------------------------------------------

clean_up() {
    [ -z "$locked" ] || rm -f "$partial/.lock"
    [ -z "$partial" ] || rmdir "$partial" 2>/dev/null # only if nothing has arrived
    [ -z "$work" ] || rm -rf "$work"
}

interrupted() { # exit status
    trap '' INT TERM HUP
    [ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child"; }
    say "interrupted; what has arrived is kept, run this again to go on"
    exit "$1"
}

name='' want_list='' want_verify='' bar=--silent layout='' partial='' work='' locked=''
[ ! -t 2 ] || bar=--progress-bar
while [ $# -gt 0 ]; do
    case $1 in
    --list) want_list=yes ;;
    --verify) want_verify=yes ;;
    --progress) bar=--progress-bar ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    -*) fail_usage "unknown option $1 (--help lists them)" ;;
    *) [ -z "$name" ] || fail_usage "one name at a time: '$name', '$1'"; name=$1 ;;
    esac
    shift
done
[ $# -eq 0 ] || { [ $# -eq 1 ] && [ -z "$name" ] && name=$1; } || fail_usage "one name at a time"

data=${XDG_DATA_HOME:-}
case $data in /*) ;; *) data=${HOME:?HOME is not set}/.local/share ;; esac
models=$data/clipcls/models
find_catalogue
if [ -n "$want_list" ]; then
    list_catalogue
    exit 0
fi
[ -n "$name" ] || { usage >&2; exit 2; }
layout=$(entry_field 2 "$name")
source=$(entry_field 3 "$name")
if [ -z "$layout" ] || [ "${name#\#}" != "$name" ]; then
    near=$(near_names "$name")
    fail_usage "no model '$name' in the catalogue${near:+; near: $near} (--list prints all names)"
fi
case ${HF_TOKEN:-} in
*[!A-Za-z0-9._~+/=-]*) fail_usage "HF_TOKEN holds characters that no token has" ;;
esac

if [ -e "$models/$name" ]; then
    say "$name is already there"
    [ -z "$want_verify" ] || verify_installed
    printf '%s\n' "$models/$name"
    exit 0
fi
command -v curl >/dev/null || fail "curl is needed"
partial=$models/$name.partial
trap clean_up EXIT
trap 'interrupted 130' INT
trap 'interrupted 143' TERM HUP
work=$(mktemp -d) || exit 1
get
say "$name is complete: clipcls -m $name"
printf '%s\n' "$models/$name"

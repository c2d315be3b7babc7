# One file over HTTP, resumably and verified; read by get-model.sh, which sets the variables
# hub_endpoint (URL), layout ("openai": not from the hub), bar (curl's option), work (a directory for
# scraps), partial (the directory of the downloads), and has say and fail.
#
# The token of HF_TOKEN goes to hub_endpoint alone. Redirects are therefore followed here and not by
# curl as long as it is sent; and curl reads it from a here-document, so that no process list shows it.
# shellcheck shell=sh disable=SC2154

attempts=3 # of one file, each going on where the last one broke
max_redirects=5
child=     # the process id of the running download
revision=  # the commit that the hub answered with first

# ---- what the server says of a file ----------------------------------------------------------

origin() { printf '%s\n' "$1" | sed 's|^\([A-Za-z]*://[^/?#]*\).*|\1|'; }

# curl, with the token if the URL is the endpoint's.
request() { # "" or "exec" (in a subshell), URL, curl's options...
    how=$1 url_of_request=$2
    shift 2
    header=
    if [ -n "${HF_TOKEN:-}" ] && [ "$layout" != openai ] &&
        [ "$(origin "$url_of_request")" = "$(origin "$hub_endpoint")" ]; then
        header="header = \"Authorization: Bearer $HF_TOKEN\""
    fi
    $how curl --config - --globoff --proto '=http,https' --connect-timeout 30 \
        --header 'Accept-Encoding: identity' --url "$url_of_request" "$@" <<EOF
$header
EOF
}

header_value() { # NAME: of the last response in the file
    awk -v name="$1" '
        /^HTTP\// { value = "" }
        { split($0, part, ":") }
        tolower(part[1]) == name {
            value = $0
            sub(/^[^:]*:[ \t]*/, "", value)
            sub(/[ \t\r]*$/, "", value)
        }
        END { print value }' "$work/headers"
}

explain_curl() { # curl's exit status (153: SIGXFSZ, a file may not grow), URL
    reason=$(sed -n 's/^curl: ([0-9]*) *//p' "$work/errors" 2>/dev/null | tail -n 1)
    case $1 in
    5) say "$2: cannot find the proxy: ${reason:-no reason given}" ;;
    6) say "$2: cannot find the host: no network, or a wrong name: ${reason:-no reason given}" ;;
    7) say "$2: cannot connect: no route, or nothing listens: ${reason:-no reason given}" ;;
    18 | 52 | 55 | 56 | 92) say "$2: the connection broke: ${reason:-curl status $1}" ;;
    23 | 153) say "$2: cannot write to $partial: no room? ${reason:-no reason given}" ;;
    28) say "$2: no answer in time" ;;
    35 | 51 | 53 | 54 | 58 | 59 | 60 | 77 | 80 | 82 | 83)
        say "$2: no trusted connection (TLS): ${reason:-curl status $1}" ;;
    *) say "$2: ${reason:-failed} (curl status $1)" ;;
    esac
}

explain_http() { # status, URL
    case $1 in
    401 | 403)
        if [ -n "${HF_TOKEN:-}" ]; then
            say "$2: refused (HTTP $1): the token in HF_TOKEN does not open this repository; its page" \
                "may ask to accept a licence, or the repository does not exist"
        else
            say "$2: refused (HTTP $1): set HF_TOKEN to a token that may read this repository, or the" \
                "repository does not exist"
        fi ;;
    404 | 410) say "$2: not found (HTTP $1)" ;;
    407) say "$2: the proxy wants a login (HTTP 407)" ;;
    416) say "$2: the server does not go on from there (HTTP 416)" ;;
    429) say "$2: too many requests (HTTP 429): try again later" ;;
    5*) say "$2: the server failed (HTTP $1): try again later" ;;
    *) say "$2: unexpected answer (HTTP $1)" ;;
    esac
}

# Asks for a file without its content. Sets location (where the content is), size (bytes or empty),
# hash (64 or 40 hexadecimal digits, or empty) and revision. Returns 1 when there is no such file.
resolve() { # URL
    location=$1 size='' hash='' redirects=0
    while :; do
        answer=$(request '' "$location" --silent --show-error --head --max-time 120 \
            --suppress-connect-headers --output "$work/headers" \
            --write-out '%{http_code} %{redirect_url}' 2>"$work/errors")
        status=$?
        [ $status -eq 0 ] || { explain_curl $status "$location"; exit 1; }
        code=${answer%% *} next=${answer#* }
        : "${hash:=$(header_value x-linked-etag | sed 's|^W/||; s/"//g')}"
        : "${size:=$(header_value x-linked-size)}"
        commit=$(header_value x-repo-commit)
        case $commit in
        *[!0-9a-f]*) ;;
        ????????????????????????????????????????) : "${revision:=$commit}" ;;
        esac
        case $code in
        404 | 410) return 1 ;;
        200) break ;;
        3*) [ -n "$next" ] || { explain_http "$code" "$location"; exit 1; } ;;
        *) explain_http "$code" "$location"; exit 1 ;;
        esac
        redirects=$((redirects + 1))
        [ $redirects -le $max_redirects ] || fail "$1: more than $max_redirects redirects"
        location=$next
        # The content's own host need not be asked: the endpoint has said what it will send.
        [ -z "$hash" ] || [ -z "$size" ] || break
    done
    : "${hash:=$(header_value etag | sed 's|^W/||; s/"//g')}"
    : "${size:=$(header_value content-length)}"
    case $size in
    *[!0-9]* | ??????????????????*) fail "$1: the server states a size of '$size' bytes" ;;
    esac
    return 0
}

# ---- hashes -----------------------------------------------------------------------------------

digest() { # 1 or 256; from standard input
    if command -v "sha${1}sum" >/dev/null; then
        "sha${1}sum"
    elif command -v shasum >/dev/null; then
        shasum -a "$1"
    else
        openssl dgst "-sha$1" -r
    fi | cut -d ' ' -f 1
}

file_size() { wc -c <"$1" | tr -d ' '; }

has_hash() { # FILE HASH
    case ${#2} in
    64) [ "$(digest 256 <"$1")" = "$2" ] ;;
    *) [ "$({ printf 'blob %s\000' "$(file_size "$1")"; cat -- "$1"; } | digest 1)" = "$2" ] ;;
    esac
}

check_hash_form() { # URL
    case $hash in
    *[!0-9a-f]*) ;;
    ????????????????????????????????????????) return ;;
    ????????????????????????????????????????????????????????????????) return ;;
    esac
    fail "$1: the server states no SHA-256 of the file (X-Linked-Etag or ETag): it cannot be verified"
}

# ---- one file ---------------------------------------------------------------------------------

# curl in the background, so that a signal is heard at once and not when the file is complete.
download() { # sets code; returns curl's status
    if [ "$bar" = --silent ]; then
        download_part 2>"$work/errors" &
    else # the bar is drawn on standard error, and curl's own message stands below it
        : >"$work/errors"
        download_part &
    fi
    child=$!
    wait "$child"
    status=$?
    child=
    code=$(cat "$work/code")
    return $status
}

download_part() {
    # shellcheck disable=SC2086 # several words, or none
    request exec "$location" --fail --show-error $bar $follow --continue-at - --speed-limit 1 \
        --speed-time 60 --output "$part" --write-out '%{http_code}' >"$work/code"
}

# Brings $partial/FILE to its whole length and right hash, or exits.
fetch() { # FILE URL
    part=$partial/$1.part
    attempt=1
    say "$1${size:+ ($(human "$size"))}"
    while :; do
        if [ -e "$part" ] && [ -n "$size" ] && [ "$(file_size "$part")" -gt "$size" ]; then
            rm -f "$part"
        fi
        resumed=$([ -s "$part" ] && echo yes)
        status=0
        # A complete .part must not be asked for: there is no range behind its end.
        if [ -z "$size" ] || [ ! -e "$part" ] || [ "$(file_size "$part")" -lt "$size" ]; then
            follow="--location --max-redirs $max_redirects"
            [ "$(origin "$location")" != "$(origin "$hub_endpoint")" ] || follow=
            download
            status=$?
        fi
        if [ $status -eq 0 ] && { [ -z "$size" ] || [ "$(file_size "$part")" -eq "$size" ]; }; then
            has_hash "$part" "$hash" && break
            rm -f "$part"
            [ -n "$resumed" ] || fail "$2: wrong hash: the file that arrived is not the one that was" \
                "announced ($hash); it is deleted"
            say "$2: wrong hash after going on from an earlier download: once more from the start"
        elif [ $status -eq 33 ] || { [ $status -eq 22 ] && [ "$code" = 416 ]; }; then
            say "$2: the server cannot go on from the middle: once more from the start"
            rm -f "$part"
        elif [ $status -eq 22 ]; then
            explain_http "$code" "$2"
            case $code in 5* | 429 | 408) ;; *) exit 1 ;; esac
        elif [ $status -eq 0 ]; then
            say "$2: the file ended after $(file_size "$part") of $size bytes"
        else
            explain_curl $status "$2"
            case $status in 23 | 153) exit 1 ;; esac
        fi
        [ $attempt -lt $attempts ] ||
            fail "$2: given up after $attempts attempts; what has arrived is kept, run this again"
        attempt=$((attempt + 1))
        sleep 1
        resolve "$2" || fail "$2: not found"
        hash=$expected
    done
    mv -f "$part" "$partial/$1" || exit 1
}

human() {
    awk -v n="$1" 'BEGIN {
        if (n >= 1e9) printf "%.1f GB", n / 1e9
        else if (n >= 1e6) printf "%.0f MB", n / 1e6
        else printf "%.0f kB", n / 1e3
    }'
}

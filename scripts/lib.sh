# Shared by the commands in scripts/. Sourced by bash with `root` unset.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ---- packages ---------------------------------------------------------------
# What is needed, and the Debian package that brings it: one row each. What is
# there already, from wherever, is not installed.
#   command NAME | library PKG-CONFIG-NAME | compiler - | python MODULE
build_needs='
command autoreconf autoconf
command automake automake
command make make
command pkg-config pkg-config
compiler - gcc
compiler - libc6-dev
library libevent_core libevent-dev
library jemalloc libjemalloc-dev
library libxxhash libxxhash-dev'

test_needs="$build_needs
command xz xz-utils
library cmocka libcmocka-dev
command memccapable libmemcached-tools
command nc netcat-openbsd
command python3 python3
python ensurepip python3-venv"

bench_needs="$build_needs
command memcached memcached"

is_installed() { # PACKAGE, by Debian's own word
    command -v dpkg-query >/dev/null &&
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = \
            installed ]
}

is_there() { # KIND NAME PACKAGE
    case $1 in
    command) command -v "$2" >/dev/null ;;
    compiler)
        printf '#include <stdio.h>\nint main(void) { return 0; }\n' |
            cc -x c -o /dev/null - 2>/dev/null
        ;;
    library) pkg-config --exists "$2" 2>/dev/null || is_installed "$3" ;;
    python) python3 -c "import $2" 2>/dev/null ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root (run it as root or install sudo): $*"
    fi
}

# Debian starts the service of a package it installs. We want memcached's
# binary to compare with, not a server on port 11211.
hold_memcached_service() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl --runtime mask memcached.service
    fi
}
release_memcached_service() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl --runtime unmask memcached.service
        as_root systemctl disable memcached.service
    fi
}

install_packages() { # PACKAGE...
    local memcached=
    case " $* " in *' memcached '*) memcached=yes ;; esac
    say "installing: $*"
    as_root apt-get update -q
    [ -z "$memcached" ] || hold_memcached_service
    # RUNLEVEL=1 does the same for machines without systemd.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -q -y --no-install-recommends "$@"
    [ -z "$memcached" ] || release_memcached_service
}

# Installs what of a table of needs is missing; says nothing where all is there.
need() { # TABLE
    local kind name package missing=()
    while read -r kind name package; do
        [ -n "$kind" ] || continue
        is_there "$kind" "$name" "$package" || missing+=("$package")
    done <<<"$1"
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "missing, by Debian's names: ${missing[*]}." \
            "Only Debian and Ubuntu are installed to: install these yourself."
    install_packages "${missing[@]}"
}

# ---- building ---------------------------------------------------------------
# Configures where that was not done with these switches yet.
configure_in() { # DIRECTORY SWITCH...
    local dir=$1
    shift
    [ -x "$root/configure" ] || (cd "$root" && ./autogen.sh)
    mkdir -p "$dir"
    if [ ! -f "$dir/config.status" ] ||
        [ "$(cat "$dir/.switches" 2>/dev/null)" != "$*" ]; then
        (cd "$dir" && "$root/configure" -q "$@")
        echo "$*" >"$dir/.switches"
    fi
}

# ---- Python -----------------------------------------------------------------
# .venv from tests/requirements.txt; made again when that changes.
make_venv() {
    local want
    want=$(python3 -V && cat "$root/tests/requirements.txt")
    [ "$(cat "$root/.venv/made-of" 2>/dev/null)" != "$want" ] || return 0
    say "making .venv from tests/requirements.txt"
    rm -rf "$root/.venv"
    python3 -m venv "$root/.venv"
    "$root/.venv/bin/pip" install -q --disable-pip-version-check \
        -r "$root/tests/requirements.txt"
    echo "$want" >"$root/.venv/made-of"
}

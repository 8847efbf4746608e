#!/bin/sh
# Installs what is missing: packages.sh COMMAND=PACKAGE ...   (Debian and its kin; elsewhere it says what is needed)
# The pattern of a file, from / on, may stand for the command.
set -eu

is_there() {
    case $1 in
        # shellcheck disable=SC2086  # a pattern is meant
        /*) ls $1 >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ;;
    esac
}

missing=
for pair in "$@"; do
    is_there "${pair%%=*}" || missing="$missing ${pair#*=}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install with your system's package manager:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Please run as root: apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "Installing$missing (Debian packages)"
# shellcheck disable=SC2086  # a list of words is meant
told=$({ $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } 2>&1) || {
    echo "$told" >&2
    exit 1
}

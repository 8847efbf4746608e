#!/bin/sh
# Installs what is missing: packages.sh COMMAND=PACKAGE ...   (Debian and its kin; elsewhere it says what is needed)
set -eu

missing=
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%=*}" ] || missing="$missing ${pair#*=}"
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

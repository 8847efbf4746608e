#!/bin/sh
# Makes docs/dashboard.png: the dashboard of a running `make run` while images come in. Needs Chromium and DCMTK.
set -eu
cd "$(dirname "$0")/.."

profile=$(mktemp -d)
senders=
finish() {
    # shellcheck disable=SC2086  # a list of pids is meant
    kill $senders 2>/dev/null || true
    rm -rf "$profile"
}
trap finish EXIT
trap 'exit 1' INT TERM

# associations that go on and on: a few of CT, of MR and of everything else
for file in ct-head-1 ct-chest ct-neck-big-endian mr-brain mr-brain mg-breast xa-heart-cine sr-ct-head; do
    TCP_NODELAY=1 storescu --propose-big --repeat 1000000 localhost 11112 "dicom-samples/$file.dcm" >/dev/null 2>&1 &
    senders="$senders $!"
done
# ... and short ones, one after the other, on two lines
for line in 1 2; do
    while :; do
        for file in dicom-samples/*.dcm; do dcmsend -aec "LINE$line" localhost 11112 "$file" >/dev/null 2>&1 || true; done
    done &
    senders="$senders $!"
done
sleep "${SECONDS_OF_LOAD:-20}"

chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync \
    --no-first-run --hide-scrollbars --user-data-dir="$profile" --window-size=1400,790 --screenshot=docs/dashboard.png \
    "http://${STATS_USER:-admin}:${STATS_PASSWORD:-}@localhost:8404/stats;norefresh"
ls -l docs/dashboard.png

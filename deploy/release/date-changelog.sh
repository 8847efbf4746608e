#!/bin/sh
# npm's "version" script: what was unreleased is now this version, of today; npm commits it with package.json.
set -eu
dated=$(awk -v heading="## $npm_package_version - $(date +%Y-%m-%d)" '
    $0 == "## Unreleased" { print; print ""; print heading; next }
    { print }
' CHANGELOG.md)
printf '%s\n' "$dated" >CHANGELOG.md
git add CHANGELOG.md

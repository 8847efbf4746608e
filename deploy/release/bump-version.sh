#!/bin/sh
# make bump-version: a new version as one commit and a tag, by `npm version`, whose "version" script dates the changelog.
#   bump-version.sh major|minor|patch
# haproxy-spoe has a version of its own, which this leaves alone.
set -eu
cd "$(dirname "$0")/../.."

refuse() {
    printf '%s\n' "$@" >&2
    exit 1
}

case ${1-} in
    major | minor | patch) ;;
    *) refuse "Say which part of the version: make bump-version PART=patch (or minor, or major)" ;;
esac

changes=$(git status --porcelain)
[ -z "$changes" ] || refuse "There are changes that are not in a commit. Commit or remove them first:" "$changes"

git var GIT_COMMITTER_IDENT >/dev/null

awk '/^## /{inside = $0 == "## Unreleased"; next} inside && /[^[:space:]]/ && !/^###/{found = 1} END{exit !found}' CHANGELOG.md ||
    refuse "CHANGELOG.md has nothing under \"## Unreleased\". Write there what users get, and commit it."

npm version "$1" --ignore-scripts=false --message 'Release %s' >/dev/null
tag=$(git describe --tags --exact-match)
echo "$tag is committed and tagged. To publish it: git push --follow-tags"

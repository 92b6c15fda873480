#!/usr/bin/env bash
# Builds the binaries of a release, and their checksums.
# usage: scripts/release.sh VERSION FOLDER OS/ARCH...
set -euo pipefail
cd "$(dirname "$0")/.."

version=$1 folder=$2
shift 2
if [[ ! $version =~ ^[A-Za-z0-9._+-]+$ ]]; then
  echo "the version becomes part of file names, and $version can't: use letters, digits and . _ + -" >&2
  exit 1
fi
if command -v sha256sum >/dev/null; then sums=(sha256sum); else sums=(shasum -a 256); fi

# Only whole releases appear under the folder's name.
unfinished=$folder.unfinished
rm -rf "$unfinished"
mkdir -p "$unfinished"
trap 'rm -rf "$unfinished"' EXIT
for platform in "$@"; do
  os=${platform%/*} arch=${platform#*/}
  name=dynapipe_${version#v}_${os}_$arch
  if [ "$os" = windows ]; then name+=.exe; fi
  echo "$folder/$name"
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch \
    go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$unfinished/$name" ./cmd/dynapipe
done
(cd "$unfinished" && "${sums[@]}" dynapipe_* >SHA256SUMS)
rm -rf "$folder"
mv "$unfinished" "$folder"

#!/usr/bin/env bash
# Runs every fuzz target of the module in turn, each for FUZZTIME.
# go test -fuzz takes one target of one package at a time.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(grep -rlE '^func Fuzz[A-Z_]' --include='*_test.go' --exclude-dir=node_modules . | sort)
if [ ${#files[@]} -eq 0 ]; then
  echo "no fuzz target found" >&2
  exit 1
fi
for file in "${files[@]}"; do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file"); do
    echo "== $(dirname "$file") $target"
    go test -run='^$' -fuzz="^$target\$" -fuzztime="${FUZZTIME:-20s}" "$(dirname "$file")"
  done
done

#!/usr/bin/env bash
# Makes sure that there is a Chromium, in which a test opens the report's page.
set -euo pipefail

for command in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$command" ] && command -v "$command" >/dev/null; then exit 0; fi
done
as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if command -v apt-get >/dev/null; then
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" apt-get install -qy --no-install-recommends chromium fonts-dejavu-core
  command -v chromium >/dev/null && exit 0
fi
echo "Chromium is missing, in which a test opens the report's page. Install it, or set CHROMIUM to its command." >&2
exit 1

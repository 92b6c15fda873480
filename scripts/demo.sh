#!/usr/bin/env bash
# Imports a real CSV file into a table, exports it, migrates it to a second table
# with other keys, and compares the counts. Uses the DynamoDB in DYNAMODB_ENDPOINT
# or starts the local one that `make tools` installs. Leaves its files in build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

dynapipe=bin/dynapipe
server=tools/node_modules/@dynoxide/linux-x64/dynoxide
out=build/demo
airports=dynapipe_demo_airports
by_state=dynapipe_demo_airports_by_state
server_pid=""

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# Escape codes are for terminals.
if [ ! -t 1 ]; then title() { printf '\n== %s\n' "$*"; }; fi

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

# run shows a command as it can be repeated, and runs it. Its messages go to
# standard error, which is joined here to keep the order.
run() {
  printf '$ %s\n' "$*"
  "$@" 2>&1
}

stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
}
trap stop_server EXIT

# start_server tries ports until the server has one for itself.
start_server() {
  local port log=$out/server.log
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    port=$((20000 + RANDOM % 12000))
    "$server" --host 127.0.0.1 --port "$port" >"$log" 2>&1 &
    server_pid=$!
    while kill -0 "$server_pid" 2>/dev/null; do
      if grep -q 'listening on' "$log"; then
        endpoint=http://127.0.0.1:$port
        return
      fi
      sleep 0.02
    done
    server_pid=""
  done
  fail "The local DynamoDB server did not start; it says: $(cat "$log")"
}

# use_endpoint tells dynapipe, through the AWS SDK's own variables, where
# DynamoDB is. An emulator takes any credentials; DynamoDB itself gets yours.
use_endpoint() {
  export AWS_ENDPOINT_URL_DYNAMODB=$endpoint
  case $endpoint in
  *.amazonaws.com*) ;;
  *)
    unset AWS_PROFILE AWS_SESSION_TOKEN
    export AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo
    ;;
  esac
}

count_lines() { gzip -dc "$1" | wc -l | tr -d ' '; }

[ -x "$dynapipe" ] || fail "$dynapipe is missing: run \`make demo\`, which builds it, or \`make build\`."
rm -rf "$out"
mkdir -p "$out"

title "DynamoDB"
if [ -n "${DYNAMODB_ENDPOINT:-}" ]; then
  endpoint=$DYNAMODB_ENDPOINT
  echo "using $endpoint (DYNAMODB_ENDPOINT); the tables $airports and $by_state stay there"
elif [ -x "$server" ]; then
  start_server
  echo "started a local server at $endpoint, in memory"
else
  fail "There is no DynamoDB to use: run \`make tools\` (it needs npm, and Linux on x86-64), or set
DYNAMODB_ENDPOINT to the URL of any DynamoDB, such as http://127.0.0.1:8000."
fi
use_endpoint

title "Plan of the import: nothing runs yet"
run "$dynapipe" plan examples/pipelines/import.hcl --var table="$airports"

title "Import: examples/data/airports.csv into $airports"
run "$dynapipe" run examples/pipelines/import.hcl --var table="$airports" --report "$out/import.json"

title "Export: $airports into a file"
run "$dynapipe" run examples/pipelines/export.hcl --var table="$airports" --var folder="$out"

title "Migrate: $airports into $by_state, with other keys"
run "$dynapipe" run examples/pipelines/migrate.hcl --var from="$airports" --var to="$by_state"
run "$dynapipe" run examples/pipelines/export.hcl --var table="$by_state" --var folder="$out"

title "One airport, before and after"
grep '^ANC,' examples/data/airports.csv
gzip -dc "$out/$airports.jsonl.gz" | grep '"ANC"'
gzip -dc "$out/$by_state.jsonl.gz" | grep '"ANC"'

title "Counts"
# No cell of this file has a line end in it, so that its lines are its rows.
rows=$(($(wc -l <examples/data/airports.csv) - 1))
exported=$(count_lines "$out/$airports.jsonl.gz")
migrated=$(count_lines "$out/$by_state.jsonl.gz")
printf '%6d rows in examples/data/airports.csv\n' "$rows"
printf '%6d items in %s\n' "$exported" "$airports"
printf '%6d items in %s\n' "$migrated" "$by_state"
if [ "$rows" -ne "$exported" ] || [ "$rows" -ne "$migrated" ]; then
  fail "These should be equal. What the runs wrote is in $out."
fi
echo "Equal. The files are in $out/."

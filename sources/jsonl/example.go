package jsonl

// examples have each argument of the block once.
const examples = `source "jsonl" "events" {
  path    = "events/2026-*.jsonl.zst"
  columns = { seen_at = number, labels = string_set }
}

# Items in DynamoDB JSON from standard input.
source "jsonl" "items" {
  path        = "-"
  compression = "none"
  format      = "dynamodb"
}

source "jsonl" "corrections" {
  path          = "corrections.jsonl"
  allow_missing = true
}
`

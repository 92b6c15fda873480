package json

// examples have each argument of the block once.
const examples = `source "json" "quakes" {
  path    = "quakes.json"
  pointer = "/features"
}

# An export of a table to S3.
source "json" "export" {
  path          = "export/*.json.gz"
  compression   = "gzip"
  allow_missing = true
  format        = "dynamodb"
  columns       = { total = number }
}
`

package file

// examples have each argument of the block once.
const examples = `sink "file" "users" {
  from        = source.csv.users
  path        = "out/users.csv.gz"
  compression = "gzip"
  columns     = ["id", "email", "balance"]
  delimiter   = ";"
  header      = false
  strict      = true
}

# A file for each region, and a new one after every million rows or 256 MB.
sink "file" "regions" {
  from      = source.csv.users
  path      = "out/${row.region}/users.jsonl"
  format    = "jsonl"
  encoding  = "dynamodb"
  max_rows  = 1000000
  max_bytes = "256MB"
  max_open  = 16
}

sink "file" "table" {
  from    = source.csv.users
  path    = "out/users.parquet"
  columns = { id = string, balance = number, tags = string_set }
}
`

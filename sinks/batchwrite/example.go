package batchwrite

// examples have each argument of the block once.
const examples = `sink "batch_write" "users" {
  from           = source.csv.users
  connection     = connection.dynamodb.main
  table          = "users"
  batch_size     = 25
  concurrency    = 64
  write_capacity = "50%"
  duplicates     = "error"
}

# Puts and deletes, in tables that rows name.
sink "batch_write" "changes" {
  from        = source.csv.changes
  table       = "orders-${row.region}"
  tables      = ["orders-eu", "orders-us"]
  operation   = row.deleted == "yes" ? "delete" : "put"
  max_deletes = 1000
}

# Newer data is never overwritten.
sink "batch_write" "newer" {
  from                 = source.csv.users
  table                = "users"
  condition            = !exists(item.id) || item.updated_at < row.updated_at
  on_condition_failure = "skip"
}
`

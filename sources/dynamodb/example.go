package dynamodb

// examples have each argument of the block once.
const examples = `# A Scan, filtered where the data is, within a budget.
source "dynamodb" "open_orders" {
  connection      = connection.dynamodb.main
  table           = "orders"
  filter          = begins_with(item.sk, "ORDER#") && item.status == "open"
  projection      = ["pk", "sk", "total", "address.city"]
  segments        = 16
  consistent_read = true
  read_capacity   = 500
  page_size       = 200
  limit           = 100000
  skip_expired    = true
}

# A Query of an index.
source "dynamodb" "latest" {
  table          = "orders"
  index          = "by_customer"
  key_condition  = item.customer == "C-17" && item.at >= "2026-01-01"
  descending     = true
  all_attributes = true
}
`

package aggregate

// examples have each argument of the block once.
const examples = `transform "aggregate" "totals" {
  from = source.csv.orders
  by   = { customer = row.customer, month = substr(row.at, 0, 7) }
  set = {
    orders  = count()
    revenue = sum(row.total)
    largest = max(row.total)
  }
  max_groups = 500000
  max_bytes  = "512MB"
}
`

package validate

// examples have each argument of the block once.
const examples = `transform "validate" "orders" {
  from = source.csv.orders

  rule "total" {
    condition = row.total >= 0
    message   = "the total of order ${row.id} is below zero"
  }

  rule "currency" {
    condition = contains(["EUR", "USD"], row.currency)
  }
}
`

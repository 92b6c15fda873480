package lookup

// examples have each argument of the block once.
const examples = `transform "lookup" "enriched" {
  from        = source.csv.orders
  on_missing  = "reject"
  concurrency = 32

  get "customer" {
    connection      = connection.dynamodb.main
    table           = "customers"
    key             = { id = row.customer }
    projection      = ["name", "address.city"]
    consistent_read = true
  }
}

# Customers that come again are not asked for again.
transform "lookup" "kept" {
  from  = source.csv.orders
  cache = 10000

  get "customer" {
    table = "customers"
    key   = { id = row.customer }
  }
}

# All items of a row as they were at one moment, their attributes beside the row's.
transform "lookup" "balances" {
  from = source.csv.transfers
  mode = "transaction"

  get "account" {
    table   = "accounts"
    key     = { id = row.account }
    flatten = true
  }
}
`

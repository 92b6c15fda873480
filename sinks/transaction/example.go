package transaction

// examples have each argument of the block once.
const examples = `sink "transaction" "transfers" {
  from                 = source.jsonl.transfers
  connection           = connection.dynamodb.main
  idempotency_key      = row.id
  on_condition_failure = "reject"
  exactly_once         = true
  marker_table         = "markers"
  marker_ttl           = "30d"
  concurrency          = 32
  write_capacity       = 500

  update {
    table     = "accounts"
    key       = { id = row.payer }
    set       = { balance = item.balance - row.amount }
    remove    = ["warned"]
    condition = item.balance >= row.amount
  }

  update {
    table  = "accounts"
    key    = { id = row.payee }
    add    = { received = row.amount }
    delete = { expected = string_set([row.id]) }
    when   = row.payee != "bank"
  }

  put {
    table     = "ledger"
    item      = { id = row.id, amount = row.amount }
    condition = !exists(item.id)
    when      = row.amount > 0
  }

  condition_check {
    table     = "currencies"
    key       = { code = row.currency }
    condition = item.tradable == true
    when      = row.currency != "EUR"
  }

  delete {
    table     = "pending"
    key       = { id = row.id }
    condition = exists(item.id)
    when      = row.pending == true
  }
}

# The lines of an order are written together, or none is.
sink "transaction" "orders" {
  from     = source.csv.lines
  group_by = row.order

  put {
    table = "lines"
  }
}
`

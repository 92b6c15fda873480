package update

// examples have each argument of the block once.
const examples = `sink "update" "counters" {
  from           = source.csv.visits
  connection     = connection.dynamodb.main
  table          = "pages"
  key            = { url = row.url }
  set            = { seen_at = row.at, "owner.name" = row.owner }
  add            = { visits = 1 }
  remove         = ["stale"]
  delete         = { waiting = string_set([row.user]) }
  concurrency    = 64
  write_capacity = 500
}

# Each update once, also when an answer is lost and a run goes on days later.
sink "update" "payments" {
  from                 = source.jsonl.payments
  table                = "accounts"
  key                  = { id = row.account }
  set                  = { balance = item.balance + row.amount }
  condition            = exists(item.id)
  on_condition_failure = "reject"
  exactly_once         = true
  marker_table         = "markers"
  marker_ttl           = "30d"
  idempotency_key      = row.payment
}
`

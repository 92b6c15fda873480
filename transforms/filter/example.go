package filter

// examples have each argument of the block once.
const examples = `transform "filter" "active" {
  from  = source.csv.users
  where = row.status == "active" && row.balance > 0
}
`

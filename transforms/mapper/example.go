package mapper

// examples have each argument of the block once.
const examples = `transform "map" "items" {
  from = source.csv.users
  set = {
    pk   = "USER#${row.id}"
    tier = row.balance > 100 ? "gold" : "standard"
  }
  rename = { mail = "email" }
  drop   = ["password", "status"]
}

transform "map" "narrow" {
  from = source.csv.users
  keep = ["id", "email"]
}
`

source "csv" "users" {
  path    = "users.csv"
  columns = { balance = number, age = number }
}

transform "filter" "active" {
  from  = source.csv.users
  where = row.status == "active"
}

transform "map" "items" {
  from = transform.filter.active
  set = {
    pk   = "USER#${row.id}"
    tier = row.balance * 1.19 > 12000 ? "gold" : "standard"
  }
}

sink "file" "items" {
  from = transform.map.items
  path = "out.jsonl"
}

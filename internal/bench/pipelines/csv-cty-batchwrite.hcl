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
    pk      = "USER#${row.id}"
    country = upper(row.country)
    tier    = row.balance * 1.19 > 12000 ? "gold" : "standard"
  }
}

sink "batch_write" "users" {
  from  = transform.map.items
  table = "target"
}

source "csv" "users" {
  path    = "users.csv"
  columns = { balance = number, age = number }
}

transform "map" "grouped" {
  from = source.csv.users
  set = {
    group = floor(tonumber(substr(row.id, 1, 9)) / 100)
  }
}

sink "transaction" "users" {
  from     = transform.map.grouped
  group_by = row.group

  put {
    table = "target"
    item = {
      id      = row.id
      email   = row.email
      name    = row.name
      status  = row.status
      balance = row.balance
      created = row.created
      age     = row.age
      country = row.country
      tags    = row.tags
      note    = row.note
    }
  }
}

source "csv" "users" {
  path    = "users.csv"
  columns = { balance = number, age = number }
}

sink "file" "users" {
  from = source.csv.users
  path = "out.parquet"
}

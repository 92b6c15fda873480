source "csv" "users" {
  path    = "users.csv"
  columns = { balance = number, age = number }
}

sink "batch_write" "users" {
  from  = source.csv.users
  table = "target"
}

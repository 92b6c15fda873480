package csv

// examples have each argument of the block once.
const examples = `source "csv" "users" {
  path        = "data/users-*.csv"
  columns     = { balance = number, vip = bool, tags = string_set }
  separators  = { tags = "|" }
  null_values = ["", "N/A"]
}

# A file from a spreadsheet: no header, another delimiter, an old encoding.
source "csv" "prices" {
  path          = ["old/prices.csv.gz", "new/prices.csv.gz"]
  compression   = "gzip"
  allow_missing = true
  delimiter     = ";"
  header        = false
  column_names  = ["sku", "price", "currency"]
  comment       = "#"
  skip_rows     = 2
  trim          = true
  encoding      = "windows-1252"
}
`

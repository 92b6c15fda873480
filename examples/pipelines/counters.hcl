# Counters in a table: how many airports a state has, and the sum of their
# latitudes. Each row adds to the item of its state. exactly_once keeps a lost
# answer from counting a row twice.
#
# The table has the partition key "state" (string).
#
#   dynapipe run examples/pipelines/counters.hcl --var table=airports_of_states

variable "table" {
  type        = string
  description = "Table with the counters"
  default     = "airports_of_states"
}

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

sink "update" "counters" {
  from  = source.csv.airports
  table = var.table
  key   = { state = coalesce(row.state, "none") }

  set    = { first = if_not_exists(item.first, row.iata) }
  add    = { airports = 1, latitudes = row.latitude }
  remove = ["stale"]

  exactly_once = true
}

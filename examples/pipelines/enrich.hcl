# Routes of a file, each with the airports at both of its ends from a table:
# names and places, asked for 100 keys at a time and each key once.
#
#   dynapipe run examples/pipelines/import.hcl
#   dynapipe run examples/pipelines/enrich.hcl

variable "table" {
  type        = string
  description = "Table of airports, as import.hcl makes it"
  default     = "airports"
}

source "csv" "flights" {
  path    = "examples/data/flights.csv"
  columns = { count = number }
}

transform "filter" "busy" {
  from  = source.csv.flights
  where = row.count >= 100
}

transform "lookup" "airports" {
  from       = transform.filter.busy
  on_missing = "reject"
  cache      = 1000

  get "from" {
    table      = var.table
    key        = { iata = row.origin }
    projection = ["name", "city", "state"]
  }

  get "to" {
    table      = var.table
    key        = { iata = row.destination }
    projection = ["name", "city", "state"]
  }
}

transform "map" "routes" {
  from = transform.lookup.airports
  set = {
    route        = "${row.from.city} - ${row.to.city}"
    within_state = row.from.state == row.to.state
  }
}

sink "file" "routes" {
  from = transform.map.routes
  path = "out/routes.jsonl"
}

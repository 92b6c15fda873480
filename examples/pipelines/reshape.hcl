# A CSV file, filtered and reshaped, to JSONL and to Parquet.
# Needs nothing but the binary:
#
#   dynapipe run examples/pipelines/reshape.hcl

variable "state" {
  type        = string
  description = "Airports of this state go into the files"
  default     = "AK"
}

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

transform "filter" "in_state" {
  from  = source.csv.airports
  where = row.state == var.state
}

transform "map" "airports" {
  from = transform.filter.in_state
  set = {
    label  = "${row.iata}: ${row.name}, ${row.city}"
    arctic = row.latitude > 66.5
  }
  rename = { iata = "code" }
  keep   = ["code", "label", "latitude", "longitude", "arctic"]
}

sink "file" "lines" {
  from = transform.map.airports
  path = "out/airports.jsonl"
}

sink "file" "table" {
  from = transform.map.airports
  path = "out/airports.parquet"
}

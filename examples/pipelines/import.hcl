# A CSV file into a table, which is created when it does not exist.
# Region, endpoint and credentials are found as every AWS tool finds them.
#
#   dynapipe run examples/pipelines/import.hcl --var table=airports

variable "table" {
  type        = string
  description = "Table to write"
  default     = "airports"
}

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

transform "validate" "on_earth" {
  from = source.csv.airports

  rule "latitude" {
    condition = row.latitude >= -90 && row.latitude <= 90
    message   = "latitude is not between -90 and 90"
  }
}

sink "batch_write" "airports" {
  from  = transform.validate.on_earth
  table = var.table

  create_table {
    partition_key = "iata"
  }
}

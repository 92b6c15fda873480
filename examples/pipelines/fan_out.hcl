# One file to several tables: each airport to the table of its country, named by the
# row, several of them in one request, and every airport to an archive as well.
#
#   dynapipe run examples/pipelines/fan_out.hcl --var prefix=airports

variable "prefix" {
  type        = string
  description = "What the tables' names begin with"
  default     = "airports"
}

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

sink "batch_write" "by_country" {
  from   = source.csv.airports
  table  = row.country == "USA" ? "${var.prefix}-usa" : "${var.prefix}-abroad"
  tables = ["${var.prefix}-usa", "${var.prefix}-abroad"]

  create_table {
    partition_key = "iata"
  }
}

sink "batch_write" "archive" {
  from  = source.csv.airports
  table = "${var.prefix}-archive"

  create_table {
    partition_key = "iata"
    table_class   = "STANDARD_INFREQUENT_ACCESS"
  }
}

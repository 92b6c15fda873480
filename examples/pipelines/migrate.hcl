# A table into another one with other keys: from one item per airport to a
# single-table design, where the airports of a state stand together.
#
#   dynapipe run examples/pipelines/migrate.hcl --var to=airports_by_state

variable "from" {
  type        = string
  description = "Table to read"
  default     = "airports"
}

variable "to" {
  type        = string
  description = "Table to write"
  default     = "airports_by_state"
}

source "dynamodb" "airports" {
  table           = var.from
  consistent_read = true
}

transform "map" "keys" {
  from = source.dynamodb.airports
  set = {
    pk       = "STATE#${row.state}"
    sk       = "AIRPORT#${row.iata}"
    position = { latitude = row.latitude, longitude = row.longitude }
  }
  drop = ["latitude", "longitude"]
}

sink "batch_write" "by_state" {
  from  = transform.map.keys
  table = var.to

  create_table {
    partition_key = "pk"
    sort_key      = "sk"
  }
}

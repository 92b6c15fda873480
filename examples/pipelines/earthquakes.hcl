# An array inside a JSON document into a table, one item per earthquake, sorted
# by time within the network that reported it.
#
#   dynapipe run examples/pipelines/earthquakes.hcl --var table=earthquakes

variable "table" {
  type        = string
  description = "Table to write"
  default     = "earthquakes"
}

source "json" "features" {
  path    = "examples/data/earthquakes.json"
  pointer = "/features"
}

transform "filter" "earthquakes" {
  from  = source.json.features
  where = row.properties.type == "earthquake" # and not a quarry blast
}

transform "map" "items" {
  from = transform.filter.earthquakes
  set = {
    network   = row.properties.net
    event     = "${row.properties.time}#${row.id}"
    at        = rfc3339(floor(row.properties.time / 1000))
    magnitude = row.properties.mag
    place     = row.properties.place
    longitude = row.geometry.coordinates[0]
    latitude  = row.geometry.coordinates[1]
    depth     = row.geometry.coordinates[2]
  }
  drop = ["type", "geometry"]
}

sink "batch_write" "earthquakes" {
  from  = transform.map.items
  table = var.table

  create_table {
    partition_key = "network"
    sort_key      = "event"
  }
}

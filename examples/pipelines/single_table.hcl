# Two kinds of item in one table: an airport and the flights that leave it stand
# together below one partition key, and an index that is sparse has only the routes
# that are flown most.
#
#   dynapipe run examples/pipelines/single_table.hcl --var table=aviation

variable "table" {
  type        = string
  description = "Table to write; created when there is none"
  default     = "aviation"
}

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

source "csv" "flights" {
  path    = "examples/data/flights.csv"
  columns = { count = number }
}

transform "map" "airport" {
  from = source.csv.airports
  set = {
    pk   = "AIRPORT#${row.iata}"
    sk   = "AIRPORT"
    kind = "airport"
  }
}

transform "map" "flight" {
  from = source.csv.flights
  set = {
    pk   = "AIRPORT#${row.origin}"
    sk   = "FLIGHT#${row.destination}"
    kind = "flight"
  }
}

transform "route" "traffic" {
  from = transform.map.flight

  output "busy" {
    where = row.count >= 1000
  }
}

transform "map" "busy" {
  from = transform.route.traffic.busy
  set = {
    busy_pk = "BUSY#${row.origin}"
    busy_sk = row.count
  }
}

sink "batch_write" "aviation" {
  from  = [transform.map.airport, transform.map.busy, transform.route.traffic.otherwise]
  table = var.table

  create_table {
    partition_key = "pk"
    sort_key      = "sk"

    global_index "busy" {
      partition_key = "busy_pk"
      sort_key      = "busy_sk"
      sort_type     = "N"
    }
  }
}

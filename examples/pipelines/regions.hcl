# Airports by region: the first output that matches takes a row, and what is left
# goes its own way. Two of the ways meet again, in the order of the input.
#
#   dynapipe run examples/pipelines/regions.hcl

source "csv" "airports" {
  path    = "examples/data/airports.csv"
  columns = { latitude = number, longitude = number }
}

transform "route" "regions" {
  from = source.csv.airports

  output "north" {
    where = row.latitude > 60
  }

  output "islands" {
    where = contains(["HI", "PR", "VI", "GU", "AS"], row.state)
  }
}

transform "map" "remote" {
  from = transform.route.regions.islands
  set  = { ferry = true }
}

sink "file" "north" {
  from = transform.route.regions.north
  path = "out/north.jsonl"
}

sink "file" "far" {
  from = [transform.route.regions.north, transform.map.remote]
  path = "out/far.jsonl"
}

sink "file" "mainland" {
  from = transform.route.regions.otherwise
  path = "out/mainland.jsonl"
}

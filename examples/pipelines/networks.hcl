# Earthquakes counted by the network that reported them: exact sums and means,
# the strongest, and where it was.
#
#   dynapipe run examples/pipelines/networks.hcl

source "json" "features" {
  path    = "examples/data/earthquakes.json"
  pointer = "/features"
}

transform "aggregate" "networks" {
  from = source.json.features
  by   = { network = row.properties.net }
  set = {
    events    = count()
    strongest = max(row.properties.mag)
    mean      = avg(row.properties.mag)
    total     = sum(row.properties.mag)
    felt      = sum(row.properties.felt)
    latest    = first(row.properties.place)
  }
}

sink "file" "networks" {
  from = transform.aggregate.networks
  path = "out/networks.jsonl"
}

# One row for each product of an earthquake: a list becomes rows. The lists come
# as text, ",geoserve,origin,", and most rows have several.
#
#   dynapipe run examples/pipelines/products.hcl

source "json" "features" {
  path    = "examples/data/earthquakes.json"
  pointer = "/features"
}

transform "map" "events" {
  from = source.json.features
  set = {
    network  = row.properties.net
    products = compact(split(",", row.properties.types))
  }
  keep = ["id", "network", "products"]
}

transform "explode" "products" {
  from  = transform.map.events
  field = "products"
  as    = "product"
}

transform "map" "lines" {
  from = transform.explode.products
  drop = ["products"]
}

sink "file" "products" {
  from = transform.map.lines
  path = "out/products.csv"
}

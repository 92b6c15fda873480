# One ZIP code for each city: the last one of the file, of those of equal state
# and city. Rows with one city stand close together here, so a short window does.
#
#   dynapipe run examples/pipelines/cities.hcl

source "csv" "codes" {
  path = "examples/data/zipcodes.csv"
}

transform "dedupe" "cities" {
  from   = source.csv.codes
  key    = [row.state, row.city]
  keep   = "last"
  window = 1000
}

sink "file" "cities" {
  from = transform.dedupe.cities
  path = "out/cities.csv"
}

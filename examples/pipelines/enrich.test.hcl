# Tests of enrich.hcl, which need neither its table nor its file:
#
#   dynapipe test examples

test "a busy route" {
  source "csv" "flights" {
    rows = [
      { origin = "SEA", destination = "PDX", count = 100 },
      { origin = "PDX", destination = "SEA", count = 99 },
      { origin = "SEA", destination = "GEG", count = 250 },
    ]
  }

  lookup "airports" {
    rows = [
      { iata = "SEA", name = "Seattle-Tacoma Intl", city = "Seattle", state = "WA", latitude = 47.4 },
      { iata = "PDX", name = "Portland Intl", city = "Portland", state = "OR", latitude = 45.5 },
      { iata = "GEG", name = "Spokane Intl", city = "Spokane", state = "WA", latitude = 47.6 },
    ]
  }

  expect "file" "routes" {
    rows = [
      {
        origin       = "SEA"
        destination  = "PDX"
        count        = 100
        from         = { name = "Seattle-Tacoma Intl", city = "Seattle", state = "WA" }
        to           = { name = "Portland Intl", city = "Portland", state = "OR" }
        route        = "Seattle - Portland"
        within_state = false
      },
      {
        origin       = "SEA"
        destination  = "GEG"
        count        = 250
        from         = { name = "Seattle-Tacoma Intl", city = "Seattle", state = "WA" }
        to           = { name = "Spokane Intl", city = "Spokane", state = "WA" }
        route        = "Seattle - Spokane"
        within_state = true
      },
    ]
  }
}

test "an airport that nobody knows" {
  source "csv" "flights" {
    rows = [{ origin = "SEA", destination = "XXX", count = 100 }]
  }

  lookup "airports" {
    rows = [{ iata = "SEA", name = "Seattle-Tacoma Intl", city = "Seattle", state = "WA" }]
  }

  expect "file" "routes" { rows = [] }

  reject {
    node  = "transform.lookup.airports"
    code  = "NotFound"
    count = 1
  }
}

package pipetest

// examples have each argument of the block once.
const examples = `test "gold customers" {
  pipeline  = "users.hcl"
  variables = { gold = 100 }
  now       = "2026-01-01T00:00:00Z"

  source "csv" "users" {
    rows = [
      { id = "1", status = "active", balance = 120, country = "DE" },
      { id = "2", status = "closed", balance = 500, country = "DE" },
      { id = "3", status = "active", country = "FR" },
    ]
  }

  lookup "countries" {
    rows = [{ code = "DE", name = "Germany" }]
  }

  expect "batch_write" "users" {
    rows    = [{ pk = "USER#1", tier = "gold", home = { code = "DE", name = "Germany" } }]
    count   = 1
    ordered = true
    ignore  = ["seen_at"]
  }

  reject {
    node    = "transform.map.items"
    message = "row.balance is null"
    code    = "ExpressionError"
    count   = 1
  }
}

# A file in the place of the source's own, and items for one get of several.
test "all of a file" {
  pipeline = "users.hcl"

  source "csv" "users" {
    file = "two-users.csv"
  }

  lookup "countries" {
    get "home" {
      rows = []
    }
  }

  expect "batch_write" "users" {
    rows = [{ pk = "USER#4" }, { pk = "USER#5" }]
    only = ["pk"]
  }
}
`

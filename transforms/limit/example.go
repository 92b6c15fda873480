package limit

// examples have each argument of the block once.
const examples = `transform "limit" "first" {
  from = source.csv.users
  rows = 1000
}
`

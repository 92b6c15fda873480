package dedupe

// examples have each argument of the block once.
const examples = `transform "dedupe" "latest" {
  from   = source.csv.visits
  key    = [row.user, row.page]
  keep   = "last"
  window = 50000
}
`

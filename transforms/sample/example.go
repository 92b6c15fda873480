package sample

// examples have each argument of the block once.
const examples = `transform "sample" "one_percent" {
  from     = source.csv.users
  fraction = 0.01
  seed     = 7
}
`

package route

// examples have each argument of the block once.
const examples = `transform "route" "region" {
  from = source.csv.orders

  output "europe" {
    where = contains(["DE", "FR", "PL"], row.country)
  }

  output "america" {
    where = contains(["US", "CA"], row.country)
  }
}

sink "file" "europe" {
  from = transform.route.region.europe
  path = "europe.jsonl"
}

sink "file" "others" {
  from = [transform.route.region.america, transform.route.region.otherwise]
  path = "others.jsonl"
}
`

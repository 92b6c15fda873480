package explode

// examples have each argument of the block once.
const examples = `transform "explode" "tags" {
  from     = source.jsonl.articles
  field    = "tags"
  as       = "tag"
  on_empty = "keep"
}
`

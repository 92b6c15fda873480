source "dynamodb" "users" {
  table    = "source"
  segments = 4
}

sink "file" "users" {
  from = source.dynamodb.users
  path = "out.jsonl"
}

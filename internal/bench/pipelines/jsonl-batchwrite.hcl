source "jsonl" "users" {
  path = "users.jsonl"
}

sink "batch_write" "users" {
  from  = source.jsonl.users
  table = "target"
}
